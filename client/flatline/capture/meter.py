"""Measures one kind of update of a loop of the program's own, where it is traced or run eagerly.

All that watches of such loops use of the capture's insides is used here.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from operator import setitem
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from flatline.capture.apart import apart
from flatline.capture.branch import Branch
from flatline.capture.columns import sampled_columns
from flatline.capture.layout import Column, Layout, pack
from flatline.capture.likeness import SCOPE
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

_ROUND = 2.0**23
"""A float32 counts further than that, but not much."""


class Meter:
    """The measurements of one optimizer, or of tapes, on one list of variables."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self.missed = 0
        """Logged steps in a row that should have had a row of this meter and had none."""
        self.active = False
        """Whether it has reported, and not stopped to."""
        self.ids: tuple[int, ...] = ()
        """What tells the variables of its rows from others of the same name."""
        self._seen = 0.0
        self._layout: Layout | None = None
        # An XLA computation takes variables of its own device alone.
        self._device = getattr(plain(variables[0]), "device", "") or "CPU:0"
        self._row: Any = None
        self._on: Any = None

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def before(
        self, due: Any, optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]
    ) -> tuple[Branch, Update, ExitStack] | None:
        """Measure before the variables are changed; None: there is no gradient.

        The stack is to be open while they are changed.
        """
        branch, found = Branch(due), list[Update | None]()

        def measured() -> list[Any]:
            taps = [None if gradient is None else apart(gradient) for gradient in gradients]
            found.append(before_apply(optimizer, taps, variables))
            return [] if found[0] is None else [tensor for _, tensor in _tensors(found[0])]

        with tf.name_scope(SCOPE):
            made = branch.made(measured)
        update = found[0]
        if update is None:
            return None
        for (put, _), tensor in zip(_tensors(update), made, strict=True):
            put(tensor)
        if replicas() > 1:
            update.clip = None  # each replica clips its own gradient, before they are summed
        return branch, update, watched_orders(optimizer, update)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def after(self, branch: Branch, optimizer: Any, update: Update) -> None:
        """Measure what became of the variables, and keep it all for `read`."""

        def measured() -> None:
            held = _tensors(update)
            whole = branch.whole([tensor for _, tensor in held])
            for (put, _), tensor in zip(held, whole, strict=True):
                put(tensor)
            after_apply(optimizer, update)
            self._write(*update_columns([update], update.variables))

        with tf.name_scope(SCOPE):
            branch.done(measured)

    def gradients(self, due: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        """Measure gradients alone, and keep that for `read`."""

        def measured() -> None:
            norms = square_sums([summed(apart(gradient)) for gradient in gradients])
            self._write(variables, [Column("grad_norm", norms)])

        with tf.name_scope(SCOPE):
            Branch(due).done(measured)

    def due(self, *, now: bool) -> Any:
        """Add to the graph: whether a call is to be measured, as `switch` says; at first `now`."""
        if self._on is None:
            alone(lambda: self._create_switch(now=now))
        with tf.name_scope(SCOPE):
            return self._on.read_value()

    @property
    def asks(self) -> bool:
        """Whether there are functions that ask `due`: nobody else knows when they were measured."""
        return self._on is not None

    def switch(self, *, on: bool) -> None:
        """Let calls be measured, or not, of functions that ask `due`."""
        if self._on is not None:
            tf.raw_ops.AssignVariableOp(resource=self._on.handle, value=tf.constant(on))

    def read(self) -> Norms | None:
        """Return what the latest call left, unless it was read before."""
        if self._row is None or self._layout is None:
            return None
        row = np.array(value_of(self._row))
        if row[0] == self._seen:
            return None
        self._seen = row[0]
        found = self._layout.unpack(row[None, 1:])
        rate = found.get("learning_rate")
        columns = sampled_columns(self._layout, row[None, 1:])
        return Norms(
            self._layout.axes.variables,
            {name: column.reshape(-1) for name, column in columns.items()},
            None if rate is None else float(rate[0]),
        )

    def _write(self, variables: Sequence[Any], columns: Sequence[Column]) -> None:
        """Store a row; its first number tells it from the one before."""
        slots, row = pack(columns)
        layout = Layout(slots, Axes(described(variables)))
        if self._layout is not None and layout != self._layout:
            message = f"{len(variables)} variables are measured in two ways"
            raise ValueError(message)
        if self._row is None:
            alone(lambda: self._create_row(layout.size + 1))
        self._layout = layout
        self.ids = tuple(id(plain(variable)) for variable in variables)
        if is_first_replica():
            number = (self._row.read_value()[:1] + 1.0) % _ROUND
            self._row.assign(tf.concat([number, row], 0))

    def _create_switch(self, *, now: bool) -> None:
        with tf.device("CPU:0"):
            self._on = tf.Variable(now, trainable=False)

    def _create_row(self, size: int) -> None:
        with tf.device(self._device):
            self._row = tf.Variable(tf.zeros([size]), trainable=False)


def described(variables: Sequence[Any]) -> tuple[Variable, ...]:
    """Return what the monitor is told of variables, each under a path of its own."""
    return unique(describe_variable(variable) for variable in variables)


def is_variable(value: Any) -> bool:
    """Say whether this is a variable, of Keras or of TensorFlow."""
    return isinstance(value, tf.Variable | getattr(keras, "Variable", tf.Variable))


def replicas() -> int:
    """Return how many replicas take a step together."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def is_first_replica() -> bool:
    """Say whether this is the replica that speaks: all measure the same, the sum of them all."""
    if replicas() == 1:
        return True
    number = tf.distribute.get_replica_context().replica_id_in_sync_group
    return bool(tf.get_static_value(number) == 0)


def _tensors(update: Update) -> list[tuple[Callable[[Any], None], Any]]:
    """Return each tensor in an update, with a function that puts another one in its place."""
    found: list[tuple[Callable[[Any], None], Any]] = []
    for name, value in vars(update).items():
        if _is_tensor(value):
            found.append((partial(setitem, vars(update), name), value))
        elif isinstance(value, list):
            places = [i for i, each in enumerate(value) if _is_tensor(each)]
            found += [(partial(setitem, value, i), value[i]) for i in places]
    return found


def _is_tensor(value: Any) -> bool:
    return tf.is_tensor(value) and not is_variable(value)
