"""Rows of a run as columns: what has arrived and is not summarised yet, and the recent past."""

import functools
import math
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int, UInt8

from flatline_monitor.runs.records import NO_SAMPLES, Chunk, LossSource, Sampled

Array = np.ndarray
SAMPLES_KEPT = 256
VALUES_KEPT = 2**10
"""Values of one column that are kept: 256 samples of a number, 100 of ten of them."""
FEWEST_SAMPLES_KEPT = 20
"""Samples that are kept of a column in any case, however many variables it goes over."""
FEW = 16
"""Values of a row that are not worth thinning out."""
UNREAD = frozenset(
    {"activation_mean", "activation_std", "label_bucket_count", "prediction_bucket_count"}
)
"""Columns that no detector reads: the journal has them, a run's state has not."""
_UNKNOWN = int(LossSource.UNKNOWN)
"""An array is not compared with an enum: numpy asks that for attributes which it has not."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Steps in ascending order, and the sampled ones among them; arrays are never changed.

    Of a column over many variables only the latest sampled rows are kept: it is shorter than
    `sampled.step` then, and its last row is of the last step.
    """

    step: Int[Array, " step"] = field(default_factory=lambda: np.zeros(0, np.int64))
    loss: Float[Array, " step"] = field(default_factory=lambda: np.zeros(0, np.float32))
    loss_source: UInt8[Array, " step"] = field(default_factory=lambda: np.zeros(0, np.uint8))
    step_seconds: Float[Array, " step"] = field(default_factory=lambda: np.zeros(0, np.float32))
    """nan where the client did not say."""
    sampled: Sampled = NO_SAMPLES

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.step)

    @property
    def loss_known(self) -> Array:
        """[step] Whether the loss was measured at all; a measured nan is known."""
        return np.asarray(self.loss_source != _UNKNOWN)


def rows_of(chunk: Chunk) -> Rows:
    """Return the chunk's rows; a loss that was not sent is nan from an unknown source."""
    n = len(chunk.step)
    loss = chunk.columns.get("loss")
    source = chunk.columns.get("loss_source")
    if loss is None:
        loss, source = np.full(n, np.nan, np.float32), np.zeros(n, np.uint8)
    elif source is None:
        source = np.full(n, LossSource.AS_LOGGED, np.uint8)
    seconds = chunk.columns.get("step_seconds", np.full(n, np.nan, np.float32))
    read = {name: c for name, c in chunk.sampled.columns.items() if name not in UNREAD}
    return Rows(chunk.step, loss, source, seconds, replace(chunk.sampled, columns=read))


def join(older: Rows, newer: Rows) -> Rows:
    """Return both, one after the other.

    Sampled rows go by one list of variables and one set of columns. Where the newer ones go by
    another, the older ones are left out: a window starts anew when the model changes.
    """
    if not len(older):
        return replace(newer, sampled=_join_sampled(older.sampled, newer.sampled))
    return Rows(
        np.concatenate((older.step, newer.step)),
        np.concatenate((older.loss, newer.loss)),
        np.concatenate((older.loss_source, newer.loss_source)),
        np.concatenate((older.step_seconds, newer.step_seconds)),
        _join_sampled(older.sampled, newer.sampled),
    )


def cut(rows: Rows, begin: int, end: int) -> Rows:
    """Return the rows whose step lies in [begin, end)."""
    lo, hi = np.searchsorted(rows.step, (begin, end))
    return _slice(rows, slice(lo, hi), _between(rows.sampled, begin, end))


def latest(older: Rows, newer: Rows, steps: int) -> Rows:
    """Return the last `steps` rows of both, and of each column the last samples that are kept."""
    return Rows(
        _end(older.step, newer.step, steps),
        _end(older.loss, newer.loss, steps),
        _end(older.loss_source, newer.loss_source, steps),
        _end(older.step_seconds, newer.step_seconds, steps),
        _latest_sampled(older.sampled, newer.sampled),
    )


