"""What the packages are fed: the numbers that a training would have logged, one line a run.

This and the adapters are read by the interpreter of the packages' own environment, so that they
need nothing but numpy and the packages.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

BLOCKS, LARGEST_BLOCK = 50, 10


@dataclass(frozen=True)
class Epoch:
    """The end of one epoch; nan where there is no such number."""

    step: int
    loss: float
    val_loss: float
    val_accuracy: float


@dataclass(frozen=True)
class Log:
    """One run, by step."""

    planned: int
    step: list[int]
    loss: list[float]
    """nan: not known; inf: measured, and not finite."""
    rate: list[float]
    grad_norm: list[float]
    """nan: not measured on this step."""
    update_ratio: list[float]
    epochs: list[Epoch]

    @property
    def validations(self) -> list[Epoch]:
        """The epochs that were validated."""
        return [epoch for epoch in self.epochs if math.isfinite(epoch.val_loss)]

    def logged(self) -> Iterable[tuple[int, dict[str, float]]]:
        """Return means over a few steps each, as trainers log them: at least fifty, at most of ten.

        Lessons of detectors.md, section 6: on means of ten steps these tools give half as many
        false alarms as on every step.
        """
        size = min(max(len(self.step) // BLOCKS, 1), LARGEST_BLOCK)
        columns = {"loss": self.loss, "learning_rate": self.rate, "grad_norm": self.grad_norm}
        for end in range(size, len(self.step) + 1, size):
            row = {name: _mean(column[end - size : end]) for name, column in columns.items()}
            known = {name: value for name, value in row.items() if not math.isnan(value)}
            yield self.step[end - 1], known


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def packed(log: Log) -> str:
    """Write a log as one line."""
    return json.dumps(asdict(log))


def unpacked(line: str) -> Log:
    """Read a line."""
    fields = json.loads(line)
    return Log(**fields | {"epochs": [Epoch(**epoch) for epoch in fields["epochs"]]})
