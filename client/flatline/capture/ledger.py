"""Keeps the steps that have not been handed over yet."""

import math

import numpy as np

from flatline.capture.columns import CapturedChunk, Columns, Entry
from flatline.capture.layout import Layout
from flatline.capture.losses import RunningLoss
from flatline.rows import EXACT, RECONSTRUCTED, UNKNOWN


class Ledger:
    """Takes steps one by one and gives them back in chunks."""

    def __init__(self, first_step: int = 0) -> None:
        self.first_step = first_step
        self.entries: list[Entry] = []
        self.running = RunningLoss()
        self.varies = False
        """Whether batches were seen, not the last of an epoch, whose size differs."""
        self.sampled = 0
        """Sampled steps."""
        self._columns = Columns()

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

    def take(
        self, layout: Layout | None, revision: int, *, everything: bool
    ) -> CapturedChunk | None:
        """Return the steps gathered so far and forget them.

        Without `everything` a step that still waits for the size of its batch stays.
        """
        stay = not everything and bool(self.entries) and self.entries[-1].held is not None
        entries = self.entries[:-1] if stay else self.entries
        if not entries:
            return None
        self.entries = self.entries[-1:] if stay else []
        chunk = CapturedChunk(self.first_step, entries, layout, revision, self._columns)
        self.first_step += len(entries)
        return chunk


def complete(entry: Entry, layout: Layout, row: np.ndarray) -> None:
    """Put a row into its entry, and take the loss and the learning rate out of it."""
    entry.row = row
    if (start := layout.starts.get("loss")) is not None:
        entry.loss, entry.source = float(row[start]), EXACT
    if (start := layout.starts.get("learning_rate")) is not None:
        entry.rate = float(row[start])


def samples_in(layout: Layout, row: np.ndarray) -> float | None:
    """Return the size of the batch that a row tells of; None: it does not."""
    start = layout.starts.get("sample_count")
    return None if start is None else float(row[start])