@functools.lru_cache(maxsize=256)
def samples_kept(shape: tuple[int, ...]) -> int:
    """Return how many samples of a column are kept, each of which is of this shape."""
    width = max(math.prod(shape), 1)
    return min(max(VALUES_KEPT // width, FEWEST_SAMPLES_KEPT), SAMPLES_KEPT)


def thinned(rows: Rows) -> Rows:
    """Return the rows without samples that will not be kept anyway, as far as they are finite.

    A block of fifty steps is not full yet, and a model may have a thousand variables.
    """
    if len(rows.sampled.step) <= FEWEST_SAMPLES_KEPT:
        return rows
    columns = {name: _thinned(column) for name, column in rows.sampled.columns.items()}
    return replace(rows, sampled=replace(rows.sampled, columns=columns))


def _thinned(column: Array) -> Array:
    excess = len(column) - samples_kept(column.shape[1:])
    wide = column.ndim > 1 and column.shape[1] > FEW and column.dtype == np.float32
    thin = excess > 0 and wide and np.isfinite(column[:excess]).all()
    return column[excess:].copy() if thin else column


def lost_steps(rows: Rows) -> Int[Array, " lost"]:
    """Return the steps whose loss was measured and is not finite, ascending."""
    return np.asarray(rows.step[rows.loss_known & ~np.isfinite(rows.loss)])


def bad_steps(rows: Rows) -> Int[Array, " bad"]:
    """Return the steps with a non-finite value in the loss, a gradient or a weight, ascending."""
    columns = rows.sampled.columns
    bad = np.zeros(len(rows.sampled.step), bool)
    if "global_grad_norm" in columns:
        bad |= ~np.isfinite(columns["global_grad_norm"])
    if "weight_norm" in columns:
        norms = columns["weight_norm"]
        bad[len(bad) - len(norms) :] |= ~np.isfinite(norms).all(axis=1)
    lost = lost_steps(rows)
    return np.union1d(lost, rows.sampled.step[bad]) if bad.any() else lost


def _slice(rows: Rows, part: slice, sampled: Sampled) -> Rows:
    return Rows(
        rows.step[part],
        rows.loss[part],
        rows.loss_source[part],
        rows.step_seconds[part],
        sampled,
    )


def _between(sampled: Sampled, begin: int, end: int) -> Sampled:
    lo, hi = np.searchsorted(sampled.step, (begin, end)).tolist()
    count = len(sampled.step)
    from_end = slice(lo - count, hi - count or None) if lo < hi else slice(0)
    return Sampled(
        sampled.step[lo:hi],
        sampled.revision,
        {name: column[from_end] for name, column in sampled.columns.items()},
    )


def _end(older: Array, newer: Array, count: int) -> Array:
    """Return the last so many of both, as an array of its own."""
    missing = count - len(newer)
    if missing <= 0:
        return newer[-count:].copy()
    return np.concatenate((older[-missing:], newer))


def _latest_sampled(older: Sampled, newer: Sampled) -> Sampled:
    if not len(newer.step):
        return older
    if not _goes_by_the_same(older, newer):
        older = Sampled(older.step[:0], 0, {name: c[:0] for name, c in newer.columns.items()})
    return Sampled(
        _end(older.step, newer.step, SAMPLES_KEPT),
        newer.revision,
        {
            name: _end(older.columns[name], column, samples_kept(column.shape[1:]))
            for name, column in newer.columns.items()
        },
    )


def _goes_by_the_same(older: Sampled, newer: Sampled) -> bool:
    """Say whether both have the same columns over the same axes."""
    return older.revision == newer.revision and (
        {name: column.shape[1:] for name, column in older.columns.items()}
        == {name: column.shape[1:] for name, column in newer.columns.items()}
    )


def _join_sampled(older: Sampled, newer: Sampled) -> Sampled:
    if not len(newer.step):
        return older
    if not len(older.step) or not _goes_by_the_same(older, newer):
        return newer
    return Sampled(
        np.concatenate((older.step, newer.step)),
        newer.revision,
        {
            name: np.concatenate((column, newer.columns[name]))
            for name, column in older.columns.items()
        },
    )
