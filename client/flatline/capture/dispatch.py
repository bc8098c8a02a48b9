"""Stands in for the model's train function while it is fitted."""

import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from flatline.capture.recorder import Recorder
from flatline.capture.trace import Tracer
from flatline.guard import Guard
from flatline.say import say

_clock = time.perf_counter
_END_OF_DATA = (StopIteration, tf.errors.OutOfRangeError)


class Dispatcher:
    """Calls the program's own train function, or on a sampled step the one that measures.

    What they raise is raised; of what is ours nothing is.
    """

    def __init__(
        self,
        model: Any,
        tracer: Tracer,
        recorder: Recorder,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.bare: Callable[[Any], Any] = model.train_function
        self._tracer = tracer
        self._recorder = recorder
        self._on_failure = on_failure
        self._eager, self._xla = bool(model.run_eagerly), bool(model.jit_compile)
        self._guard = Guard("the capture of steps")

    def __call__(self, iterator: Any) -> Any:
        """Take the next step, or as many as the program takes in one call."""
        recorder = self._recorder
        if recorder.quick > 0:
            return self._light(iterator) if recorder.countdown else self._measured(iterator)
        if self._guard.broken:
            return self.bare(iterator)
        with self._guard:
            self._recorder.before()
        began, measured, traces = _clock(), None, self._tracer.traces
        try:
            if self._recorder.countdown == 0 and self._tracer.ready:
                logs, measured = self._sampled(iterator)
            else:
                logs = self.bare(iterator)
                self._tracer.see()
        except _END_OF_DATA:
            raise
        except BaseException as error:
            self._on_failure(error)
            raise
        with self._guard:
            traced = not self._eager and self._tracer.traces != traces
            self._recorder.after(logs, measured, began, traced=traced)
        return logs

    def _light(self, iterator: Any) -> Any:
        """Take an unsampled step, and leave it to `drain` to note it.

        Code that runs once between two steps runs with cold caches: some ten microseconds for
        what takes one when it is done for many steps in a row. So there is as little as can be.
        """
        began = _clock()
        try:
            logs = self.bare(iterator)
        except _END_OF_DATA:
            raise
        except BaseException as error:
            self._on_failure(error)
            raise
        ended = _clock()
        try:
            mean = float(logs["loss"])
        except Exception:  # noqa: BLE001 - logs may be anything; a loss is not among them
            mean = None
        recorder = self._recorder
        recorder.waiting.append((began, ended, mean, logs, None, False, _clock()))
        recorder.quick -= 1
        recorder.countdown -= 1
        if not recorder.quick or ended > recorder.deadline or _is_bad(mean):
            self._drain()
        return logs

    def _measured(self, iterator: Any) -> Any:
        """Take a sampled step as it was planned, and leave it to `drain` to note it."""
        recorder, traces, began = self._recorder, self._tracer.traces, _clock()
        try:
            logs, measured = self._tracer(iterator)
        except _END_OF_DATA:
            raise
        except BaseException as error:
            self._on_failure(error)
            raise
        ended = _clock()
        try:
            mean = float(logs["loss"])
        except Exception:  # noqa: BLE001 - as above
            mean = None
        traced = traces != self._tracer.traces and not self._eager
        recorder.waiting.append((began, ended, mean, logs, measured, traced, _clock()))
        recorder.quick -= 1
        recorder.countdown = recorder.interval - 1
        if not recorder.quick or ended > recorder.deadline or _is_bad(mean):
            self._drain()
        return logs

    def _drain(self) -> None:
        with self._guard:
            self._recorder.drain()
        if self._guard.broken:
            self._recorder.quick = 0

    def _sampled(self, iterator: Any) -> tuple[Any, Any]:
        """Take a sampled step; where our function cannot even be made, an ordinary one.

        A failure of the training itself comes again from the program's own function. Only under
        XLA, which compiles when it has taken the batch already, is that batch skipped.
        """
        try:
            return self._tracer(iterator)
        except _END_OF_DATA:
            raise
        except Exception as error:
            theirs = self._eager or (isinstance(error, tf.errors.OpError) and not self._xla)
            if self._tracer.succeeded or theirs:
                raise
            self._tracer.guard.broken = True
            say(f"only the loss is measured, no step can be sampled: {error}"[:300])
        return self.bare(iterator), None


def _is_bad(mean: float | None) -> bool:
    return mean is not None and mean - mean != 0.0
