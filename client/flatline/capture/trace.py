"""The second train function: the model's own train step, and measurements around it.

It is made by the model's own `make_train_function`, so that strategies, XLA, several steps in one
call and overrides of the program are all honoured. `compute_loss` and the optimizers' `apply` are
wrapped only while it is traced.
"""

import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from flatline.capture import batch
from flatline.capture.head import Head
from flatline.capture.layout import Column, Layout, pack
from flatline.capture.losses import loss_columns
from flatline.capture.naming import describe_variable, input_names
from flatline.capture.patches import replaced, without
from flatline.capture.side import Side
from flatline.capture.updates import Update, after_apply, before_apply, update_columns
from flatline.guard import Guard
from flatline.say import say

_DICE = {
    *("RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal"),
    *("RandomGamma", "RandomPoissonV2", "RandomShuffle", "Multinomial"),
    *("ParameterizedTruncatedNormal",),
}
"""Operations that keep their state in the traced function."""

ROW = "__flatline__"
"""Key of the row among the logs, where a strategy leaves no other way out of the graph."""


@dataclass
class Step:
    """What is seen of one train step while it is traced."""

    data: Any
    graph: Any = field(default_factory=tf.compat.v1.get_default_graph)
    loss: Any = None
    arguments: dict[str, Any] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)

    @property
    def reachable(self) -> bool:
        """Whether tensors of this moment can leave the step: not within a tf.cond or a loop."""
        return self.graph is tf.compat.v1.get_default_graph()


