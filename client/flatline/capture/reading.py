"""Makes steps of the calls of a train function: their losses, rates, times and rows."""

import math
from typing import Any, NamedTuple

from flatline.capture.columns import Entry
from flatline.capture.edition import steps_per_call
from flatline.capture.fit import Fit
from flatline.capture.ledger import Ledger, complete, samples_in
from flatline.capture.optimizer import learning_rate, loss_samples, takes_stock_steps
from flatline.capture.rates import Rates
from flatline.capture.trace import Tracer
from flatline.rows import AS_LOGGED


class Call(NamedTuple):
    """One call of the train function."""

    began: float
    ended: float
    logs: Any
    measured: Any = None
    """What the tracer makes rows of; None: it was not sampled."""
    traced: bool = False


def logged_loss(logs: Any) -> float | None:
    """Return the loss that a call logged; None: none, for logs may be anything."""
    try:
        return float(logs["loss"])
    except Exception:  # noqa: BLE001 - of whatever the program put there
        return None


def metrics_in(logs: Any) -> dict[str, Any] | None:
    """Return what a call logged besides the loss; None: nothing."""
    if type(logs) is not dict or len(logs) < 2:  # noqa: PLR2004 - the loss and another one
        return None
    return {name: value for name, value in logs.items() if name != "loss"}


