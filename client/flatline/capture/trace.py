"""The second train function: the model's own train step, and measurements around it.

It is made by the model's own `make_train_function`, so that strategies, XLA, several steps in one
call and overrides of the program are all honoured. `compute_loss` and the optimizers' `apply` are
wrapped only while it is traced.
"""

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from flatline.capture import batch
from flatline.capture.activations import activation_columns
from flatline.capture.dice import refuse_dice
from flatline.capture.edition import (
    is_legacy,
    keras_of,
    steps_per_call,
    unconverted,
    version_of,
)
from flatline.capture.fingerprint import fingerprint
from flatline.capture.head import Head
from flatline.capture.layout import Column, Layout, pack
from flatline.capture.naming import describe_variables, input_names, untrained
from flatline.capture.observer import Observer, Step
from flatline.capture.patches import replaced, without
from flatline.capture.side import Side
from flatline.capture.updates import penalty, update_columns
from flatline.guard import Guard
from flatline.rows import Activation, Axes
from flatline.say import say

_BINDS = (3, 7)
"""Keras from which on train_step is bound when the function is made; else looked up in tracing."""

_MADE = {"train_function", "train_tf_function"}
"""What `make_train_function` sets; the second only in Keras 2."""

ROW = "__flatline__"
"""Key of the row among the logs, where a strategy leaves no other way out of the graph."""


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
        self._model: Callable[[], Any] = weakref.ref(model)
        self._observer = Observer(model)
        self._side: Side | None = None
        self._seen: tuple[Any, ...] | None = None
        self._function: Callable[[Any], Any] | None = None
        self._original_step: Callable[[Any], Any] = model.train_step
        self._eager = bool(model.run_eagerly)
        self._bound = version_of(model) >= _BINDS
        self._per_call = steps_per_call(model)
        if is_legacy(model):
            # Keras 2 changes the steps of a call for the last one of an epoch, and makes another
            # function for a single step.
            with self.guard:
                self._function = self._build(model)

    def __call__(self, iterator: Any) -> tuple[Any, Any]:
        """Take the next step(s); return the logs and what `rows` makes rows of.

        Whatever the step itself raises is raised.
        """
        if not self.succeeded and not self._eager and self._seen != fingerprint(self._model()):
            raise ChangedError
        if self._function is None:
            self._function = self._build(self._model())
        if self._bound:
            logs = self._function(iterator)
        else:
            with replaced(self._model(), "train_step", self._train_step):
                logs = self._function(iterator)
        self.succeeded = True
        with self.guard:
            if self._side is not None:
                return logs, self._side.read()
            return logs, logs.pop(ROW, None) if type(logs) is dict else None
        return logs, None

    @property
    def ready(self) -> bool:
        """Whether it can measure: the program's own function comes first, and nothing failed."""
        return self._seen is not None and not self.guard.broken

    def see(self) -> None:
        """Take note of the model as it is when its own train function has been traced."""
        if self._seen is None:
            with self.guard:
                self._seen = fingerprint(self._model())

    def rows(self, measured: Any) -> np.ndarray:
        """Return one row for each step of a call, [step, number]; none where measuring failed."""
        with self.guard:
            if measured is not None and not self.guard.broken and self.layout is not None:
                if self._side is not None:
                    return self._side.rows(measured)
                return self.layout.merged(np.asarray(measured))[None, :]
        return np.zeros((0, 0), np.float32)

    def _build(self, model: Any) -> Callable[[Any], Any]:
        self._original_step = model.train_step
        with (
            without(model, "make_train_function"),  # our own stale guard; see install
            replaced(model, "train_step", self._train_step),
        ):
            kept = {name: value for name, value in vars(model).items() if name in _MADE}
            try:
                object.__setattr__(model, "train_function", None)
                model.make_train_function()
                function: Callable[[Any], Any] = model.train_function
            finally:
                for name, value in kept.items():
                    object.__setattr__(model, name, value)
        return function

    @unconverted
    def _train_step(self, data: Any) -> Any:
        """Stand in for the model's train_step while the measuring function is traced."""
        self.traces += 1
        with self._observer.watching(data) as step:
            logs = self._original_step(data)
            refuse_dice(step.graph)
            with self.guard:
                row = self._row(step)
                if row is not None:
                    return self._hand_out(row, logs)
                # Off until the next fit, which gets a tracer of its own.
                self.guard.broken = True
                say("batches of another shape are not measured; only the loss is from now on")
            return logs

    def _row(self, step: Step) -> Any:
        """Pack everything that was measured on a step; None: not what was measured before."""
        model, given = self._model(), step.arguments
        columns: list[Column] = []
        variables: list[Any] = []
        inputs: list[Any] = []
        x = given.get("x")
        if x is None:
            x = keras_of(model).utils.unpack_x_y_sample_weight(step.data)[0]
        columns += step.losses
        with self._observer.guards["gradients"]:
            variables, over_variables = update_columns(
                step.updates, list(model.trainable_variables)
            )
            columns += over_variables
        with self._observer.guards["inputs"]:
            found = batch.dense_inputs(x)
            columns += batch.input_columns(found)
            inputs = found
        with self._observer.guards["targets"]:
            columns += batch.target_columns(self.head, given.get("y"), given.get("y_pred"))
        activations: list[Activation] = []
        with self._observer.guards["activations"]:
            activations, found = activation_columns(
                self._observer.watched, step.outputs, given.get("y_pred")
            )
            columns += found
        slots, row = pack(columns)
        layout = Layout(
            slots,
            Axes(
                variables=describe_variables(model, variables),
                inputs=tuple(input_names(model, x, len(inputs))),
                activations=tuple(activations),
                untrained=untrained(model, variables),
            ),
            tuple(penalty(variable) for variable in variables),
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
            self._side = Side(int(row.shape[0]), self._per_call)
        self._side.write(row)
        return logs


class ChangedError(Exception):
    """The model is not what it was when the program's own train function was traced."""

    def __init__(self) -> None:
        super().__init__("the model was changed after its first step, without compile()")
