"""Stands in for the model's train function while it is fitted."""

import math
import time
from collections.abc import Callable
from typing import Any

from flatline.capture.blame import END_OF_DATA, is_theirs
from flatline.capture.reading import logged_loss
from flatline.capture.recorder import Recorder
from flatline.capture.trace import Tracer
from flatline.guard import Guard
from flatline.say import say

_clock = time.perf_counter


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
            recorder.before()
        began, traces = _clock(), self._tracer.traces
        logs, measured = self._run(self._chosen, iterator)
        with self._guard:
            recorder.after(logs, measured, began, traced=self._has_traced(traces))
        return logs

    def _light(self, iterator: Any) -> Any:
        """Take an unsampled step, and leave it to `drain` to note it.

        Code that runs once between two steps runs with cold caches: some ten microseconds for
        what takes one when it is done for many steps in a row. So there is as little as can be.
        """
        began = _clock()
        logs = self._run(self.bare, iterator)
        self._leave(began, logs)
        return logs

    def _measured(self, iterator: Any) -> Any:
        """Take a sampled step as it was planned, and leave it to `drain` to note it."""
        began, traces = _clock(), self._tracer.traces
        logs, measured = self._run(self._tracer, iterator)
        self._leave(began, logs, measured, traced=self._has_traced(traces))
        return logs

    def _run(self, function: Callable[[Any], Any], iterator: Any) -> Any:
        """Take a step by a function; an exception that ends the fit ends the run."""
        try:
            return function(iterator)
        except END_OF_DATA:
            raise
        except BaseException as error:
            self._on_failure(error)
            raise

    def _leave(
        self, began: float, logs: Any, measured: Any = None, *, traced: bool = False
    ) -> None:
        """Leave a step that was planned to `drain`, and drain when that is due."""
        ended = _clock()
        recorder, mean = self._recorder, logged_loss(logs)
        recorder.waiting.append((began, ended, mean, logs, measured, traced, _clock()))
        recorder.quick -= 1
        recorder.countdown = (recorder.countdown or recorder.interval) - 1
        bad = mean is not None and not math.isfinite(mean)
        if not recorder.quick or ended > recorder.deadline or bad:
            self._drain()

    def _has_traced(self, traces: int) -> bool:
        """Say whether our function was traced since; run eagerly, it is so at each step."""
        return traces != self._tracer.traces and not self._eager

    def _chosen(self, iterator: Any) -> tuple[Any, Any]:
        """Take a step that was not planned, sampled if that is due."""
        if self._recorder.countdown == 0 and self._tracer.ready:
            return self._sampled(iterator)
        logs = self.bare(iterator)
        self._tracer.see()
        return logs, None

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
        except END_OF_DATA:
            raise
        except Exception as error:
            theirs = is_theirs(error, eager=self._eager, xla=self._xla)
            if self._tracer.succeeded or theirs:
                raise
            self._tracer.guard.broken = True
            say(f"only the loss is measured, no step can be sampled: {error}"[:300])
        return self.bare(iterator), None
