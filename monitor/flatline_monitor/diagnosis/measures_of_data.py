"""How the facts that lie in the data are measured: inputs, labels and targets that are odd."""

import math

import numpy as np

from flatline_monitor.runs.records import LossKind
from flatline_monitor.runs.view import RunView

FAR = 20.0
"""Times the usual largest element from which on a batch is an outlier; ours."""
FEW = 0.02
"""Share of the batches up to which outliers are such, and not what is usual."""
CHANGED = 3.0
"""Times its size that an input is larger or smaller from some step on; ours."""
SIDE = 5
"""Least batches before and after a change."""
FEW_OUTPUTS = 32
"""Outputs up to which targets of 0 and 1 are labels, and not black and white pictures."""
ROUNDING = 1e-3

Jump = tuple[int, float, float]
"""A step, what was usual before it, and what came with it."""


def labels_outside(view: RunView) -> float:
    """Return the share of samples whose label is none of the classes; 0 where nobody knows."""
    labels, samples = view.coarse.total("label_count"), view.coarse.total("samples")
    if not labels.size or not samples.size or not samples:
        return 0.0
    return max(0.0, 1 - float(labels.sum()) / float(samples))


def accuracy(view: RunView) -> float | None:
    """Return the share of right answers over the last quarter of the run; None: not counted."""
    late = view.since(view.step - view.step // 4)
    labels, correct = late.total("label_count"), late.total("correct_count")
    if not labels.size or labels.shape != correct.shape or not labels.sum():
        return None
    return float(correct.sum() / labels.sum())


def are_constant(view: RunView) -> bool:
    """Say whether all elements of all inputs, of all batches of late, are the same number."""
    if not (view.has("input_min") and view.has("input_max")):
        return False
    low, high = (view.rows.sampled.columns[name] for name in ("input_min", "input_max"))
    return bool(low.size and (low.min(axis=0) == high.max(axis=0)).all())


def outlier(view: RunView) -> Jump | None:
    """Return the batch of late whose largest element is far beyond those of all others."""
    if not (view.has("input_min") and view.has("input_max")):
        return None
    low, high = (view.rows.sampled.columns[name] for name in ("input_min", "input_max"))
    step = view.rows.sampled.step[-len(low) :]
    for sizes in np.maximum(np.abs(low), np.abs(high)).astype(np.float64).T:
        known = np.isfinite(sizes)
        if np.count_nonzero(known) < 2 * SIDE:
            continue
        usual = float(np.median(sizes[known]))
        far = np.flatnonzero(known & (sizes > FAR * usual)) if usual > 0 else np.zeros(0, int)
        if 0 < far.size <= max(1.0, FEW * sizes.size):
            return int(step[far[0]]), usual, float(sizes[far[0]])
    return None


def change(view: RunView) -> Jump | None:
    """Return the step from which on an input is of another size than before, for good."""
    if not (view.has("input_mean") and view.has("input_std")):
        return None
    mean, std = (view.rows.sampled.columns[name] for name in ("input_mean", "input_std"))
    step = view.rows.sampled.step[-len(mean) :]
    for sizes in np.hypot(mean.astype(np.float64), std.astype(np.float64)).T:
        known = np.isfinite(sizes) & (sizes > 0)
        at = _changes(np.log(sizes[known]))
        if at is not None:
            before, after = sizes[known][:at], sizes[known][at:]
            return int(step[known][at]), float(np.median(before)), float(np.median(after))
    return None


def _changes(values: np.ndarray) -> int | None:
    """Return the place from which on values are others, by more than log(CHANGED) and noise."""
    n = len(values)
    if n < 2 * SIDE or float(np.ptp(values)) < math.log(CHANGED):
        return None
    k = np.arange(SIDE, n - SIDE + 1)
    total = np.cumsum(values)
    left, right = total[k - 1] / k, (total[-1] - total[k - 1]) / (n - k)
    at = int(k[np.argmax(k * (n - k) * (left - right) ** 2)])
    before, after = float(np.median(values[:at])), float(np.median(values[at:]))
    noise = max(
        float(np.median(np.abs(values[:at] - before))),
        float(np.median(np.abs(values[at:] - after))),
    )
    return at if abs(after - before) > max(math.log(CHANGED), 6 * noise) else None


def target_size(view: RunView) -> float | None:
    """Return the root mean square of a regression's targets, of the output where it is largest."""
    squares, count = view.coarse.total("target_square_sum"), view.coarse.total("target_count")
    if not count.size or not count.all():
        return None
    size = math.sqrt(float((squares / count).max()))
    return size if math.isfinite(size) else None


def are_labels(view: RunView) -> bool:
    """Say whether the few targets of a squared error are all 0 or 1: then they are classes.

    Only of such numbers the sum of the squares is the sum.
    """
    total, squares = view.coarse.total("target_sum"), view.coarse.total("target_square_sum")
    count = view.coarse.total("target_count")
    if view.hello.loss_kind is not LossKind.SQUARED_ERROR or not 0 < total.size <= FEW_OUTPUTS:
        return False
    mixed = (total > 0).all() and (total < count).all()
    return bool(mixed and (np.abs(squares - total) <= ROUNDING * total).all())
