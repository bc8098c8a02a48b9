"""Puts a dispatcher in place of a model's train function, and takes it away again."""

import contextlib
import sys
from collections.abc import Callable
from typing import Any

from flatline.capture.dispatch import Dispatcher
from flatline.capture.head import Head
from flatline.capture.trace import Tracer

_TRACER = "_flatline_tracer"


def tracer_of(model: Any, head: Head) -> Tracer:
    """Return the tracer of the model's bare train function; a second fit uses it again.

    It lives on that function: so long as the traces that it belongs to, and no longer.
    """
    bare = model.train_function
    tracer = getattr(bare, _TRACER, None)
    if not isinstance(tracer, Tracer) or tracer.head != head or tracer.guard.broken:
        tracer = Tracer(model, head)
        with contextlib.suppress(AttributeError):
            setattr(bare, _TRACER, tracer)
    return tracer


class Installation:
    """A dispatcher in its place. It also notices that a fit was left without its end.

    Keras calls no hook when an exception ends a fit. The next fit calls `make_train_function`
    before any hook, which is where we wait: the dispatcher is gone when that fit trains.
    """

    def __init__(self, model: Any, dispatcher: Dispatcher, on_stale: Callable[[], None]) -> None:
        self._model = model
        self._dispatcher = dispatcher
        self._on_stale = on_stale
        # Set past Keras's __setattr__, which would track them.
        object.__setattr__(model, "train_function", dispatcher)
        vars(model)["make_train_function"] = self._make_train_function

    def remove(self) -> None:
        """Leave the model as it was; a second time does nothing."""
        attributes = vars(self._model)
        if attributes.get("make_train_function") == self._make_train_function:
            del attributes["make_train_function"]
        if self._model.train_function is self._dispatcher:
            object.__setattr__(self._model, "train_function", self._dispatcher.bare)

    def _make_train_function(self, force: bool = False) -> Any:  # noqa: FBT001, FBT002 - Keras's
        """Stand in for the model's own; called by a fit, or by `train_on_batch` within one."""
        installed = self._model.train_function is self._dispatcher
        if installed and sys._getframe(1).f_code.co_name == "train_on_batch":  # noqa: SLF001
            return self._dispatcher
        self.remove()
        self._on_stale()
        return self._model.make_train_function(force)
