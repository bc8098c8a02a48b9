"""What can be known of a `fit` when it begins."""

import contextlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from flatline.capture.head import Head
from flatline.rows import Description


@dataclass(frozen=True)
class Fit:
    """One call of `Model.fit`; None means not known."""

    epochs: int | None = None
    first_epoch: int = 0
    epoch_steps: int | None = None
    batch_size: int | None = None
    partial: bool | None = None
    """Whether the last batch of an epoch is smaller than the others."""

    @property
    def steps(self) -> int | None:
        """Steps that it plans."""
        if self.epochs is None or self.epoch_steps is None:
            return None
        return max(self.epochs - self.first_epoch, 0) * self.epoch_steps


def read_fit(model: Any, params: Mapping[str, Any] | None) -> Fit:
    """Return what Keras's params say, completed by what only `fit` itself knows."""
    params = params or {}
    own = _locals_of_fit()
    adapter = getattr(own.get("epoch_iterator"), "data_adapter", None)
    first = getattr(model, "_initial_epoch", None) or own.get("initial_epoch") or 0
    return Fit(
        epochs=params.get("epochs"),
        first_epoch=int(first),
        epoch_steps=params.get("steps"),
        batch_size=_asked(adapter, "batch_size"),
        partial=_asked(adapter, "has_partial_batch"),
    )


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
        framework_version=keras.__version__,
    )


def list_of_callbacks() -> Any:
    """Return the list of callbacks of the `fit` that is calling us; None: there is none."""
    callbacks = _locals_of_fit().get("callbacks")
    return callbacks if isinstance(callbacks, keras.callbacks.CallbackList) else None


def _locals_of_fit() -> Mapping[str, Any]:
    """Return the variables of the `fit` that is calling us; empty where there is none.

    Keras tells its callbacks neither the batch size nor the first epoch.
    """
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "fit" and "epoch_iterator" in frame.f_locals:
            return dict(frame.f_locals)
        frame = frame.f_back
    return {}


def _asked(adapter: Any, name: str) -> Any:
    """Return a property of Keras's data adapter; None where this kind does not have it."""
    with contextlib.suppress(Exception):
        return getattr(adapter, name)
    return None
