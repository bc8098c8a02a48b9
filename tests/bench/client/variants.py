"""Ways to train one model: alone, or with callbacks."""

import time
from collections.abc import Callable
from typing import Any

import keras

from flatline.keras import MonitorCallback

BARE, EMPTY = "bare", "a callback that does nothing"
DEFAULT, ABSENT = "flatline after its allowances", "flatline without a monitor"
UNSAMPLED, EVERY = "flatline, a step not sampled", "flatline, every step sampled"
STEPS_OF_FIT = 10**9
"""What callbacks are told: no step is near the end of an epoch."""

Make = Callable[[], list[Any]]


class Empty(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Does nothing, at each batch."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


class NeverSampling:
    """What a MonitorCallback inherits from first, to have no step sampled."""

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)  # type: ignore[misc]
        # Looks inside: no setting does this, for some sampling is always allowed.
        self._session._recorder._sampler.on = False  # type: ignore[attr-defined]


class Unsampled(NeverSampling, MonitorCallback):
    """Samples no step."""


def ours(target: str, nobody: str) -> dict[str, Make]:
    """Return flatline's variants, with the bare model and the empty callback they compare to.

    `target` is where a monitor answers, `nobody` where connections are refused.
    """
    return {
        BARE: list,
        EMPTY: lambda: [Empty()],
        DEFAULT: lambda: [MonitorCallback(target, overhead=0.01, allowance_seconds=0.0)],
        ABSENT: lambda: [MonitorCallback(nobody, overhead=0.01, allowance_seconds=0.0)],
        UNSAMPLED: lambda: [Unsampled(target)],
        EVERY: lambda: [MonitorCallback(target, allowance_seconds=1e6)],
    }


def fit(hooks: Any, epoch_iterator: Any = None) -> None:
    """Begin as Keras's `fit` does: flatline looks for its name and its variable on the stack."""
    hooks.on_train_begin()


class Variant:
    """One way to train the model, to be taken up and left again.

    All variants share the model and its traces: the same code differs by 20 us a step between two
    instances of a model. What a callback can see of the others is put away while it rests: the
    running mean of the loss, and the time that passes.
    """

    def __init__(self, model: Any, bare: Any, callbacks: list[Any]) -> None:
        self._model, self._bare = model, bare
        self.seconds: list[float] = []
        """Seconds of a step, one for each block."""
        self.cpu: list[float] = []
        """The same in seconds of CPU."""
        self._callbacks = callbacks
        self._put(bare)
        self._hooks = keras.callbacks.CallbackList(
            callbacks, add_history=True, model=model, epochs=1, steps=STEPS_OF_FIT, verbose=0
        )
        model.reset_metrics()
        self._step = 0
        fit(self._hooks)
        self._hooks.on_epoch_begin(0)
        self._function = model.train_function
        self._rest()

    def block(self, iterator: Any, steps: int, lead: int = 3) -> tuple[float, float]:
        """Train so many steps as `fit` does, after some to warm up.

        Return the seconds of one, and its seconds of CPU in all threads of the process.
        """
        self._resume()
        self._train(iterator, lead)
        began, worked = time.perf_counter(), time.process_time()
        self._train(iterator, steps)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        self._rest()
        return seconds / steps, cpu / steps

    def end(self) -> None:
        """Let the callbacks finish, and leave the model as it was."""
        self._resume()
        self._hooks.on_epoch_end(0, {})
        self._hooks.on_train_end()
        self._put(self._bare)

    @property
    def sampled(self) -> str:
        """How many of its steps were sampled; empty where flatline has no part in it."""
        for recorder in self._recorders():
            return f"{recorder._ledger.sampled} of {recorder.steps} steps sampled"
        return ""

    def _train(self, iterator: Any, steps: int) -> None:
        hooks, function = self._hooks, self._function
        for step in range(self._step, self._step + steps):
            hooks.on_train_batch_begin(step)
            hooks.on_train_batch_end(step, function(iterator))
        self._step += steps

    def _rest(self) -> None:
        self._metrics = [variable.numpy() for variable in self._model.metrics_variables]
        self._left = time.perf_counter()

    def _resume(self) -> None:
        self._put(self._function)
        for variable, value in zip(self._model.metrics_variables, self._metrics, strict=True):
            variable.assign(value)
        pause = time.perf_counter() - self._left
        for recorder in self._recorders():
            # Looks inside: it would hand over rows at each return, as if each block took a second.
            for name in ("_began", "_flushed", "deadline"):
                setattr(recorder, name, getattr(recorder, name) + pause)
            recorder._reading._last += pause

    def _recorders(self) -> list[Any]:
        monitors = [each for each in self._callbacks if isinstance(each, MonitorCallback)]
        sessions = [each._session for each in monitors]
        return [session._recorder for session in sessions if session and session._recorder]

    def _put(self, function: Any) -> None:
        # Past Keras's __setattr__, which would track it. Without the guard that waits for the next
        # fit: here one model has many dispatchers at once.
        object.__setattr__(self._model, "train_function", function)
        vars(self._model).pop("make_train_function", None)
