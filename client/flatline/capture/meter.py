"""Measures one kind of update within the user's own traced function.

There is no second function here as for `model.fit`: what is not due is skipped by a branch within
the graph, and whether it is due goes by a count of calls, so that the host need not say so at
every step. All that watches of custom loops use of the capture's insides is used here.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from flatline.capture.columns import sampled_columns
from flatline.capture.layout import Column, Layout, pack
from flatline.capture.naming import describe_variable
from flatline.capture.side import alone, value_of
from flatline.capture.statistics import plain, square_sums, summed
from flatline.capture.updates import (
    Update,
    after_apply,
    before_apply,
    update_columns,
    watched_orders,
)
from flatline.norms import Norms, unique
from flatline.rows import Axes, Variable

_NEVER = 2**62
_HALF = 2**20
"""A float32 holds whole numbers of 24 bits, so a count goes as two of them."""


class Meter:
    """The measurements of one optimizer, or of tapes, on one list of variables."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self.seen = 0
        """Calls up to the one that was read last."""
        self.missed = 0
        """Logged steps in a row that should have had a row of this meter and had none."""
        self.active = False
        """Whether it has reported, and not stopped to."""
        self.pace = 1
        """Calls for each logged step, as it last was."""
        self.ids: tuple[int, ...] = ()
        """What tells the variables of its rows from others of the same name."""
        self.waits = False
        """Whether calls are passed over until one that was named."""
        self._layout: Layout | None = None
        # An XLA computation takes variables of its own device alone.
        self._device = getattr(plain(variables[0]), "device", "") or "CPU:0"
        self._row: Any = None
        alone(self._create_counts)

    def due(self) -> Any:
        """Add to the graph: count a call; return whether it is to be measured."""
        self._calls.assign_add(1)
        return self._calls.read_value() >= self._target.read_value()

    def before_update(
        self, optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]
    ) -> tuple[Self, Any, Update, ExitStack] | None:
        """Measure before the variables are changed, if it is due; None: it is not, or cannot be.

        The stack is to be open while they are changed.
        """
        due = self.due()
        if tf.executing_eagerly() and not bool(due):
            return None
        update = self._before(due, optimizer, gradients, variables)
        if update is None:
            return None
        return self, due, update, watched_orders(optimizer, update)

    def _before(
        self, due: Any, optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]
    ) -> Update | None:
        found: list[Update | None] = []
        kinds: list[tuple[list[int], Any]] = []

        def measured() -> list[Any]:
            found.append(before_apply(optimizer, gradients, variables))
            tensors = [] if found[0] is None else [tensor for _, tensor in _tensors(found[0])]
            kinds.extend(([size or 0 for size in t.shape], t.dtype) for t in tensors)
            return tensors

        def nothing() -> list[Any]:
            return [tf.zeros(shape, kind) for shape, kind in kinds]

        outputs = self._branch(due, measured, nothing)
        update = found[0]
        if update is not None:
            for (put, _), output in zip(_tensors(update), tf.nest.flatten(outputs), strict=True):
                put(output)
        return update

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def after(self, due: Any, optimizer: Any, update: Update) -> None:
        """Measure what became of the variables, if it is due, and keep it all for `read`."""
        orders = dict(update.orders)

        def columns() -> list[Column]:
            update.orders = dict(orders)
            after_apply(optimizer, update)
            concerned, columns = update_columns([update], update.variables)
            self._describe(concerned)
            return columns

        self._write(due, columns)

    def gradients(self, due: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        """Measure gradients alone, if it is due."""

        def columns() -> list[Column]:
            self._describe(variables)
            return [Column("grad_norm", square_sums([summed(array) for array in gradients]))]

        self._write(due, columns)

    def read(self) -> Norms | None:
        """Return what the latest call left, unless it was read before."""
        if self._row is None or self._layout is None:
            return None
        row = np.array(value_of(self._row))
        number = int(row[0]) * _HALF + int(row[1])
        if number <= self.seen:
            return None
        self.seen = number
        found = self._layout.unpack(row[None, 2:])
        rate = found.get("learning_rate")
        columns = sampled_columns(self._layout, row[None, 2:])
        return Norms(
            self._layout.axes.variables,
            {name: column.reshape(-1) for name, column in columns.items()},
            None if rate is None else float(rate[0]),
        )

    def measure_from(self, call: int | None) -> None:
        """Let calls be measured from this one on; None: never again."""
        self.waits = call != 0
        value = tf.constant(_NEVER if call is None else call, tf.int64)
        tf.raw_ops.AssignVariableOp(resource=self._target.handle, value=value)

    def _write(self, due: Any, columns: Callable[[], list[Column]]) -> None:
        def written() -> Any:
            slots, row = pack(columns())
            layout = Layout(slots, Axes(self._variables))
            if self._layout is not None and layout != self._layout:
                message = f"{len(self._variables)} variables are measured in two ways"
                raise ValueError(message)
            if self._row is None:
                alone(lambda: self._create_row(layout.size + 2))
            self._layout = layout
            number = self._calls.read_value()
            halves = tf.cast(tf.stack([number // _HALF, number % _HALF]), tf.float32)
            self._row.assign(tf.concat([halves, row], 0))
            return tf.constant(0)

        self._branch(due, written, lambda: tf.constant(0))

    def _branch(self, due: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        outputs = tf.cond(due, yes, no)
        if "CPU" in self._device and not tf.executing_eagerly():
            _keep_whole(outputs)
        return outputs

    def _describe(self, variables: Sequence[Any]) -> None:
        self._variables = described(variables)
        self.ids = tuple(id(plain(variable)) for variable in variables)

    def _create_counts(self) -> None:
        with tf.device(self._device):
            self._calls = tf.Variable(0, trainable=False, dtype=tf.int64)
            self._target = tf.Variable(0, trainable=False, dtype=tf.int64)

    def _create_row(self, size: int) -> None:
        with tf.device(self._device):
            self._row = tf.Variable(tf.zeros([size]), trainable=False)


def described(variables: Sequence[Any]) -> tuple[Variable, ...]:
    """Return what the monitor is told of variables, each under a path of its own."""
    return unique(describe_variable(variable) for variable in variables)


def is_variable(value: Any) -> bool:
    """Say whether this is a variable, of Keras or of TensorFlow."""
    return isinstance(value, tf.Variable | getattr(keras, "Variable", tf.Variable))


def _tensors(update: Update) -> list[tuple[Callable[[Any], None], Any]]:
    """Return each tensor in an update, with a function that puts another one in its place."""
    found: list[tuple[Callable[[Any], None], Any]] = []
    for name, value in vars(update).items():
        if _is_tensor(value):
            found.append((_setter(vars(update), name), value))
        elif isinstance(value, list):
            found += [(_setter(value, i), each) for i, each in enumerate(value) if _is_tensor(each)]
    return found


def _setter(holder: Any, key: Any) -> Callable[[Any], None]:
    return lambda value: holder.__setitem__(key, value)


def _is_tensor(value: Any) -> bool:
    return tf.is_tensor(value) and not is_variable(value)


def _keep_whole(outputs: Any) -> None:
    """Let a branch of the graph be a function that is called or not.

    TensorFlow would make single operations of it, each of which costs time also when it is
    skipped: with 100 variables more than the measuring itself.
    """
    first = next(iter(tf.nest.flatten(outputs)), None)
    operation: Any = getattr(first, "op", None)
    for _ in range(4):
        if operation is None or operation.type in {"If", "StatelessIf"}:
            break
        operation = operation.inputs[0].op if operation.inputs else None
    clear = getattr(operation, "_clear_attr", None)
    lowering = "_lower_using_switch_merge"
    if clear is not None and lowering in operation.node_def.attr:
        clear(lowering)
