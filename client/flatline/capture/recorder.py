"""Takes note of each step of a run, chooses the sampled ones, and hands rows over in batches."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from flatline.capture.fit import Fit
from flatline.capture.ledger import Entry, Ledger, complete, samples_in
from flatline.capture.optimizer import (
    learning_rate,
    loss_samples,
    takes_stock_steps,
)
from flatline.capture.rates import Rates
from flatline.capture.sampler import Sampler
from flatline.capture.trace import Tracer
from flatline.rows import AS_LOGGED, Rows, Variable
from flatline.say import say

FLUSH_STEPS = 64
FLUSH_SECONDS = 1.0
_URGENT_MAX = 4
"""Flushes at once for non-finite values, in one epoch."""


class Sink(Protocol):
    """Where rows go: flatline.Run."""

    def set_variables(self, variables: Sequence[Variable], inputs: Sequence[str]) -> int:
        """Announce the axes of the columns that follow; return their revision."""

    def offer(self, rows: Rows) -> None:
        """Take rows; neither block nor raise."""

    def report_health(self, overhead_ratio: float | None, sampled_steps: int) -> None:
        """Take note of what flatline costs the training."""


class Recorder:
    """One run's steps, over all its fits; every method is called on the training thread."""

    def __init__(self, sink: Sink, sampler: Sampler) -> None:
        self._sink = sink
        self._sampler = sampler
        self._ledger = Ledger()
        self._calls = 0
        self._epoch = 0
        self.own_seconds = 0.0
        """Time taken on the training thread besides that of sampled calls."""
        self._elapsed = 0.0
        self._sampled_steps = 0
        self._announced: Any = None
        self._revision = 0
        self.steps = 0
        """Steps taken."""
        self.sample_next = False
        """Whether the next call should be a sampled one."""
        self.quick = 0
        """Calls from now on that are not sampled and may wait for `drain`."""
        self.on_first_step: Callable[[], None] = lambda: None
        """Called when the first step of a fit is done, before it is handed over."""
        self.deadline = 0.0
        """When to drain at the latest."""
        self.waiting: list[tuple[float, float, float | None]] = []
        """Beginning, end and logged loss of calls that wait for `drain`."""

    def begin_fit(self, model: Any, tracer: Tracer, fit: Fit) -> None:
        """Go on with this model."""
        self._model, self._tracer, self._fit = model, tracer, fit
        self._stock, self._rates = takes_stock_steps(model), Rates(model)
        self._per_call = int(model.steps_per_execution)
        self._single = model.distribute_strategy.num_replicas_in_sync == 1
        self._batch: float | None = None
        self._partial = fit.partial
        self._began = self._last = self._flushed = time.perf_counter()
        self._first = True
        self._rate_due = True
        self.begin_epoch(fit.first_epoch)

    def begin_epoch(self, epoch: int) -> None:
        """Let the running mean of the loss start again."""
        self.drain()
        self._epoch, self._in_epoch, self._urgent = epoch, 0, 0
        self._ledger.begin_epoch()
        self._rate_due = True
        self._sampler.forced = False
        self._sampler.begin_epoch()
        self._choose()

    def end_epoch(self) -> None:
        """Settle what only the end of an epoch tells: the size of its last batch."""
        self.drain()
        samples = loss_samples(self._model) if self._stock and self._in_epoch else None
        self._ledger.verify(self._epoch, samples, self._batch or 0.0)
        if samples is not None and self._batch:
            self._partial = samples != self._batch * self._in_epoch
            self._ledger.settle(samples - self._ledger.running.samples)
        self._in_epoch = 0
        if time.perf_counter() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def after(self, logs: Any, rows: np.ndarray | None, began: float, *, traced: bool) -> None:
        """Take note of a call of the train function that has just ended."""
        ended = time.perf_counter()
        mean = logs["loss"] if isinstance(logs, dict) and "loss" in logs else None
        mean = None if mean is None else float(mean)
        if self._first:
            self.on_first_step()
        if rows is None:
            entries = self._light(began, ended, mean)
        else:
            self._sampler.sampled(self._calls, ended - began, traced=traced)
            found = rows if self._tracer.layout is not None else ()
            entries = self._note(ended, mean, found)
        self._choose()
        self._maybe_flush(entries, ended)
        self.own_seconds += time.perf_counter() - ended

    def drain(self) -> None:
        """Take note of the unsampled calls that wait."""
        if not self.waiting:
            return
        began, (waiting, self.waiting) = time.perf_counter(), (self.waiting, [])
        entries: list[Entry] = []
        for call in waiting:
            entries += self._light(*call)
        self._choose()
        self._maybe_flush(entries, began)
        self.own_seconds += time.perf_counter() - began

    def end_fit(self) -> None:
        """Hand over what is left."""
        self.end_epoch()
        self.flush()
        self._elapsed += time.perf_counter() - self._began
        self._began = time.perf_counter()
        self._model = None  # the callback may outlive it

    def flush(self, *, everything: bool = True) -> None:
        """Hand over the steps gathered so far."""
        if not self._ledger.entries:
            return
        if self._stock and self._in_epoch:
            self._ledger.verify(self._epoch, loss_samples(self._model), self._batch or 0.0)
        layout = self._tracer.layout
        if layout is not None and layout is not self._announced:
            self._revision = self._sink.set_variables(layout.variables, layout.inputs)
            self._announced = layout
        self._read_rates()
        rows = self._ledger.take(layout, self._revision, everything=everything)
        if rows is not None:
            self._sink.report_health(self.overhead_ratio, self._sampled_steps)
            self._sink.offer(rows)
        self._flushed = time.perf_counter()

    def _read_rates(self) -> None:
        """Give every step its rate where a schedule rules it, else the newest step the one now."""
        entries = self._ledger.entries
        for entry, rate in zip(entries, self._rates.latest(len(entries)), strict=False):
            if entry.rate is None:
                entry.rate = rate
        if entries[-1].rate is None:
            entries[-1].rate = learning_rate(self._model, done=True)

    @property
    def overhead_ratio(self) -> float | None:
        """Time that flatline took / time of the training, tracing apart.

        None while every step was sampled: there is nothing yet to compare with.
        """
        elapsed = self._elapsed + time.perf_counter() - self._began - self._sampler.tracing_seconds
        own = self.own_seconds + self._sampler.cost_seconds
        if math.isnan(own):
            return None
        return own / (elapsed - own) if own < elapsed else 1.0

    def _light(self, began: float, ended: float, mean: float | None) -> list[Entry]:
        self._sampler.light(self._calls, ended - began)
        if self._calls == 0 and (seconds := self._sampler.postponed_seconds) is not None:
            say(
                f"nothing but the loss is measured yet: that takes about {seconds:.0f} s of "
                "preparation, which begins when they are 5 % of the time trained"
            )
        return self._note(ended, mean, ())

    def _note(self, ended: float, mean: float | None, rows: Any) -> list[Entry]:
        """Make entries of the steps of one call, with their losses and rows."""
        self._calls += 1
        count = self._steps_of_call(len(rows))
        seconds, self._last = (ended - self._last) / count, ended
        entries = [Entry(seconds, self._epoch) for _ in range(count)]
        if self._rate_due:
            # Only now: another callback may set the rate of an epoch after we heard of it.
            self._rate_due = False
            entries[0].rate = learning_rate(self._model, done=True)
        self._ledger.settle(self._batch)  # it was not the epoch's last step after all
        self._ledger.entries += entries
        if self._batch is None and self._stock:
            self._batch = (loss_samples(self._model) or count) / count
        sizes = self._put_rows(entries, rows) if len(rows) else []
        if mean is not None:
            if not math.isfinite(mean):
                self._sampler.forced = True
            self._take_mean(entries, mean, sizes)
        return entries

    def _steps_of_call(self, rows: int) -> int:
        """Return how many steps the call took, and count them."""
        count = self._per_call
        if rows and self._single:
            count = rows
        elif count > 1 and self._fit.epoch_steps is not None:
            count = max(min(count, self._fit.epoch_steps - self._in_epoch), 1)
        self.steps += count
        self._in_epoch += count
        return count

    def _put_rows(self, entries: list[Entry], rows: Any) -> list[float | None]:
        """Put rows into the last of the entries; return the sizes of their batches."""
        layout = self._tracer.layout
        if layout is None:
            return []
        self._sampled_steps += len(rows)
        for entry, row in zip(entries[len(entries) - len(rows) :], rows, strict=True):
            complete(entry, layout, row)
        return [samples_in(layout, row) for row in rows]

    def _take_mean(self, entries: list[Entry], mean: float, sizes: list[float | None]) -> None:
        """Give the last of the entries its loss by the logged one, where no row has."""
        last = entries[-1]
        exact = last.source != 0
        if not self._stock:
            if not exact:
                last.loss, last.source = mean, AS_LOGGED
            return
        batch = self._batch or 1.0
        if not exact and len(entries) == 1 and self._maybe_smaller() and math.isfinite(mean):
            last.held = mean
            return
        if any(size not in {None, batch} for size in sizes) and not self._maybe_smaller():
            self._ledger.varies = True
        samples = sum(sizes[i] or batch if i < len(sizes) else batch for i in range(len(entries)))
        loss, source = self._ledger.running.advance(mean, samples)
        if exact:
            return
        # Of several steps in one call only their mean is known: that is what was logged.
        last.loss, last.source = loss, source if len(entries) == 1 else AS_LOGGED

    def _maybe_smaller(self) -> bool:
        """Say whether the step just taken may have had a smaller batch than the others."""
        if self._partial is False or self._in_epoch == 1:
            return False
        return self._fit.epoch_steps is None or self._in_epoch >= self._fit.epoch_steps

    def _choose(self) -> None:
        """Decide about the next call.

        A last batch of another size would be traced for itself, so it is left alone.
        """
        steps = self._fit.epoch_steps
        last = steps is not None and steps > 1 and self._in_epoch + self._per_call >= steps
        spared = last and self._partial is not False and not self._sampler.forced
        wait = self._sampler.calls_until_due(self._calls)
        self.sample_next = wait == 0 and not spared
        room = FLUSH_STEPS - len(self._ledger)
        slow = self.sample_next or self._first or self._rate_due
        self.quick = 0 if slow else max(min(wait, room), 1)
        self.deadline = self._flushed + FLUSH_SECONDS

    def _maybe_flush(self, entries: list[Entry], now: float) -> None:
        """Hand over in batches; at once the first step of a fit and values that are not finite."""
        bad = any(e.source and not math.isfinite(e.loss) for e in entries)
        if self._first or (bad and self._urgent < _URGENT_MAX):
            self._urgent += bad
            self._first = False
            self.flush()
        elif len(self._ledger) >= FLUSH_STEPS or now - self._flushed >= FLUSH_SECONDS:
            self.flush(everything=False)
        else:
            return
        self._choose()
