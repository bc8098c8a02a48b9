"""Steps that Run.log was told of and that were not sent yet."""

import numpy as np

from flatline.entry import Entry
from flatline.rows import AS_LOGGED, UNKNOWN, Rows

STEPS, SECONDS = 64, 1.0
"""What a chunk holds at most, in steps and in time: the monitor's cost is per message."""


class Chunker:
    """Collects consecutive steps and hands them out as rows, a chunk at a time."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._seconds: list[float] = []
        self._epoch = 0
        self._learning_rate: float | None = None
        self._last: float | None = None
        self._sent_at: float | None = None
        self._was_finite = True

    def takes(self, entry: Entry) -> bool:
        """Whether the step can go into one chunk with those that wait."""
        if not self._entries:
            return True
        if entry.step != self._entries[-1].step + 1:
            return False
        shape = next((_shape(other) for other in self._entries if other.sampled), None)
        return not entry.sampled or shape is None or shape == _shape(entry)

    def add(self, entry: Entry, now: float) -> bool:
        """Add a step, `now` in seconds of any clock; return whether it is time to send.

        That is so for the first step, for the first value that is not finite, and for a chunk that
        is full or old.
        """
        self._seconds.append(np.nan if self._last is None else now - self._last)
        self._last = now
        self._entries.append(entry)
        struck, self._was_finite = self._was_finite and not entry.finite, entry.finite
        return (
            struck
            or self._sent_at is None
            or now - self._sent_at >= SECONDS
            or len(self._entries) >= STEPS
        )

    def take(self, now: float, revision: int) -> Rows | None:
        """Hand out what waits, if there is anything."""
        entries, seconds = self._entries, self._seconds
        if not entries:
            return None
        self._entries, self._seconds, self._sent_at = [], [], now
        sampled_row = [row for row, entry in enumerate(entries) if entry.sampled]
        columns = entries[sampled_row[0]].sampled if sampled_row else {}
        losses = [entry.loss for entry in entries]
        return Rows(
            first_step=entries[0].step,
            loss=np.array([np.nan if loss is None else loss for loss in losses]),
            loss_source=np.array(
                [UNKNOWN if loss is None else AS_LOGGED for loss in losses], np.uint8
            ),
            epoch=np.array([self._epoch_of(entry) for entry in entries], np.uint32),
            step_seconds=np.array(seconds, np.float32),
            learning_rate=self._changes(entries),
            sampled_row=sampled_row,
            revision=revision if sampled_row else 0,
            sampled={
                name: np.stack([entries[row].sampled[name] for row in sampled_row])
                for name in columns
            },
            scalars=_scalars(entries),
        )

    def _epoch_of(self, entry: Entry) -> int:
        if entry.epoch is not None:
            self._epoch = entry.epoch
        return self._epoch

    def _changes(self, entries: list[Entry]) -> list[tuple[int, float]]:
        changes = []
        for row, entry in enumerate(entries):
            if entry.learning_rate is not None and entry.learning_rate != self._learning_rate:
                self._learning_rate = entry.learning_rate
                changes.append((row, entry.learning_rate))
        return changes


def _shape(entry: Entry) -> dict[str, int]:
    return {name: values.size for name, values in entry.sampled.items()}


def _scalars(entries: list[Entry]) -> dict[str, list[tuple[int, float]]]:
    scalars: dict[str, list[tuple[int, float]]] = {}
    for row, entry in enumerate(entries):
        for name, value in entry.scalars.items():
            scalars.setdefault(name, []).append((row, value))
    return scalars
