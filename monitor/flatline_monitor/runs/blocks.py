"""Block summaries: the whole of a run in constant memory.

A block is what a run did between two edges. `Blocks.add` keeps up to `most` of them; the coarse
series merges neighbours when it is full, so that it always spans the whole run in 20 to 40
blocks; the fine one forgets its oldest and holds the recent past at full resolution.

Sources: the doubling of the block size after dlib's running statistics (King, dlib.net).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from flatline_monitor.runs.median import median
from flatline_monitor.runs.rows import Rows

Array = np.ndarray
MOST_COARSE = 40
MOST_FINE = 128

MEANS = {"data_loss": "data", "confidence": "confidence"}
"""Columns of which counts and sums are kept, and their names there."""
COUNTS = ("label_count", "prediction_count", "correct_count", "positive_count")
MEDIANS = frozenset({"loss_median", "plain_seconds", "sampled_seconds"})
"""Columns that are no sums: of two blocks the mean counts, of those in which they are known."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Summaries of consecutive blocks, oldest first; arrays are never changed.

    Columns, all [block] or [block, ...] and all sums but the first five:
    first, last: steps, inclusive; loss_median: of the known finite losses, nan for none;
    plain_seconds, sampled_seconds: median time of a step that was not sampled, and of one that
    was, nan for none;
    loss_count, loss_sum: over those; data_count, data_sum: over finite data losses;
    confidence_count, confidence_sum: over finite confidences;
    samples: samples in the sampled batches; label_count, prediction_count, correct_count
    [block, class]; positive_count [block, label]; target_sum, target_square_sum [block, output].
    A count that was not sent is 0.
    """

    columns: Mapping[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.columns["first"]) if self.columns else 0

    def __getitem__(self, name: str) -> Array:
        """Return a column; one that was never sent has width 0."""
        if name in self.columns:
            return self.columns[name]
        return np.zeros((len(self), 0))

    def since(self, step: int) -> "Blocks":
        """Return the blocks that reach `step` or lie after it."""
        return self.from_block(int(np.searchsorted(self["last"], step)) if len(self) else 0)

    def from_block(self, first: int) -> "Blocks":
        """Return the blocks from this one on."""
        return Blocks({name: column[first:] for name, column in self.columns.items()})

    def total(self, name: str) -> Array:
        """Return the sum of a column over the blocks, without the block axis."""
        return np.asarray(self[name].sum(axis=0))


def summarise(rows: Rows) -> Blocks:
    """Return the one block of these rows; there must be at least one."""
    finite = rows.loss[rows.loss_known & np.isfinite(rows.loss)].astype(np.float64)
    columns: dict[str, Array] = {
        "first": rows.step[:1],
        "last": rows.step[-1:],
        "loss_median": np.array([median(finite)]),
        "loss_count": np.array([finite.size]),
        "loss_sum": np.array([finite.sum()]),
        **_seconds(rows),
    }
    sent = rows.sampled.columns
    for column, name in MEANS.items():
        if column in sent:
            values = sent[column][np.isfinite(sent[column])].astype(np.float64)
            columns[f"{name}_count"] = np.array([values.size])
            columns[f"{name}_sum"] = np.array([values.sum()])
    if "sample_count" in sent:
        columns["samples"] = np.array([int(sent["sample_count"].sum())])
    for name in COUNTS:
        if name in sent:
            columns[name] = sent[name].sum(axis=0, dtype=np.int64)[None]
    if "target_mean" in sent and "target_variance" in sent and "sample_count" in sent:
        columns |= _targets(sent["sample_count"], sent["target_mean"], sent["target_variance"])
    return Blocks(columns)


def append_coarse(blocks: Blocks, block: Blocks) -> Blocks:
    """Return the series with one block more; neighbours are merged when there are too many."""
    joined = _join(blocks, block)
    return _halve(joined) if len(joined) > MOST_COARSE else joined


def append_fine(blocks: Blocks, block: Blocks) -> Blocks:
    """Return the series with one block more and without those that are too old to be kept."""
    joined = _join(blocks, block)
    return Blocks({name: column[-MOST_FINE:] for name, column in joined.columns.items()})


def _seconds(rows: Rows) -> dict[str, Array]:
    """Return the median step times: measuring takes time, so like is kept beside like."""
    plain = np.ones(len(rows), bool)
    plain[np.searchsorted(rows.step, rows.sampled.step)] = False
    known = np.isfinite(rows.step_seconds)
    return {
        "plain_seconds": np.array([median(rows.step_seconds[plain & known])]),
        "sampled_seconds": np.array([median(rows.step_seconds[~plain & known])]),
    }


def _targets(count: Array, mean: Array, variance: Array) -> dict[str, Array]:
    n = count.astype(np.float64)[:, None]
    mean = mean.astype(np.float64)
    usable = np.isfinite(mean) & np.isfinite(variance)
    total = np.where(usable, n * mean, 0.0).sum(axis=0)
    squares = np.where(usable, n * (variance + mean**2), 0.0).sum(axis=0)
    counts = np.where(usable, n, 0.0).sum(axis=0)
    return {
        "target_count": counts[None],
        "target_sum": total[None],
        "target_square_sum": squares[None],
    }


def _join(older: Blocks, newer: Blocks) -> Blocks:
    if not len(older):
        return newer
    if _widths(older) != _widths(newer):
        older, newer = _widened(older, newer), _widened(newer, older)
    ends = newer.columns
    return Blocks({name: np.concatenate((c, ends[name])) for name, c in older.columns.items()})


def _widths(blocks: Blocks) -> dict[str, tuple[int, ...]]:
    return {name: column.shape[1:] for name, column in blocks.columns.items()}


def _widened(blocks: Blocks, other: Blocks) -> Blocks:
    """Return the blocks with the columns of both, in the greater of their widths."""
    return Blocks(
        {name: _width_of(blocks, other, name) for name in {**blocks.columns, **other.columns}}
    )


def _width_of(blocks: Blocks, other: Blocks, name: str) -> Array:
    """Return the column; zeros in the other's width where it is absent or of another width."""
    want = other.columns.get(name, blocks.columns.get(name))
    have = blocks.columns.get(name)
    if want is None or (have is not None and have.shape[1:] == want.shape[1:]):
        return blocks[name]
    if have is not None and have.ndim > 1 and have.shape[1] > want.shape[1]:
        return have
    grown = np.zeros((len(blocks), *want.shape[1:]), want.dtype)
    if have is not None:
        grown[:, : have.shape[1]] = have
    return grown


def _halve(blocks: Blocks) -> Blocks:
    even = len(blocks) // 2 * 2
    merged = {name: _pairs(name, column[:even]) for name, column in blocks.columns.items()}
    rest = {name: column[even:] for name, column in blocks.columns.items()}
    return _join(Blocks(merged), Blocks(rest)) if len(blocks) > even else Blocks(merged)


def _pairs(name: str, column: Array) -> Array:
    left, right = column[::2], column[1::2]
    if name == "first":
        return left
    if name == "last":
        return right
    if name in MEDIANS:
        both = np.stack((left, right))
        known = np.isfinite(both)
        count = known.sum(axis=0)
        total = np.where(known, both, 0.0).sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return np.asarray(left + right)
