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
_UNLOOKED = 7
"""Calls not sampled that may pass until somebody looks at their loss: 2**n - 1 of them.

To read it is to wait for it: whoever computes on a GPU is stopped by each look.
"""


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
        """Take the next step, or as many as the program takes in one call.

        What most steps take is written out here, and is as little as can be. Code that runs once
        between two steps runs with cold caches: some ten microseconds for what takes one when it
        is done for many steps in a row, in `drain`.
        """
        recorder = self._recorder
        if not (recorder.quick and recorder.countdown):
            return self._measured(iterator) if recorder.quick else self._unplanned(iterator)
        began = _clock()
        try:
            logs = self.bare(iterator)
        except BaseException as error:
            self._raised(error)
            raise
        ended = _clock()
        recorder.waiting.append((began, ended, logs, None, False))
        recorder.countdown -= 1
        recorder.quick -= 1
        if not recorder.quick & _UNLOOKED or ended > recorder.deadline:
            self._look(ended, logs)
        return logs

    def _measured(self, iterator: Any) -> Any:
        """Take a sampled step as it was planned, and leave it to `drain` to note it."""
        recorder = self._recorder
        began, traces = _clock(), self._tracer.traces
        logs, measured = self._run(self._tracer, iterator)
        ended = _clock()
        recorder.waiting.append((began, ended, logs, measured, self._has_traced(traces)))
        recorder.countdown = recorder.interval - 1
        recorder.quick -= 1
        self._look(ended, logs)
        return logs

    def _unplanned(self, iterator: Any) -> Any:
        """Take a step after which is decided how to go on."""
        if self._guard.broken:
            return self.bare(iterator)
        recorder = self._recorder
        with self._guard:
            recorder.before()
        began, traces = _clock(), self._tracer.traces
        logs, measured = self._run(self._chosen, iterator)
        with self._guard:
            recorder.after(logs, measured, began, traced=self._has_traced(traces))
        return logs

    def _run(self, function: Callable[[Any], Any], iterator: Any) -> Any:
        try:
            return function(iterator)
        except BaseException as error:
            self._raised(error)
            raise

    def _raised(self, error: BaseException) -> None:
        """End the run with a step that ends the fit."""
        if not isinstance(error, END_OF_DATA):
            self._on_failure(error)

    def _look(self, ended: float, logs: Any) -> None:
        """Drain when that is due, or the loss is not finite."""
        self._recorder.noting_seconds = _clock() - ended
        mean = logged_loss(logs)
        bad = mean is not None and not math.isfinite(mean)
        if bad or not self._recorder.quick or ended > self._recorder.deadline:
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
