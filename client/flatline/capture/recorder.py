"""Takes note of each step of a run, chooses the sampled ones, and hands rows over in chunks."""

import math
import time
from collections.abc import Callable
from typing import Any, Protocol

from flatline.capture.columns import Entry
from flatline.capture.fit import Fit
from flatline.capture.jumps import Jumps
from flatline.capture.ledger import Ledger
from flatline.capture.reading import Call, Reading, logged_loss
from flatline.capture.sampler import UNSEEN, Sampler, postponed
from flatline.capture.trace import Tracer
from flatline.rows import Axes, Chunk, Health
from flatline.say import plain, say

STEPS, STEPS_MOST = 64, 512
"""Steps that are handed over together, and how many more steps of a millisecond may become."""
SECONDS, SECONDS_LEAST = 1.0, 0.5
"""When steps are handed over at the latest, and how often 64 of them may be.

A chunk takes 1.6 ms of CPU until it is acknowledged, nearly all of it in gRPC, whatever it holds.
"""
NEVER = 2**62
"""A countdown that does not end."""
_BYTES_MOST = 2**21
"""Memory of sampled rows that wait."""
_LOOKED_CLOSER = 16
"""Calls sampled after a jump of the loss."""
_URGENT_MAX = 4
"""Times that steps are handed over at once, in one epoch."""


class Sink(Protocol):
    """Where rows go: flatline.Run."""

    def set_axes(self, axes: Axes) -> int:
        """Announce the axes of the columns that follow; return their revision."""

    def offer(self, chunk: Chunk) -> None:
        """Take steps that become rows when `chunk.rows` is called; neither block nor raise."""

    def wished(self) -> int:
        """Return how many sampled steps the monitor wishes for, and forget them."""

    def report_health(self, health: Health) -> None:
        """Take note of what flatline costs the training."""