class Reading:
    """Reads the calls of one fit, or of a loop of the program's own, into a ledger."""

    def __init__(self, model: Any, tracer: Tracer, fit: Fit, ledger: Ledger, now: float) -> None:
        self.tracer = tracer
        self.fit = fit
        self.per_call = steps_per_call(model)
        self.epoch = fit.first_epoch
        self.in_epoch = 0
        """Steps of the epoch that were taken."""
        self.partial = fit.partial
        """Whether the last batch of an epoch is smaller than the others; None: not known."""
        self.rate_due = True
        """Whether the rate of the next step is to be read: an epoch may begin with another one."""
        self._model = model
        self._ledger = ledger
        self._rates = Rates(model)
        self._stock = takes_stock_steps(model)
        self._single = model.distribute_strategy.num_replicas_in_sync == 1
        self._batch: float | None = None
        self._last = now

    def begin_epoch(self, epoch: int) -> None:
        """Let the running mean of the loss start again."""
        self.epoch, self.in_epoch, self.rate_due = epoch, 0, True
        self._ledger.begin_epoch()

    def end_epoch(self) -> None:
        """Settle what only the end of an epoch tells: the size of its last batch."""
        if self.fit.loop:
            return
        samples = loss_samples(self._model) if self._stock and self.in_epoch else None
        self._ledger.verify(self.epoch, samples, self._batch or 0.0)
        if samples is not None and self._batch:
            self.partial = samples != self._batch * self.in_epoch
            self._ledger.settle(samples - self._ledger.running.samples)
        self.in_epoch = 0

    def verify(self) -> None:
        """Compare the running mean with what was taken out of it."""
        if self._stock and self.in_epoch and not self.fit.loop:
            self._ledger.verify(self.epoch, loss_samples(self._model), self._batch or 0.0)

    def read_rates(self) -> None:
        """Give every step its rate where a schedule rules it, else the newest step the one now."""
        entries = self._ledger.entries
        for entry, rate in zip(entries, self._rates.latest(len(entries)), strict=False):
            if entry.rate is None:
                entry.rate = rate
        if entries[-1].rate is None:
            entries[-1].rate = learning_rate(self._model, done=True)

    def before(self) -> None:
        """Take note of a call that begins, in a loop that may reset its metrics at any time."""
        if self.fit.loop and self._stock:
            samples = loss_samples(self._model) or 0.0
            if samples != self._ledger.running.samples:
                self._ledger.running.resume(samples)

    def take(self, call: Call, mean: float | None, rows: Any) -> list[Entry]:
        """Make entries of the steps of one call, which logged this loss, with what rows tell."""
        if not (len(rows) or mean is None or self.rate_due) and self._is_one_of_many:
            return [self._take_one(call, mean)]
        count = self._steps_of_call(len(rows))
        seconds, self._last = (call.ended - self._last) / count, call.ended
        inside = (call.ended - call.began) / count
        entries = [Entry(seconds, self.epoch, inside=inside) for _ in range(count)]
        entries[-1].metrics = metrics_in(call.logs)
        if self.rate_due:
            # Only now: another callback may set the rate of an epoch after we heard of it.
            self.rate_due = False
            entries[0].rate = learning_rate(self._model, done=True)
        if self.fit.loop:
            return self._take_in_loop(entries, mean, rows)
        self._ledger.settle(self._batch)  # it was not the epoch's last step after all
        self._ledger.entries += entries
        if self._batch is None and self._stock:
            self._batch = (loss_samples(self._model) or count) / count
        sizes = self._put_rows(entries, rows) if len(rows) else []
        if mean is not None:
            self._take_mean(entries, mean, sizes)
        return entries

    @property
    def _is_one_of_many(self) -> bool:
        """Whether a call is one step of a batch that is surely as large as those before it."""
        sure = self.partial is False or (self.fit.epoch_steps or 0) > self.in_epoch + 1
        return sure and self._batch is not None and self.per_call == 1 and not self.fit.loop

    def _take_one(self, call: Call, mean: float) -> Entry:
        """Make an entry of such a call: what `take` comes to for it, and for most calls."""
        self.in_epoch += 1
        entry = Entry(call.ended - self._last, self.epoch, inside=call.ended - call.began)
        self._last = call.ended
        entry.metrics = metrics_in(call.logs)
        self._ledger.settle(self._batch)
        self._ledger.entries.append(entry)
        entry.loss, entry.source = self._ledger.running.advance(mean, self._batch or 1.0)
        return entry

    def _take_in_loop(self, entries: list[Entry], mean: float | None, rows: Any) -> list[Entry]:
        """Complete entries of a call of `train_on_batch`: the mean says how much is in it."""
        self._ledger.entries += entries
        if len(rows):
            self._put_rows(entries, rows)
        last, running = entries[-1], self._ledger.running
        if mean is None:
            return entries
        samples = loss_samples(self._model) if self._stock else None
        if samples is None:
            loss, source = mean, AS_LOGGED
        else:
            loss, source = running.advance(mean, max(samples - running.samples, 1.0))
        if not last.source:
            last.loss, last.source = loss, source
        return entries

    def _steps_of_call(self, rows: int) -> int:
        """Return how many steps the call took, and count them in the epoch."""
        count = self.per_call
        if rows and self._single:
            count = rows
        elif count > 1 and self.fit.epoch_steps is not None:
            count = max(min(count, self.fit.epoch_steps - self.in_epoch), 1)
        self.in_epoch += count
        return count

    def _put_rows(self, entries: list[Entry], rows: Any) -> list[float | None]:
        """Put rows into the last of the entries; return the sizes of their batches."""
        layout = self.tracer.layout
        if layout is None:
            return []
        self._ledger.sampled += len(rows)
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
        samples = batch * len(entries)
        if sizes:
            missing = [batch - size for size in sizes if size]
            samples -= sum(missing)
            if any(missing) and not self._maybe_smaller():
                self._ledger.varies = True
        loss, source = self._ledger.running.advance(mean, samples)
        if exact:
            return
        # Of several steps in one call only their mean is known: that is what was logged.
        last.loss, last.source = loss, source if len(entries) == 1 else AS_LOGGED

    def _maybe_smaller(self) -> bool:
        """Say whether the step just taken may have had a smaller batch than the others."""
        if self.partial is False or self.in_epoch == 1:
            return False
        return self.fit.epoch_steps is None or self.in_epoch >= self.fit.epoch_steps
