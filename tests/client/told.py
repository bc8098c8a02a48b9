"""What a monitor was told of norms, by step and by variable."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.client.peer import Memory

PER_VARIABLE = ("grad_norm", "weight_norm", "update_norm", "grad_zero_share")
PER_STEP = ("global_grad_norm", "loss_scale", "clip_ratio")


@dataclass
class Told:
    """The sampled steps of one run."""

    columns: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By step: a number, or a dict of numbers by variable."""
    revisions: list[list[str]] = field(default_factory=list)
    """Lists of variables, as they were announced."""
    rates: dict[int, float] = field(default_factory=dict)
    roles: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def series(self, column: str, variable: str) -> list[float]:
        return [row[column][variable] for row in self.columns.values()]


def told(memory: Memory) -> Told:
    """Read all records that a monitor has taken."""
    result = Told()
    for record in memory.records:
        if record.HasField("variables"):
            result.revisions.append([v.path for v in record.variables.variables])
            result.roles |= {v.path: v.role for v in record.variables.variables}
            result.shapes |= {v.path: tuple(v.shape) for v in record.variables.variables}
        elif record.HasField("chunk"):
            chunk = record.chunk
            for row, rate in zip(chunk.learning_rate_row, chunk.learning_rate, strict=True):
                result.rates[chunk.first_step + row] = rate
            for place, row in enumerate(chunk.sampled.row):
                result.columns[chunk.first_step + row] = _columns(chunk.sampled, place, result)
    return result


def _columns(sampled: Any, place: int, known: Told) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    count = len(sampled.row)
    for name in PER_STEP:
        if len(values := getattr(sampled, name)):
            columns[name] = values[place]
    for name in PER_VARIABLE:
        if len(values := getattr(sampled, name)):
            paths = known.revisions[sampled.revision - 1]
            rows = np.array(values).reshape(count, len(paths))
            columns[name] = dict(zip(paths, rows[place].tolist(), strict=True))
    return columns