class Tracer:
    """Makes and calls the train function that measures; one for each bare train function."""

    def __init__(self, model: Any, head: Head) -> None:
        self.head = head
        self.layout: Layout | None = None
        self.traces = 0
        """How often the function was traced; run eagerly, how often it ran."""
        self.succeeded = False
        """Whether the function has ever run."""
        self.guard = Guard("the measuring of sampled steps")
        self._parts = {
            part: Guard(f"the measuring of {part}")
            for part in ("losses", "gradients", "inputs", "targets")
        }
        self._model: Callable[[], Any] = weakref.ref(model)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._patches: ExitStack | None = None
        self._tracing = 0
        self._side: Side | None = None
        self._function: Callable[[Any], Any] | None = None
        self._original_step: Callable[[Any], Any] = model.train_step
        self._original_loss: Callable[..., Any] = model.compute_loss

    def __call__(self, iterator: Any) -> tuple[Any, np.ndarray]:
        """Take the next step(s); return the logs and one row for each step, [step, number].

        No rows come back when measuring failed. Whatever the step itself raises is raised.
        """
        model = self._model()
        if self._function is None:
            self._function = self._build(model)
        # Keras up to 3.6 looks train_step up while tracing, later ones when the function is made.
        with replaced(model, "train_step", self._train_step):
            logs = self._function(iterator)
        self.succeeded = True
        rows = np.zeros((0, 0), np.float32)
        with self.guard:
            stacked = logs.pop(ROW, None) if type(logs) is dict else None
            if self.guard.broken or self.layout is None:
                return logs, rows
            if stacked is not None:
                rows = self.layout.merged(np.asarray(stacked))[None, :]
            elif self._side is not None:
                rows = self._side.take()
        return logs, rows

    def _build(self, model: Any) -> Callable[[Any], Any]:
        bare = model.train_function
        self._original_step = model.train_step
        with (
            without(model, "make_train_function"),  # our own stale guard; see install
            replaced(model, "train_step", self._train_step),
        ):
            try:
                object.__setattr__(model, "train_function", None)
                model.make_train_function()
                function: Callable[[Any], Any] = model.train_function
            finally:
                object.__setattr__(model, "train_function", bare)
        return function

    def _train_step(self, data: Any) -> Any:
        """Stand in for the model's train_step while the measuring function is traced."""
        self.traces += 1
        step = self._local.step = Step(data)
        self._enter()
        try:
            logs = self._original_step(data)
            _refuse_dice(step.graph)
            with self.guard:
                row = self._row(step)
                if row is not None:
                    return self._hand_out(row, logs)
                # Off until the next fit, which gets a tracer of its own.
                self.guard.broken = True
                say("batches of another shape are not measured; only the loss is from now on")
            return logs
        finally:
            self._local.step = None
            self._leave()

    def _enter(self) -> None:
        """Wrap what a step calls; replicas trace in threads of their own, the first one wraps."""
        with self._lock:
            self._tracing += 1
            if self._tracing > 1:
                return
            model = self._model()
            self._original_loss = model.compute_loss
            self._patches = stack = ExitStack()
            stack.enter_context(replaced(model, "compute_loss", self._compute_loss))
            for optimizer in optimizers_of(model):
                apply = self._apply_of(optimizer, optimizer.apply)
                stack.enter_context(replaced(optimizer, "apply", apply))

    def _leave(self) -> None:
        with self._lock:
            self._tracing -= 1
            if self._tracing == 0 and self._patches is not None:
                self._patches.close()
                self._patches = None

    def _compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        loss = self._original_loss(*args, **kwargs)
        with self._parts["losses"]:
            step = getattr(self._local, "step", None)
            if step is not None and step.reachable:
                names = ("x", "y", "y_pred", "sample_weight")
                step.loss, step.arguments = loss, {**dict(zip(names, args, strict=False)), **kwargs}
        return loss

    def _apply_of(self, optimizer: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        guard = self._parts["gradients"]

        def apply(grads: Any, trainable_variables: Any = None) -> Any:
            step = getattr(self._local, "step", None)
            if step is None or guard.broken or not step.reachable:
                return original(grads, trainable_variables)
            grads, update = list(grads), None
            given = None if trainable_variables is None else list(trainable_variables)
            with guard:
                variables = _own_variables(optimizer) if given is None else given
                if not optimizer.built:
                    optimizer.build(variables)  # else its variables would be made among our ops
                update = before_apply(optimizer, grads, variables)
            result = original(grads, given)
            if update is not None:
                with guard:
                    after_apply(update)
                    step.updates.append(update)
            return result

        return apply

    def _row(self, step: Step) -> Any:
        """Pack everything that was measured on a step; None: not what was measured before."""
        model, given = self._model(), step.arguments
        columns: list[Column] = []
        variables: list[Any] = []
        inputs: list[Any] = []
        x = given.get("x")
        x = keras.utils.unpack_x_y_sample_weight(step.data)[0] if x is None else x
        with self._parts["losses"]:
            columns += loss_columns(model, step.loss, given)
        with self._parts["gradients"]:
            variables, over_variables = update_columns(
                step.updates, list(model.trainable_variables)
            )
            columns += over_variables
        with self._parts["inputs"]:
            found = batch.dense_inputs(x)
            columns += batch.input_columns(found)
            inputs = found
        with self._parts["targets"]:
            columns += batch.target_columns(self.head, given.get("y"), given.get("y_pred"))
        slots, row = pack(columns)
        layout = Layout(
            slots,
            tuple(describe_variable(variable) for variable in variables),
            tuple(input_names(model, x, len(inputs))),
        )
        if self.layout is not None and layout != self.layout:
            return None
        self.layout = layout
        return row

    def _hand_out(self, row: Any, logs: Any) -> Any:
        """Bring a row out of the graph; return the logs, which may now carry it."""
        context = tf.distribute.get_replica_context()
        count = context.num_replicas_in_sync if context is not None else 1
        if count > 1:
            # Keras takes the mean over replicas; one-hot rows make a stack of it.
            mine = tf.one_hot(context.replica_id_in_sync_group, count)[:, None] > 0
            stack = tf.where(mine, row[None, :] * float(count), tf.zeros([count, row.shape[0]]))
            return {**logs, ROW: stack} if isinstance(logs, dict) else logs
        if self._side is None:
            self._side = Side(int(row.shape[0]), int(self._model().steps_per_execution))
        self._side.write(row)
        return logs


class DiceError(Exception):
    """The step draws from tf.random: each traced function has dice of its own."""

    def __init__(self, operation: str = "") -> None:
        super().__init__(f"the training step draws random numbers by {operation}")


def _refuse_dice(graph: Any) -> None:
    """Raise DiceError where a second trace of the step would draw other random numbers.

    Keras's own layers draw from a seed that is a variable of the model, and are not concerned.
    """
    if not isinstance(graph, tf.Graph) or tf.executing_eagerly():
        return
    for operation in graph.get_operations():
        if operation.type in _DICE:
            raise DiceError(operation.type)


def _own_variables(optimizer: Any) -> list[Any]:
    """Return what `apply` falls back to when it is given no variables."""
    return list(optimizer._trainable_variables)  # noqa: SLF001 - Keras shows them nowhere else


def optimizers_of(model: Any) -> list[Any]:
    """Return the optimizers that a model holds, the compiled one first."""
    found: dict[int, Any] = {}
    for value in [getattr(model, "optimizer", None), *vars(model).values()]:
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, keras.optimizers.Optimizer):
                found.setdefault(id(item), item)
    return list(found.values())
