"""Decides for one custom loop what is measured when, and makes one row of all its updates."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from flatline.capture.meter import Meter
from flatline.capture.sampler import Sampler
from flatline.guard import Guard
from flatline.norms import Norms, joined
from flatline.say import say

_PATIENCE = 64
"""Rows for which an optimizer is waited for that no longer reports."""
_SILENT_LOGS = 10


class Watcher:
    """Measures the updates of one run; `take` is called with each step that is logged.

    Several optimizers make one row together, once all of them have reported: where they take
    turns it holds the latest of each.
    """

    def __init__(self, every: int | None, overhead: float, allowance_seconds: float) -> None:
        self.every = every
        self.guard = Guard("the watching of updates")
        self.silent = False
        """Whether the reason was said why nothing is measured."""
        self._sampler = Sampler(overhead, allowance_seconds)
        self._meters: dict[tuple[Any, ...], tuple[Meter, Sequence[Any]]] = {}
        self._waiting: dict[Meter, Norms] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._at_stop: list[Callable[[], None]] = []
        self._logs = self._due = self._emitted = 0
        self._traced = True
        self._last = time.perf_counter()
        self._read_seconds = 0.0

    def meter(self, owner: object, variables: Sequence[Any]) -> Meter:
        """Return the meter for these variables of one optimizer, while it is being traced."""
        key = (id(owner), *map(id, variables))
        with self._lock:
            if key not in self._meters:
                self._traced = True
                # The variables are kept, since an id that is free again would name another one.
                self._meters[key] = Meter(variables), (owner, *variables)
                if self._stopped:
                    self._meters[key][0].measure_from(None)
            return self._meters[key][0]

    def drop(self, meter: Meter) -> None:
        """Let a meter measure no more, and wait for it no longer."""
        with self.guard, self._lock:
            meter.measure_from(None)
            self._waiting.pop(meter, None)
            self._meters = {k: each for k, each in self._meters.items() if each[0] is not meter}

    def at_stop(self, action: Callable[[], None]) -> None:
        """Have something done when the run ends."""
        self._at_stop.append(action)

    def take(self) -> Norms | None:
        """Return the row of the step that is being logged; None: it was not measured."""
        if self.guard.broken or self._stopped:
            return None
        with self.guard:
            now = time.perf_counter()
            seconds, self._last = now - self._last, now
            log, self._logs = self._logs, self._logs + 1
            if log < self._due:
                self._sampler.light(log, seconds)
                return None
            norms = self._gather()
            if norms is not None:
                read = time.perf_counter() - now
                self._read_seconds += read
                self._sampler.sampled(log, seconds + read, traced=self._traced)
                self._traced = False
                self._choose(log)
            elif log == _SILENT_LOGS and not self._heard and not self.silent:
                say(
                    f"watch() has measured nothing in {log} steps: a tf.function that was traced "
                    "before is not measured; call watch() before its first call"
                )
            self._last = time.perf_counter()
            return norms
        return None

    def stop(self) -> None:
        """Measure no more; functions that were traced keep a branch that is never taken."""
        self._stopped = True
        for action in self._at_stop:
            with self.guard:
                action()
        for meter, _ in list(self._meters.values()):
            self.drop(meter)

    @property
    def cost_seconds(self) -> float:
        """What sampled steps have cost besides reading them; nan: not known yet."""
        return max(self._sampler.cost_seconds - self._read_seconds, 0.0)

    @property
    def _heard(self) -> bool:
        return any(meter.seen for meter, _ in self._meters.values())

    def _gather(self) -> Norms | None:
        """Read what is new; return it when all that report have reported."""
        for meter, _ in list(self._meters.values()):
            before, norms = meter.seen, meter.read()
            if norms is not None:
                meter.active, meter.missed = True, 0
                meter.pace = max((meter.seen - before) // (self._logs - self._emitted), 1)
                self._waiting[meter] = norms
            elif meter.active:
                self._miss(meter)
        active = [meter for meter, _ in self._meters.values() if meter.active]
        if not active or not all(meter in self._waiting for meter in active):
            return None
        waiting, self._waiting = self._waiting, {}
        return joined([(meter.ids, waiting[meter]) for meter in active])

    def _miss(self, meter: Meter) -> None:
        """Wait for a meter that has no row, but not for ever."""
        meter.missed += 1
        if meter.missed == 1:
            meter.measure_from(0)  # the loop may have become slower than it was
        if meter.missed > _PATIENCE:
            meter.active = False
            self._waiting.pop(meter, None)

    def _choose(self, log: int) -> None:
        """Choose the next logged step that is measured."""
        self._emitted = self._logs
        wait = self.every or self._sampler.calls_until_due(log + 1) + 1
        self._due = log + wait
        for meter, _ in self._meters.values():
            if wait > 1:
                meter.measure_from(meter.seen + meter.pace * wait)
            elif meter.waits:
                meter.measure_from(0)
