"""Trains a case alone and watched, and computes by hand what a watcher should have seen."""

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.client.conformance.case import Case, Seen
from tests.client.models import Recorded, Recording
from tests.client.reference import zero_share

State = list[np.ndarray]


def variables_of(model: Any) -> list[Any]:
    """All variables of a model, of its metrics and of its optimizers, each once."""
    held = [v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)]
    of_metrics = [v for metric in model.metrics for v in metric.variables]
    listed = [*model.variables, *of_metrics, *(v for o in held for v in o.variables)]
    return list({id(variable): variable for variable in listed}.values())


def state_of(model: Any) -> State:
    """All numbers of a model, of its metrics and of its optimizers."""
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables_of(model)]


class Witness(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Sees what every callback sees: logs, with the order of their keys and their types."""

    def __init__(self, *, states: bool = False) -> None:
        super().__init__()
        self.states = states
        self.logs: list[list[tuple[str, type, Any]]] = []
        self._begun: State = []
        self.before: list[State] = []
        self.after: list[State] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self.states:
            self._begun = state_of(self.model)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.states:
            # A batch that begins may find that there are no more data.
            self.before.append(self._begun)
            self.after.append(state_of(self.model))
        self._note(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._note(logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._note(logs)

    def _note(self, logs: Any) -> None:
        self.logs.append([(key, type(value), value) for key, value in (logs or {}).items()])


class Retrace(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Lets every step begin where another training was at that step."""

    def __init__(self, states: list[State]) -> None:
        super().__init__()
        self.states = iter(states)
        self.after: list[State] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        begin = next(self.states)
        if len(begin) == len(variables_of(self.model)):
            restore(self.model, begin)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.after.append(state_of(self.model))


def restore(model: Any, state: State) -> None:
    """Give all variables these values."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)
    for variable, value in zip(variables_of(model), state, strict=True):
        variable.assign(value)


@dataclass
class Training:
    """One model that was fitted twice; the second time fewer steps are sampled."""

    model: Any
    histories: list[dict[str, list[float]]] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    states: list[State] = field(default_factory=list)

    def fit(self, case: Case, callbacks: list[Any], *, states: bool = False) -> Witness:
        """Fit once more."""
        witness = Witness(states=states)
        given = [witness, *case.callbacks(), *callbacks]
        keras.utils.set_random_seed(9)
        with warnings.catch_warnings():
            if case.warns:
                warnings.filterwarnings("ignore", case.warns)
            history = self.model.fit(**case.arguments, callbacks=given)
        self.histories.append(history.history)
        self.witnesses.append(witness)
        self.states.append(state_of(self.model))
        return witness


@dataclass
class Experiment:
    """A case, trained alone and watched."""

    case: Case
    alone: Training
    watched: Training
    dense: Recorded
    sparse: Recorded
    retraced: Retrace | None

    @classmethod
    def of(cls, case: Case) -> "Experiment":
        """Train; with XLA, where a sampled step may differ, each step begins as it did alone."""
        alone, watched = Training(case.make()), Training(case.make())
        dense, sparse = dense_callback(), sparse_callback()
        steps = alone.fit(case, [], states=True)
        retraced = Retrace(steps.before) if case.xla else None
        watched.fit(case, [dense, *([retraced] if retraced else [])])
        if not case.xla:
            alone.fit(case, [])
            watched.fit(case, [sparse])
        runs = (dense.run, sparse.runs[-1] if sparse.runs else Recorded())
        return cls(case, alone, watched, *runs, retraced)

    @cached_property
    def truths(self) -> list["Truth"]:
        """What happened by hand at each sampled step."""
        case, shown, model = self.case, self.alone.witnesses[0], self.alone.model
        if case.stepwise is not None:
            model = case.stepwise()
            shown = Training(model).fit(case, [], states=True)
        twin = model if case.twin is None else case.twin()
        batches = case.batches()
        reference = _compiled(case.reference, twin) if case.xla else case.reference
        return [
            truth(reference, model, twin, (shown.before[step], shown.after[step]), batch)
            for step in self.dense.sampled_steps
            for batch in [batches[step % len(batches)]]
        ]


def dense_callback() -> Recording:
    """Samples whatever can be sampled."""
    return Recording(allowance_seconds=1e6)


def sparse_callback() -> Recording:
    """Samples some steps, and not others."""
    return Recording(allowance_seconds=0, overhead=1.0)


@dataclass
class Truth:
    """What a step was, in float64."""

    seen: Seen
    batch: tuple[Any, Any, Any]
    gradients: np.ndarray
    zeros: np.ndarray
    """Shares of the gradients' elements that are exactly 0."""
    weights: np.ndarray
    updates: np.ndarray
    scale: float


def truth(
    reference: Any, model: Any, twin: Any, states: tuple[State, State], batch: tuple[Any, Any, Any]
) -> Truth:
    """Compute one step by hand, from the state before it and the one after."""
    before, after = states
    restore(twin, before)
    seen = reference(twin, *batch)
    optimizer = getattr(twin, "optimizer", None)
    scale = getattr(optimizer, "dynamic_scale", None)
    factor = getattr(optimizer, "loss_scale_factor", None) if scale is None else scale
    factor = 1.0 if factor is None else float(factor)
    gradients = [_array(gradient) for gradient in seen.gradients if gradient is not None]
    order = {id(variable): i for i, variable in enumerate(variables_of(model))}
    places = [
        order[id(variable)]
        for variable, gradient in zip(model.trainable_variables, seen.gradients, strict=True)
        if gradient is not None
    ]
    return Truth(
        seen=seen,
        batch=batch,
        gradients=np.array([norm(gradient) for gradient in gradients]) / factor,
        zeros=np.array([zero_share(g) for g in gradients]),
        weights=np.array([norm(after[i]) for i in places]),
        updates=np.array([norm(_wide(after[i]) - _wide(before[i])) for i in places]),
        scale=factor,
    )


def _compiled(reference: Any, twin: Any) -> Any:
    """Return the reference under XLA, which has dice of its own."""

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def compiled(x: Any, y: Any, w: Any) -> Any:
        seen = reference(twin, x, y, w)
        dense = [None if g is None else tf.convert_to_tensor(g) for g in seen.gradients]
        return seen.loss, seen.data_loss, seen.regularization, dense, seen.prediction

    return lambda _, x, y, w: Seen(*compiled(x, y, w))


def _array(gradient: Any) -> np.ndarray:
    """Return a gradient as an array; rows that occur twice among slices are added."""
    return _wide(np.asarray(tf.cast(tf.convert_to_tensor(gradient), tf.float64)))


def _wide(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float64)


def norm(array: np.ndarray) -> float:
    """L2 norm in float64."""
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.sqrt(np.sum(np.square(_wide(array)))))