class Recorder:
    """One run's steps, over all its fits; every method is called on the training thread."""

    def __init__(self, sink: Sink, sampler: Sampler) -> None:
        self._sink = sink
        self._sampler = sampler
        self._ledger = Ledger()
        self._calls = 0
        self.own_seconds = 0.0
        """Time taken on the training thread besides that of sampled calls, as a clock sees it."""
        self._elapsed = 0.0
        self._jumps = Jumps()
        self._announced: Any = None
        self._revision = 0
        self.countdown = NEVER
        """Calls until the next sampled one; 0: the next call is."""
        self.interval = 1
        """Calls from that one to the next."""
        self.quick = 0
        """Calls from now on that go by these two and may wait for `drain`."""
        self.on_first_step: Callable[[], None] = lambda: None
        """Called when the first step of a fit is done, before it is handed over."""
        self.deadline = 0.0
        """When to drain at the latest."""
        self.waiting: list[tuple[Any, ...]] = []
        """The fields of a `Call` each, of calls that wait for `drain`."""
        self.noting_seconds = 0.0
        """What it takes to let a call wait, as it was last measured."""
        self._logs: Any = None
        self._reuses_logs = False
        """Whether calls give the same object again, which must be read before the next one."""

    @property
    def steps(self) -> int:
        """Steps taken."""
        return self._ledger.first_step + len(self._ledger)

    def begin_fit(self, model: Any, tracer: Tracer, fit: Fit) -> None:
        """Go on with this model."""
        self._began = self._flushed = time.perf_counter()
        self._reading: Any = Reading(model, tracer, fit, self._ledger, self._began)
        self._first = True
        self.begin_epoch(fit.first_epoch)

    def begin_epoch(self, epoch: int) -> None:
        """Let the running mean of the loss start again."""
        self.drain()
        self._urgent = 0
        self._reading.begin_epoch(epoch)
        self._sampler.forced = False
        self._sampler.begin_epoch()
        self._choose()

    def end_epoch(self) -> None:
        """Settle what only the end of an epoch tells."""
        self.drain()
        self._reading.end_epoch()
        if time.perf_counter() - self._flushed >= SECONDS:
            self.flush()

    def before(self) -> None:
        """Take note of a call that begins."""
        self._reading.before()

    def after(self, logs: Any, measured: Any, began: float, *, traced: bool) -> None:
        """Take note of a call of the train function that has just ended."""
        ended = time.perf_counter()
        if self._first:
            self.on_first_step()
            self._sampler.tracing_seconds += time.perf_counter() - ended
            self.own_seconds -= time.perf_counter() - ended
        entries = self._take(Call(began, ended, logs, measured, traced))
        jump = self._look_for_trouble(entries)
        self._choose()
        self._maybe_flush(entries, ended, jump=jump)
        self.own_seconds += time.perf_counter() - ended

    def drain(self) -> None:
        """Take note of the calls that wait."""
        if not self.waiting:
            return
        began, (waiting, self.waiting) = time.perf_counter(), (self.waiting, [])
        entries: list[Entry] = []
        for fields in waiting:
            entries += self._take(Call(*fields))
        jump = self._look_for_trouble(entries)
        self._choose()
        self._maybe_flush(entries, began, jump=jump)
        self.own_seconds += time.perf_counter() - began + len(waiting) * self.noting_seconds

    def end_fit(self) -> None:
        """Hand over what is left."""
        self.end_epoch()
        self.flush()
        self._elapsed += time.perf_counter() - self._began
        self._began = time.perf_counter()
        self._reading = self._logs = None  # the callback may outlive the model

    def flush(self, *, everything: bool = True) -> None:
        """Hand over the steps gathered so far."""
        if not self._ledger.entries:
            return
        self._reading.verify()
        layout = self._reading.tracer.layout
        if layout is not None and layout is not self._announced:
            self._revision = self._sink.set_axes(layout.axes)
            self._announced = layout
        self._reading.read_rates()
        chunk = self._ledger.take(layout, self._revision, everything=everything)
        if chunk is not None:
            self._sink.report_health(self.health)
            self._sink.offer(chunk)
        self._flushed = time.perf_counter()

    @property
    def health(self) -> Health:
        """What flatline took of the training's time so far, tracing apart.

        It is not known while every step was sampled: there is nothing to compare with.
        """
        tracing = self._sampler.tracing_seconds
        elapsed = self._elapsed + time.perf_counter() - self._began - tracing
        own = UNSEEN * self.own_seconds + self._sampler.cost_seconds
        if math.isnan(own):
            return Health(None, self._ledger.sampled, tracing_seconds=tracing)
        ratio = own / (elapsed - own) if own < elapsed else 1.0
        return Health(ratio, self._ledger.sampled, spent_seconds=own, tracing_seconds=tracing)

    def _take(self, call: Call) -> list[Entry]:
        rows: Any = ()
        mean = logged_loss(call.logs)
        self._reuses_logs |= call.logs is self._logs
        self._logs = call.logs
        if call.measured is None:
            self._sampler.light(self._calls, call.ended - call.began, spared=self._spared)
            if not self._calls:
                self._say_what_lacks(call, mean)
        else:
            rows = self._reading.tracer.rows(call.measured)
            seconds, alerted = call.ended - call.began, self._alerted
            self._sampler.sampled(self._calls, seconds, traced=call.traced, alerted=alerted)
        self._calls += 1
        if mean is not None and not math.isfinite(mean):
            self._sampler.forced = True
        entries: list[Entry] = self._reading.take(call, mean, rows)
        return entries

    def _look_for_trouble(self, entries: list[Entry]) -> bool:
        """Have the next calls sampled when the monitor wishes so, or when the loss jumps.

        Return whether it does.
        """
        losses = [entry.loss for entry in entries if entry.source and math.isfinite(entry.loss)]
        jump = bool(losses) and self._jumps.seen(max(losses), len(losses))
        if jump:
            self._sampler.alert(_LOOKED_CLOSER)
        if wished := self._sink.wished():
            self._sampler.alert(wished)
        return jump

    def _say_what_lacks(self, call: Call, mean: float | None) -> None:
        """Say what the first call tells of the others: they log no loss, or are not measured."""
        if mean is None:
            logged = (
                plain(", ".join(map(str, call.logs)), 80) if isinstance(call.logs, dict) else ""
            )
            say(
                f"the steps log {logged or 'nothing'} but no 'loss': what goes by the loss is not "
                "judged; let train_step return the one to judge as 'loss'"
            )
        if (seconds := self._sampler.postponed_seconds) is not None:
            say(postponed(seconds))

    def _choose(self) -> None:
        """Decide about the next call.

        A last batch of another size would be traced for itself, so it is left alone.
        """
        reading, tracer = self._reading, self._reading.tracer
        steps = reading.fit.epoch_steps
        last = steps is not None and steps > 1 and reading.in_epoch + reading.per_call >= steps
        spared = last and reading.partial is not False and not self._sampler.forced
        if self._calls:
            self._sampler.own_seconds = self.own_seconds / self._calls
        wait = self._sampler.calls_until_due(self._calls)
        self._spared = wait == 0 and spared
        self._alerted = self._sampler.alerting
        self.countdown = wait if tracer.ready and not self._spared else NEVER
        self.interval = self._sampler.interval
        early = time.perf_counter() - self._flushed < SECONDS_LEAST
        self.deadline = self._flushed + (SECONDS_LEAST if early else SECONDS)
        if reading.fit.loop or self._first or reading.rate_due:
            self.quick = 0
            return
        room = (self._steps_most if early else STEPS) - len(self._ledger)
        if steps is not None and reading.partial is not False:
            room = min(room, (steps - 1 - reading.in_epoch) // reading.per_call)
        self.quick = max(min(room, max(self._sampler.patience, wait)), 1)
        if self._reuses_logs:
            self.quick = 1
        if reading.per_call > 1 or not tracer.succeeded:
            # A sampled call goes by itself: it has to be made first, or has rows of several steps.
            self.quick = min(self.quick, self.countdown)

    def _maybe_flush(self, entries: list[Entry], now: float, *, jump: bool = False) -> None:
        """Hand over in chunks; at once the first step of a fit, and what is not as it was."""
        bad = any(e.source and not math.isfinite(e.loss) for e in entries)
        if self._first or ((bad or jump) and self._urgent < _URGENT_MAX):
            self._urgent += bad or jump
            self._first = False
            self.flush()
        elif self._is_due(now - self._flushed, len(self._ledger)):
            self.flush(everything=False)
        else:
            return
        self._choose()

    def _is_due(self, seconds: float, steps: int) -> bool:
        many = steps >= STEPS and seconds >= SECONDS_LEAST
        return many or seconds >= SECONDS or steps >= self._steps_most

    @property
    def _steps_most(self) -> int:
        layout = self._reading.tracer.layout
        most = STEPS_MOST if layout is None else _BYTES_MOST // (4 * max(layout.size, 1))
        return max(min(most, STEPS_MOST), STEPS)
