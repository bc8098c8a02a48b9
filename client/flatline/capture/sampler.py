"""Decides which calls of the train function are sampled, by what that costs.

The first calls are always sampled. Then come two absolute allowances, then a share of the
training's time. What a sampled call costs is measured in pairs, against the unsampled call just
before it: a mean over many calls would take the training's own ups and downs for ours.
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
FIRST = 10
"""Calls that are sampled whatever that costs: faults that are there from the beginning show."""
LEAST_SECONDS = 20e-6
"""What all of flatline may take of a step in any case: a share of a tiny step is nothing."""
UNSEEN = 1.7
"""What flatline's work between steps of the program's costs, in what a clock around it sees.

The rest are caches that it leaves cold for what comes next, and rows on their way to the monitor.
A net of 8 variables pays 11 us for an unsampled step where clocks see 6.5 (`make bench-client`,
model a, CPU).
"""
_ALERT_SECONDS = 0.5
"""What calls sampled for something suspicious may take, if their share is not more already."""
_PAIRS_MIN = 5
_INTERVAL_MAX = 5000
_ROW = 64
_LEAST_COST = 0.005
"""Lower bound of a sampled call's cost, in unsampled calls: below it a clock shows noise."""


def postponed(seconds: float) -> str:
    """Return what is said of tracing that waits, as it is predicted to take so long."""
    return (
        f"nothing but the loss is measured yet: that takes about {seconds:.0f} s of preparation, "
        f"which begins when they are {100 * TRACE_SHARE:.0f} % of the time trained"
    )


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
        self._pending: tuple[float, float] | None = None
        """Of the latest sampled call, what it took longer than the one before it, and that one."""
        self._fresh = True
        self._first_call = 0.0
        self._trained = 0.0
        self._next = self._step = 1
        self._interval = 0
        self._traced = False
        self._sampled_seconds = 0.0
        self._alert_calls = 0
        self._alert_seconds = 0.0
        self._debt = 0.0
        self.own_seconds = 0.0
        """What the rest of flatline takes of a call, as a clock on the training thread sees it."""
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
        return 0 if self.forced or self.alerting else max(self._next - call, 0)

    @property
    def alerting(self) -> bool:
        """Whether calls are sampled because something suspicious was seen."""
        return self._alert_calls > 0 and self._affords_alert()

    @property
    def interval(self) -> int:
        """Calls from a sampled one to the next, as things are."""
        return 1 if self.forced or self.alerting else self._step

    @property
    def patience(self) -> int:
        """How many calls may go by that interval before it is to be asked for again."""
        if self.forced:
            return _ROW
        if self.alerting:
            return min(self._alert_calls, _ROW)
        if self._step > 1:
            return _ROW if self._cost() is not None else 3 * _PAIRS_MIN
        left = self._allowance - self._charged()
        if not self._dense or left <= 0:
            return 1
        return max(min(int(left / max(self._dense)), _ROW), 1)

    def alert(self, calls: int) -> None:
        """Sample the next so many calls, as far as may be: something suspicious was seen."""
        self._alert_calls = max(self._alert_calls, calls)

    def begin_epoch(self) -> None:
        """Leave the next call out of all comparisons: it makes the iterator of the epoch."""
        self._before, self._fresh = None, True

    @property
    def postponed_seconds(self) -> float | None:
        """What tracing is predicted to take, if it has to wait for that; else None."""
        waits = self.on and not self._traced and not self._may_trace()
        return self._trace_factor * self._first_call if waits else None

    def light(self, call: int, seconds: float, *, spared: bool = False) -> None:
        """Take note of an unsampled call.

        One that was due and spared has a batch of another size: it is not like the others.
        """
        self._trained += seconds
        fresh, self._fresh = self._fresh, False
        if call == 0:
            self._first_call = seconds
        if fresh or spared:
            self._pending = None
            return
        if self._pending is not None:
            # The call after a sampled one finds cold caches too: that is part of the cost.
            difference, before = self._pending
            self._pending = None
            self._compare(difference + max(seconds - before, 0.0))
            return
        self._light.append(seconds)
        self._before = seconds

    def sampled(self, call: int, seconds: float, *, traced: bool, alerted: bool = False) -> None:
        """Take note of a sampled call, and choose the next one.

        `alerted`: it was sampled for something suspicious, and would not have been otherwise.
        """
        self.count += 1
        self._trained += seconds
        self._traced = True
        if not alerted:
            self._debt = 0.0  # it was waited for
        elif not self.forced:
            extra = self._cost() or seconds
            self._alert_seconds, self._debt = self._alert_seconds + extra, self._debt + extra
        self._alert_calls = max(self._alert_calls - 1, 0)
        before, self._before = self._before, None
        fresh, self._fresh = self._fresh, False
        if not fresh and not traced:
            self._dense.append(seconds)
        if traced:
            self.tracing_seconds += seconds
        else:
            self._charge(seconds, before)
        self._step = 1 if call < FIRST else self._wait()
        self._next = call + self._step

    @property
    def cost_seconds(self) -> float:
        """What sampled calls have cost, tracing apart; nan: nothing to compare them with yet."""
        if self._cost() is not None:
            return self.spent_seconds
        return (self._dense_cost() or math.nan) * self.count if self.count else 0.0

    def _charge(self, seconds: float, before: float | None) -> None:
        """Add what a sampled call has cost."""
        self._sampled_seconds += seconds
        self._pending = None if before is None else (seconds - before, before)
        if (cost := self._cost()) is not None:
            self.spent_seconds += cost if before is None else UNSEEN * cost

    def _compare(self, difference: float) -> None:
        """Take what a sampled call took more than others; from the fifth on the cost is known."""
        known = self._cost() is not None
        self._differences.append(difference)
        cost = self._cost()
        if cost is not None and not known:
            # Sampled calls in a row cost less than rare ones, which find cold caches.
            self.spent_seconds = (self._dense_cost() or cost) * self.count

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

    def _charged(self) -> float:
        """Return what the allowance has given: all of a sampled call while its cost is unknown."""
        return self._sampled_seconds if self._cost() is None else self.spent_seconds

    def _wait(self) -> int:
        """Return in how many calls the next sampled one is.

        When all of the allowance is charged, pairs are measured, and what they leave of it is
        used too.
        """
        if self._charged() < self._allowance:
            return 1
        cost = self._cost()
        if cost is None:
            return 3
        if self._overhead <= 0:
            return _INTERVAL_MAX**3
        interval = min(max(math.ceil(cost / max(self._allowed(), 1e-9)), 2), _INTERVAL_MAX)
        # Falling slowly and rising at once: an estimate that is too low costs the training.
        self._interval = max(interval, self._interval // 2)
        # What alerts have taken is saved again before the next ordinary sample.
        saved = math.ceil(self._debt / max(self._allowed(), 1e-9))
        return min(self._interval + saved, _INTERVAL_MAX)

    def _allowed(self) -> float:
        """Return the seconds that sampling may take of a call, as a clock sees them."""
        light = statistics.median(self._light)
        share = max(self._overhead * light, LEAST_SECONDS)
        return max(share - UNSEEN * self.own_seconds, share / 4) / UNSEEN

    def _affords_alert(self) -> bool:
        return self._alert_seconds < max(_ALERT_SECONDS, self._overhead * self._trained)

    def _may_trace(self) -> bool:
        predicted = self._trace_factor * self._first_call
        return predicted <= max(TRACE_ALLOWANCE_SECONDS, TRACE_SHARE * self._trained)
