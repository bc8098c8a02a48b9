"""Decides which calls of the train function are sampled, by what that costs.

First two absolute allowances, then a share of the training's time. What a sampled call costs is
measured in pairs, against the unsampled call just before it: a mean over many calls would take
the training's own ups and downs for ours.
"""

import math
import statistics
from collections import deque

TRACE_ALLOWANCE_SECONDS = 15.0
"""Predicted tracing that is simply taken; a longer one waits until it is TRACE_SHARE.

A first call of ten seconds belongs to a model that trains for hours, or to a busy machine.
"""
TRACE_SHARE = 0.05
"""Share of the time trained so far that tracing may take beyond its allowance."""
_TRACE_FACTOR, _TRACE_FACTOR_XLA = 1.3, 2.3
"""Tracing (and compiling) the measuring function, in first calls of the bare one."""
_PAIRS_MIN = 5
_INTERVAL_MAX = 5000
_LEAST_COST = 0.005
"""Lower bound of a sampled call's cost, in unsampled calls: below it a clock shows noise."""


class Sampler:
    """Counts calls from 0; the first sampled one is 1 at the earliest."""

    def __init__(self, overhead: float, allowance_seconds: float, *, xla: bool = False) -> None:
        self._overhead = overhead
        self._allowance = allowance_seconds
        self._trace_factor = _TRACE_FACTOR_XLA if xla else _TRACE_FACTOR
        self._light: deque[float] = deque(maxlen=33)
        self._differences: deque[float] = deque(maxlen=9)
        self._dense: deque[float] = deque(maxlen=33)
        self._before: float | None = None
        self._fresh = True
        self._first_call = 0.0
        self._trained = 0.0
        self._next = 1
        self._interval = 0
        self._traced = False
        self._sampled_seconds = 0.0
        self.tracing_seconds = 0.0
        """Time that sampled calls spent on tracing, which no budget holds for."""
        self.spent_seconds = 0.0
        """What sampled calls have cost, tracing apart; 0 until that was measured in pairs."""
        self.count = 0
        """Sampled calls, those that traced included."""
        self.on = overhead > 0 or allowance_seconds > 0
        self.forced = False
        """Sample every call: the loss is not finite, and the running mean says nothing more."""

    def calls_until_due(self, call: int) -> int:
        """Return how many calls from this one on are not to be sampled; 0: this one is."""
        if not self.on:
            return _INTERVAL_MAX
        if call < 1 or not (self._traced or self._may_trace()):
            return 1
        return 0 if self.forced else max(self._next - call, 0)

    def begin_epoch(self) -> None:
        """Leave the next call out of all comparisons: it makes the iterator of the epoch."""
        self._before, self._fresh = None, True

    @property
    def postponed_seconds(self) -> float | None:
        """What tracing is predicted to take, if it has to wait for that; else None."""
        waits = self.on and not self._traced and not self._may_trace()
        return self._trace_factor * self._first_call if waits else None

    def light(self, call: int, seconds: float) -> None:
        """Take note of an unsampled call."""
        self._trained += seconds
        fresh, self._fresh = self._fresh, False
        if call == 0:
            self._first_call = seconds
        # A call that was due and spared has a batch of another size: it is not like the others.
        if fresh or call >= self._next:
            return
        self._light.append(seconds)
        self._before = seconds

    def sampled(self, call: int, seconds: float, *, traced: bool) -> None:
        """Take note of a sampled call, and choose the next one."""
        self.count += 1
        self._trained += seconds
        self._traced = True
        before, self._before = self._before, None
        fresh, self._fresh = self._fresh, False
        if not fresh and not traced and self._cost() is None:
            self._dense.append(seconds)
        if traced:
            self.tracing_seconds += seconds
        else:
            self._charge(seconds, before)
        self._next = call + self._wait()

    @property
    def cost_seconds(self) -> float:
        """What sampled calls have cost, tracing apart; nan: nothing to compare them with yet."""
        if self._cost() is not None:
            return self.spent_seconds
        return (self._dense_cost() or math.nan) * self.count if self.count else 0.0

    def _charge(self, seconds: float, before: float | None) -> None:
        """Add what a sampled call has cost."""
        self._sampled_seconds += seconds
        known = self._cost() is not None
        if before is not None:
            self._differences.append(seconds - before)
        cost = self._cost()
        if cost is not None:
            # Sampled calls in a row cost less than rare ones, which find cold caches.
            self.spent_seconds += cost if known else (self._dense_cost() or cost) * self.count

    def _cost(self) -> float | None:
        """Return the seconds that one sampled call among unsampled ones adds; None: not known."""
        if len(self._differences) < _PAIRS_MIN:
            return None
        return self._at_least(statistics.median(self._differences))

    def _dense_cost(self) -> float | None:
        """Return the seconds that one sampled call among its like adds; None: not known."""
        if min(len(self._dense), len(self._light)) < _PAIRS_MIN:
            return None
        return self._at_least(statistics.median(self._dense) - statistics.median(self._light))

    def _at_least(self, cost: float) -> float:
        return max(cost, _LEAST_COST * statistics.median(self._light))

    def _wait(self) -> int:
        """Return in how many calls the next sampled one is.

        While the cost is not known, all the time of a sampled call is charged to the allowance;
        when that is used up, pairs are measured, and what they leave of it is used too.
        """
        cost = self._cost()
        charged = self._sampled_seconds if cost is None else self.spent_seconds
        if charged < self._allowance:
            return 1
        if cost is None:
            return 2
        if self._overhead <= 0:
            return _INTERVAL_MAX**3
        allowed = self._overhead * statistics.median(self._light)
        interval = min(max(math.ceil(cost / max(allowed, 1e-9)), 2), _INTERVAL_MAX)
        # Falling slowly and rising at once: an estimate that is too low costs the training.
        self._interval = max(interval, self._interval // 2)
        return self._interval

    def _may_trace(self) -> bool:
        predicted = self._trace_factor * self._first_call
        return predicted <= max(TRACE_ALLOWANCE_SECONDS, TRACE_SHARE * self._trained)
