"""Keeps the steps that have not been handed over yet, and makes columns of them."""

import math
from dataclasses import dataclass

import numpy as np

from flatline.capture.layout import Layout
from flatline.capture.losses import RunningLoss
from flatline.capture.statistics import MOMENTS
from flatline.rows import EXACT, RECONSTRUCTED, UNKNOWN, Rows

_PLAIN = ("sample_count", "loss_scale", "data_loss", "regularization_loss")
_COUNTS = ("label_count", "prediction_count", "correct_count", "positive_count")
_NORMS = ("grad_norm", "weight_norm", "update_norm")
_INTEGERS = {"sample_count", "grad_nonfinite_count", "input_nonfinite_count", *_COUNTS}


@dataclass(slots=True)
class Entry:
    """One step."""

    seconds: float
    epoch: int
    loss: float = math.nan
    source: int = UNKNOWN
    held: float | None = None
    """Running mean of which the loss will be taken once the size of its batch is known."""
    rate: float | None = None
    row: np.ndarray | None = None


class Ledger:
    """Takes steps one by one and gives them back as `Rows`."""

    def __init__(self, first_step: int = 0) -> None:
        self.first_step = first_step
        self.entries: list[Entry] = []
        self.running = RunningLoss()
        self.varies = False
        """Whether batches were seen, not the last of an epoch, whose size differs."""
        self._rate: float | None = None

    def __len__(self) -> int:
        """Return the number of steps that have not been taken."""
        return len(self.entries)

    def begin_epoch(self) -> None:
        """Let the running mean start again."""
        self.settle(None)
        self.running.begin_epoch()

    def settle(self, samples: float | None) -> None:
        """Work out the loss of the step that waits for the size of its batch; None: a full one."""
        if not self.entries or (mean := self.entries[-1].held) is None:
            return
        entry = self.entries[-1]
        entry.held = None
        if samples is not None and samples > 0:
            entry.loss, entry.source = self.running.advance(mean, samples)

    def verify(self, epoch: int, samples: float | None, batch: float) -> None:
        """Give up the losses of this epoch that were taken out of a mean over other samples.

        The mean holds so many samples; batches of changing sizes, or a program that resets the
        metrics or evaluates within an epoch, make it another number than was counted.
        """
        if samples is None or not self.entries:
            return
        held = self.entries[-1].held is not None
        missing = samples - self.running.samples
        # A last batch may be smaller, unless the others are not of one size either.
        least = batch if held and self.varies else 0.0
        if least - 0.5 < missing < (batch if held else 0.0) + 0.5:
            return
        self.varies = True
        for entry in self.entries:
            if entry.epoch == epoch and entry.source == RECONSTRUCTED:
                entry.loss, entry.source = math.nan, UNKNOWN
        self.running.lose()

    def take(self, layout: Layout | None, revision: int, *, everything: bool) -> Rows | None:
        """Return the steps gathered so far and forget them.

        Without `everything` a step that still waits for the size of its batch stays.
        """
        stay = not everything and bool(self.entries) and self.entries[-1].held is not None
        entries = self.entries[:-1] if stay else self.entries
        if not entries:
            return None
        self.entries = self.entries[-1:] if stay else []
        rows = Rows(
            first_step=self.first_step,
            loss=np.array([entry.loss for entry in entries], np.float32),
            loss_source=np.array([entry.source for entry in entries], np.uint8),
            epoch=np.array([entry.epoch for entry in entries], np.uint32),
            step_seconds=np.array([entry.seconds for entry in entries], np.float32),
            learning_rate=self._rates(entries),
        )
        self.first_step += len(entries)
        found = [(i, entry.row) for i, entry in enumerate(entries) if entry.row is not None]
        if found and layout is not None:
            rows.sampled_row = [i for i, _ in found]
            rows.sampled = sampled_columns(layout, np.stack([row for _, row in found]))
            rows.revision = revision if layout.variables else 0
        return rows

    def _rates(self, entries: list[Entry]) -> list[tuple[int, float]]:
        """Return the learning rate where it is another one than before."""
        changes = []
        for i, entry in enumerate(entries):
            if entry.rate is None or (self._rate is not None and _same(entry.rate, self._rate)):
                continue
            self._rate = entry.rate
            changes.append((i, entry.rate))
        return changes


def _same(rate: float, other: float) -> bool:
    """Say whether two learning rates differ by no more than the arithmetic of a schedule."""
    return math.isclose(rate, other, rel_tol=1e-6)


def complete(entry: Entry, layout: Layout, row: np.ndarray) -> None:
    """Put a row into its entry, and take the loss and the learning rate out of it."""
    entry.row = row
    for slot in layout.slots:
        if slot.name == "loss":
            entry.loss, entry.source = float(row[slot.start]), EXACT
        elif slot.name == "learning_rate":
            entry.rate = float(row[slot.start])


def samples_in(layout: Layout, row: np.ndarray) -> float | None:
    """Return the size of the batch that a row tells of; None: it does not."""
    for slot in layout.slots:
        if slot.name == "sample_count":
            return float(row[slot.start])
    return None


def sampled_columns(layout: Layout, packed: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of message Sampled for rows as the graph packed them."""
    found = layout.unpack(packed)
    columns = {name: found[name] for name in (*_PLAIN, *_COUNTS) if name in found}
    if "grad_norm" in found:
        # The graph sends sums of squares, in float32; the root of a sum over them is exact enough.
        columns |= {name: np.sqrt(found[name]) for name in _NORMS}
        columns["grad_nonfinite_count"] = found["grad_nonfinite_count"]
        with np.errstate(over="ignore", invalid="ignore"):
            columns["global_grad_norm"] = np.sqrt(found["grad_norm"].sum(1))
    if "input" in found:
        mean, variance, low, high, bad = (found["input"][..., i] for i in range(1, len(MOMENTS)))
        columns |= {"input_mean": mean, "input_std": np.sqrt(variance), "input_min": low}
        columns |= {"input_max": high, "input_nonfinite_count": bad}
    if "target" in found:
        columns |= {"target_mean": found["target"][..., 1]}
        columns |= {"target_variance": found["target"][..., 2]}
    return {
        name: np.ascontiguousarray(column, np.uint32 if name in _INTEGERS else np.float32)
        for name, column in columns.items()
    }
