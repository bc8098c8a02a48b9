"""What can be known of a `fit` when it begins."""

import contextlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flatline.capture.anatomy import (
    is_chain,
    read_layers,
    read_metrics,
    read_optimizer,
    read_policy,
)
from flatline.capture.edition import keras_of
from flatline.capture.given import read_arrays, read_feeding
from flatline.capture.head import Head, read_loss
from flatline.guard import Guard
from flatline.model import CALLBACKS_MOST, Array, Feeding, Model
from flatline.rows import Description

_FURNITURE = {"History", "ProgbarLogger", "MonitorCallback"}
_ITERATORS = {"epoch_iterator", "data_handler"}
"""Variables of `fit` in Keras 3 and in Keras 2."""


@dataclass(frozen=True)
class Fit:
    """One call of `Model.fit`, or a loop of the program's own; None means not known."""

    epochs: int | None = None
    first_epoch: int = 0
    epoch_steps: int | None = None
    batch_size: int | None = None
    partial: bool | None = None
    """Whether the last batch of an epoch is smaller than the others."""
    version: str = ""
    """Of the Keras that fits."""
    loop: bool = False
    """Whether the program calls `train_on_batch` itself: no epoch begins or ends."""
    loop_steps: int | None = None
    """Steps that such a loop plans."""
    inputs: tuple[Array, ...] = ()
    targets: tuple[Array, ...] = ()
    feeding: Feeding = field(default_factory=Feeding)
    """What the fit was given, and how it is fed."""
    callbacks: tuple[str, ...] = ()
    """Classes of its callbacks, of those that are not Keras's own furniture."""

    @property
    def steps(self) -> int | None:
        """Steps that it plans."""
        if self.epochs is None or self.epoch_steps is None:
            return self.loop_steps
        return max(self.epochs - self.first_epoch, 0) * self.epoch_steps


def read_fit(model: Any, params: Mapping[str, Any] | None) -> Fit:
    """Return what Keras's params say, completed by what only `fit` itself knows."""
    params = params or {}
    own = _locals_of_fit()
    adapter = getattr(own.get("epoch_iterator"), "data_adapter", None)
    if adapter is None:
        adapter = getattr(own.get("data_handler"), "_adapter", None)
    if not own:
        version = str(keras_of(model).__version__)
        return Fit(version=version, loop=True, loop_steps=params.get("steps"))
    first = getattr(model, "_initial_epoch", None) or own.get("initial_epoch") or 0
    return Fit(
        epochs=params.get("epochs"),
        first_epoch=int(first),
        epoch_steps=params.get("steps"),
        batch_size=_asked(adapter, "batch_size"),
        partial=_asked(adapter, "has_partial_batch"),
        version=str(keras_of(model).__version__),
        **_given(own),
    )


def model_of(model: Any, fit: Fit) -> Model:
    """Return what is known of a fit, once the model is built, before it has learned anything."""
    return Model(
        layers=read_layers(model),
        chain=is_chain(model),
        optimizer=read_optimizer(model),
        loss=read_loss(model),
        inputs=fit.inputs,
        targets=fit.targets,
        feeding=fit.feeding,
        metrics=read_metrics(model),
        callbacks=fit.callbacks,
        dtype_policy=read_policy(model),
    )


def _given(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the arrays of a fit tell; nothing, should one be too odd to be read."""
    with Guard("the reading of what fit was given"):
        inputs = read_arrays(own.get("x"), "x")
        return {
            "inputs": inputs,
            "targets": read_arrays(own.get("y"), "y"),
            "feeding": read_feeding(own, inputs),
            "callbacks": _callbacks(own),
        }
    return {}


def describe(fit: Fit, head: Head, steps_done: int) -> Description:
    """Return what the monitor is told of a fit that begins after so many steps of the run."""
    return Description(
        plan_steps=None if fit.steps is None else steps_done + fit.steps,
        plan_epochs=fit.epochs,
        batch_size=fit.batch_size,
        task=head.task,
        loss_kind=head.loss_kind,
        loss_name=head.loss_name,
        class_count=head.class_count,
        framework="keras",
        framework_version=fit.version,
    )


def _callbacks(own: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the classes of a fit's callbacks, without those that it has in any case."""
    held = getattr(own.get("callbacks"), "callbacks", ())
    names = [type(each).__name__ for each in held]
    return tuple(name for name in names if name not in _FURNITURE)[:CALLBACKS_MOST]


def list_of_callbacks() -> Any:
    """Return the list of callbacks of the `fit` that is calling us; None: there is none."""
    own = _locals_of_fit()
    callbacks, kind = own.get("callbacks"), keras_of(own.get("self")).callbacks.CallbackList
    return callbacks if isinstance(callbacks, kind) else None


def _locals_of_fit() -> Mapping[str, Any]:
    """Return the variables of the `fit` that is calling us; empty where there is none.

    Keras tells its callbacks neither the batch size nor the first epoch.
    """
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "fit" and not _ITERATORS.isdisjoint(frame.f_locals):
            return dict(frame.f_locals)
        frame = frame.f_back
    return {}


def _asked(adapter: Any, name: str) -> Any:
    """Return a property of Keras's data adapter; None where this kind does not have it."""
    with contextlib.suppress(Exception):
        found = getattr(adapter, name)
        return found() if callable(found) else found  # methods in Keras 2
    return None
