"""Decides which logged steps of a custom loop are sampled: by the budget, or each so manieth."""

from flatline.capture.sampler import Sampler, postponed
from flatline.say import say
from flatline.settings import Settings

_WHOLE_TRACE = 1.5
"""Time of a first call, in that from its first update on: what comes before cannot be timed."""


class Pace:
    """Counts logged steps from 0; what the numbers of the budget mean is said in sampler.py."""

    def __init__(self, every: int | None, settings: Settings, *, xla: bool) -> None:
        self._every = every
        self._sampler = Sampler(settings.overhead, settings.allowance_seconds, xla=xla)
        self._next = 0
        self._alerted = False
        self._own_seconds = self._read_seconds = 0.0

    @property
    def cost_seconds(self) -> float:
        """What sampled steps have cost besides reading them; nan: not known yet."""
        return max(self._sampler.cost_seconds - self._read_seconds, 0.0)

    @property
    def waits(self) -> bool:
        """Whether nothing is sampled since tracing would take too long as yet."""
        return self._every is None and self._sampler.postponed_seconds is not None

    def light(self, step: int, seconds: float) -> None:
        """Take note of a step of which nothing was measured."""
        if step > 0:
            self._sampler.light(step, seconds)
            return
        self._sampler.light(0, _WHOLE_TRACE * seconds)
        if self._every is None and (waited := self._sampler.postponed_seconds) is not None:
            say(postponed(waited))

    def sampled(self, step: int, seconds: float, read_seconds: float, *, traced: bool) -> None:
        """Take note of a step that was measured, or a part of it, and then read."""
        self._read_seconds += read_seconds
        seconds += read_seconds
        self._sampler.sampled(step, seconds, traced=traced, alerted=self._alerted)

    def own(self, step: int, seconds: float) -> None:
        """Take note of what looking after a step took that was not measured."""
        self._own_seconds += seconds
        self._sampler.own_seconds = self._own_seconds / (step + 1)

    def alert(self, steps: int) -> None:
        """Sample the next so many steps, as far as may be: something suspicious was seen."""
        self._sampler.alert(steps)

    def is_due(self, step: int, *, done: bool) -> bool:
        """Say whether a step is to be sampled; `done`: there was a whole row of the one before."""
        if self._every is None:
            due = self._sampler.calls_until_due(step) == 0
            self._alerted = self._sampler.alerting
            return due
        if done and step > self._next:
            self._next = step - 1 + self._every
        self._alerted = step < self._next
        return step >= self._next or self._sampler.alerting
