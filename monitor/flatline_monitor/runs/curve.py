"""A whole run in 256 to 512 points: what people look at, never what is judged.

A point is all the rows whose step // width is the same; the width is 1 until there are too many
points, and doubles then. So the curve follows from the rows, however they were cut.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from flatline_monitor.runs.rates import in_force
from flatline_monitor.runs.rows import Rows

Array = np.ndarray
MOST_POINTS = 512

COLUMNS = (
    *("first", "last", "learning_rate"),
    *("loss_count", "loss_sum", "loss_bad", "labels", "correct"),
    *("norm_count", "norm_sum", "norm_bad"),
    *("loss_min", "loss_max"),
)
_AT = {name: i for i, name in enumerate(COLUMNS)}
_SUMS = slice(_AT["loss_count"], _AT["norm_bad"] + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points in ascending order; `table` is never changed.

    Its columns, by their place in COLUMNS:
    first, last: steps, inclusive; learning_rate: in force at the last step, nan for not known;
    loss_count, loss_sum, loss_min, loss_max: over known finite losses; loss_bad: of those known,
    how many were not finite; labels, correct: samples in sampled batches, and how many of them
    were predicted right; norm_count, norm_sum, norm_bad: of the global gradient norm likewise.
    """

    width: int = 1
    """Steps that a point covers."""
    table: Float[np.ndarray, "column point"] = field(
        default_factory=lambda: np.zeros((len(COLUMNS), 0))
    )

    def __eq__(self, other: object) -> bool:
        """Say whether the other is a curve of the same points."""
        if not isinstance(other, Curve):
            return NotImplemented
        same = np.array_equal(self.table, other.table, equal_nan=True)
        return self.width == other.width and same

    def __hash__(self) -> int:
        return hash((self.width, len(self)))

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.table[0])

    def __getitem__(self, name: str) -> Float[np.ndarray, " point"]:
        """Return a column."""
        return np.asarray(self.table[_AT[name]])

    @property
    def accuracy(self) -> Float[np.ndarray, " point"]:
        """Share of the sampled labels that were predicted; nan where there were none."""
        return _ratio(self["correct"], self["labels"])

    @property
    def loss(self) -> Float[np.ndarray, " point"]:
        """Mean of the finite losses; nan where there were none."""
        return _ratio(self["loss_sum"], self["loss_count"])

    @property
    def global_grad_norm(self) -> Float[np.ndarray, " point"]:
        """Mean of the finite global gradient norms; nan where there were none."""
        return _ratio(self["norm_sum"], self["norm_count"])


def extended(curve: Curve, rows: Rows, rates: Mapping[int, float]) -> Curve:
    """Return the curve with rows that lie after it; `rates` holds, by step, each change of rate."""
    if not len(rows):
        return curve
    # Only the last point can be one with the first of the new rows.
    settled, open_ = curve.table[:, :-1], curve.table[:, -1:]
    fresh = np.concatenate((open_, _table(rows, rates)), axis=1)
    table = np.concatenate((settled, _merged(fresh, curve.width)), axis=1)
    width = curve.width
    while table.shape[1] > MOST_POINTS:
        width *= 2
        table = _merged(table, width)
    return Curve(width, table)


def before(curve: Curve, step: int) -> Curve:
    """Return the curve without the points that reach `step`."""
    kept = int(np.searchsorted(curve["last"], step))
    return curve if kept == len(curve) else Curve(curve.width, curve.table[:, :kept].copy())


def _table(rows: Rows, rates: Mapping[int, float]) -> Array:
    """Return one point for each row."""
    table = np.zeros((len(COLUMNS), len(rows)))
    loss, known = rows.loss.astype(np.float64), rows.loss_known
    finite = known & np.isfinite(loss)
    table[_AT["first"]] = table[_AT["last"]] = rows.step
    table[_AT["learning_rate"]] = in_force(rates, rows.step)
    table[_AT["loss_count"]] = finite
    table[_AT["loss_sum"]] = np.where(finite, loss, 0.0)
    table[_AT["loss_bad"]] = known & ~finite
    table[_AT["loss_min"]] = table[_AT["loss_max"]] = np.where(finite, loss, np.nan)
    at = np.searchsorted(rows.step, rows.sampled.step)
    sent = rows.sampled.columns
    if "label_count" in sent and "correct_count" in sent:
        table[_AT["labels"], at] = sent["label_count"].sum(axis=1)
        table[_AT["correct"], at] = sent["correct_count"].sum(axis=1)
    if "global_grad_norm" in sent:
        norm = sent["global_grad_norm"].astype(np.float64)
        fine = np.isfinite(norm)
        table[_AT["norm_count"], at] = fine
        table[_AT["norm_sum"], at] = np.where(fine, norm, 0.0)
        table[_AT["norm_bad"], at] = ~fine
    return table


def _merged(table: Array, width: int) -> Array:
    """Return the points with those made one that lie in the same `width` steps."""
    bucket = table[_AT["first"]] // width
    begins = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    if len(begins) == len(bucket):
        return table
    ends = np.append(begins[1:], len(bucket)) - 1
    return np.concatenate(
        (
            table[:1, begins],
            table[1:3, ends],
            np.add.reduceat(table[_SUMS], begins, axis=1),
            np.fmin.reduceat(table[-2:-1], begins, axis=1),
            np.fmax.reduceat(table[-1:], begins, axis=1),
        )
    )


def _ratio(total: Array, count: Array) -> Array:
    return np.asarray(np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0))
