"""Steps of a training as columns."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flatline.capture.layout import Layout
from flatline.capture.units import Units
from flatline.rows import UNKNOWN, Rows

_PLAIN = (
    *("sample_count", "loss_scale", "data_loss", "regularization_loss"),
    *("clip_ratio", "skipped", "confidence", "grad_zero_share", "target_deviation"),
)
_COUNTS = (
    *("label_count", "prediction_count", "correct_count", "positive_count"),
    *("label_bucket_count", "prediction_bucket_count"),
)
_NORMS = ("grad_norm", "weight_norm", "update_norm")
_NAME_BYTES = 64
_INTEGERS = {
    *("sample_count", "skipped", "input_nonfinite_count", "target_nonfinite_count"),
    *_COUNTS,
}


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
    metrics: Mapping[str, Any] | None = None
    """What Keras logged for the step, the loss apart: running means."""
    inside: float = 0.0
    """Seconds of the train step itself."""


@dataclass(frozen=True)
class CapturedChunk:
    """Consecutive steps that nobody changes any more."""

    first_step: int
    entries: Sequence[Entry]
    layout: Layout | None
    revision: int
    columns: "Columns"

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.entries)

    def rows(self) -> Rows:
        """Return the steps as rows: a hundred microseconds of work, to be done once."""
        return self.columns.rows(self)


class Columns:
    """Makes columns of the steps of a run, in order, on whatever thread asks for them."""

    def __init__(self) -> None:
        self._rate: float | None = None
        self._units: tuple[Layout, Units] | None = None

    def rows(self, chunk: CapturedChunk) -> Rows:
        """Return the steps of a chunk as rows; each chunk once, one after the other."""
        entries, layout = chunk.entries, chunk.layout
        rows = Rows(
            first_step=chunk.first_step,
            loss=np.array([entry.loss for entry in entries], np.float32),
            loss_source=np.array([entry.source for entry in entries], np.uint8),
            epoch=np.array([entry.epoch for entry in entries], np.uint32),
            step_seconds=np.array([entry.seconds for entry in entries], np.float32),
            learning_rate=self._rates(entries),
            scalars=_scalars(entries),
            outside_seconds=max(sum(entry.seconds - entry.inside for entry in entries), 0.0),
        )
        found = [(i, entry.row) for i, entry in enumerate(entries) if entry.row is not None]
        if found and layout is not None:
            rows.sampled_row = [i for i, _ in found]
            packed = np.stack([row for _, row in found])
            if self._units is None or self._units[0] is not layout:
                self._units = layout, Units(layout.axes.activations)
            units = self._units[1].columns(layout.unpack(packed))
            rows.sampled = sampled_columns(layout, packed) | units
            rows.revision = chunk.revision if layout.axes.variables or units else 0
        return rows

    def _rates(self, entries: Sequence[Entry]) -> list[tuple[int, float]]:
        """Return the learning rate where it is another one than before."""
        changes = []
        for i, entry in enumerate(entries):
            if entry.rate is None or (self._rate is not None and _same(entry.rate, self._rate)):
                continue
            self._rate = entry.rate
            changes.append((i, entry.rate))
        return changes


def _scalars(entries: Sequence[Entry]) -> dict[str, list[tuple[int, float]]]:
    """Return the running metrics, by their names in Keras's logs."""
    scalars: dict[str, list[tuple[int, float]]] = {}
    for i, entry in enumerate(entries):
        for name, value in (entry.metrics or {}).items():
            with contextlib.suppress(Exception):  # a program may log anything
                scalars.setdefault(name, []).append((i, float(value)))
    return {name: points for name, points in scalars.items() if _is_name(name) and points}


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name.isprintable() and 0 < len(name.encode()) <= _NAME_BYTES


def _same(rate: float, other: float) -> bool:
    """Say whether two learning rates differ by no more than the arithmetic of a schedule."""
    return math.isclose(rate, other, rel_tol=1e-6)


def sampled_columns(layout: Layout, packed: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of message Sampled for rows as the graph packed them."""
    found = layout.unpack(packed)
    columns = {name: found[name] for name in (*_PLAIN, *_COUNTS) if name in found}
    if "grad_norm" in found:
        # The graph sends sums of squares, in float32; the root of a sum over them is exact enough.
        columns |= {name: np.sqrt(found[name]) for name in _NORMS if name in found}
        with np.errstate(over="ignore", invalid="ignore"):
            columns["global_grad_norm"] = np.sqrt(found["grad_norm"].sum(1))
            if any(layout.penalties) and not any(map(math.isnan, layout.penalties)):
                columns["regularization_grad_norm"] = _penalty(layout, found["weight_norm"])
    if "confusion" in found:
        matrix = found["confusion"]
        columns |= {"label_count": matrix.sum(2), "prediction_count": matrix.sum(1)}
        columns |= {"correct_count": np.diagonal(matrix, axis1=1, axis2=2)}
    if "input" in found:
        some = found["input"][..., :1] > 0
        known = np.where(some, found["input"][..., 1:5], np.nan)
        mean, variance, low, high = np.moveaxis(known, -1, 0)
        bad = found["input"][..., 5]
        columns |= {"input_mean": mean, "input_std": np.sqrt(variance), "input_min": low}
        columns |= {"input_max": high, "input_nonfinite_count": bad}
    if "target" in found:
        columns |= {"target_mean": found["target"][..., 1]}
        columns |= {"target_variance": found["target"][..., 2]}
        columns |= {"target_nonfinite_count": found["target"][..., 5]}
    return {
        name: np.ascontiguousarray(column, np.uint32 if name in _INTEGERS else np.float32)
        for name, column in columns.items()
    }


def _penalty(layout: Layout, squares: np.ndarray) -> np.ndarray:
    """Return the norm of the regularisers' gradient, 2 l2 w, [row]."""
    factors = np.array(layout.penalties, np.float64)
    return np.asarray(np.sqrt((4 * np.square(factors) * squares).sum(1)))
