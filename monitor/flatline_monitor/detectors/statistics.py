"""Statistics that several detectors use. Non-finite values are left out."""

import math
from statistics import NormalDist

import numpy as np

from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.median import median
from flatline_monitor.runs.records import Evaluation, LossKind
from flatline_monitor.runs.view import RunView, once

NORMAL = NormalDist()
Z_PER_MILLE = -NORMAL.inv_cdf(0.0005)
"""Standard normal quantile of a two-sided interval that misses one time in a thousand: 3.29."""

WEIGHTED = 0.01
"""Least relative difference of two float32 means that is no rounding."""

FEWEST_BLOCKS, SURELY, MATERIALLY = 6, 0.95, 0.02
"""Points of a line, P(slope < 0) and drop over half of a run from which on a loss surely falls."""

PAIRED_SAMPLES = 16
"""Samples of a block from which on its targets have a variance worth dividing by."""
IMPOSSIBLE = 2.0
"""Skill that no loss above zero has, though its bound is optimistic by two standard errors."""


def finite_median(x: np.ndarray) -> float:
    """Return the median of the finite values, or nan when there are none."""
    return median(x[np.isfinite(x)].astype(np.float64))  # two large float32 have no mean


def finite_medians(x: np.ndarray) -> np.ndarray:
    """Return the median of the finite values of each column, nan for a column without any."""
    finite = np.isfinite(x)
    if not len(x):
        return np.full(x.shape[1], np.nan)
    if finite.all():
        ordered = np.sort(x, axis=0)
        low, high = ordered[(len(x) - 1) // 2], ordered[len(x) // 2]
        return np.asarray(high if len(x) % 2 else (low + high) / 2)
    ordered = np.sort(np.where(finite, x, np.nan).astype(np.float64), axis=0)  # nan comes last
    count, column = finite.sum(axis=0), np.arange(x.shape[1])
    low, high = ordered[np.maximum(count - 1, 0) // 2, column], ordered[count // 2, column]
    return np.asarray((low + high) / 2)


def wilson_lower(successes: float, n: float, z: float = Z_PER_MILLE) -> float:
    """Return the lower end of the score interval of a share (Wilson, 1927)."""
    share = successes / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n)


def wilson_upper(successes: np.ndarray, n: np.ndarray, z: float = Z_PER_MILLE) -> np.ndarray:
    """Return the upper ends of the score intervals of shares; 1 where there is nothing to count."""
    share = successes / np.maximum(n, 1)
    centre = share + z * z / (2 * np.maximum(n, 1))
    half = z * np.sqrt(share * (1 - share) / np.maximum(n, 1) + z * z / (4 * np.maximum(n, 1) ** 2))
    return np.where(n > 0, (centre + half) / (1 + z * z / np.maximum(n, 1)), 1.0)


def effective_classes(counts: np.ndarray) -> float:
    """Return the perplexity of a histogram: 1 for one class only, K for K even ones."""
    n = counts.sum()
    if not n:
        return math.nan
    share = counts[counts > 0] / n
    return math.exp(float(-(share * np.log(share)).sum()))


def falling(y: np.ndarray) -> tuple[float, float]:
    """Return the slope of a line through the values, per value, and the probability that it falls.

    Least squares with normal errors; the residuals of block medians are about independent.
    """
    n = len(y)
    x = np.arange(n) - (n - 1) / 2
    square = float((x * x).sum())
    away = y - y.mean()
    slope = float((x * away).sum()) / square
    residual = away - slope * x
    error = math.sqrt(float((residual**2).sum()) / max(n - 2, 1) / square) + 1e-300
    return slope, NORMAL.cdf(-slope / error)


@once
def medians_since(view: RunView, step: int) -> np.ndarray:
    """Return the finite block medians of the loss from this step on."""
    medians = view.since(step)["loss_median"]
    return np.asarray(medians[np.isfinite(medians)])


@once
def falling_since(view: RunView, step: int) -> tuple[float, float]:
    """Return how they fall."""
    return falling(medians_since(view, step))


@once
def recent_loss(view: RunView, window: int) -> float:
    """Return the median of the finite losses of the last steps; nan: there is none."""
    return finite_median(view.loss_since(view.step - window + 1))


def progress(view: RunView, window: int) -> float:
    """Return 1 - L / L_first: the share of the first loss that is gone; nan: not known.

    L is the median over the last `window` steps, L_first that of the run's first 20 losses.
    """
    return 1 - recent_loss(view, window) / view.first_loss if view.first_loss > 0 else math.nan


@once
def made_up(view: RunView, steps: int) -> float:
    """Return the skill of late, or the progress where nobody knows the skill; nan: neither.

    A loss that goes below what it can be, such as a cross-entropy of outputs that are no
    probabilities, says nothing: its skill would be far above 1.
    """
    skill = skill_bound(view, view.late(steps))
    if math.isnan(skill):
        return progress(view, max(steps, view.step // 4))
    return skill if skill < IMPOSSIBLE else math.nan


@once
def may_fall(view: RunView, materially: float = MATERIALLY) -> bool:
    """Say whether the loss falls over the last half of the run, or nobody can tell yet.

    Surely, and by more than this share of its level, while the loss without regularisation does
    not rise: terms can be a reward. At the end of a run everybody can tell.
    """
    half = view.step // 2
    medians = medians_since(view, half)
    if len(medians) < FEWEST_BLOCKS:
        return not view.final
    slope, certainty = falling_since(view, half)
    level = abs(float(medians.mean()))
    falls = certainty >= SURELY and -slope * (len(medians) - 1) > materially * level
    return falls and not _data_rises(view.since(half))


def _data_rises(blocks: Blocks) -> bool:
    """Say whether the loss without regularisation surely rises, as far as it is sent."""
    count = blocks["data_count"]
    if count.ndim > 1 or np.count_nonzero(count) < FEWEST_BLOCKS:
        return False
    return falling(blocks["data_sum"][count > 0] / count[count > 0])[1] <= 1 - SURELY


def is_on_its_way(view: RunView) -> bool:
    """Say whether the run is young, or nobody knows how long it is, and its loss may fall."""
    return (view.share_of_plan is None or view.is_young) and may_fall(view)


def first_update_ratio(view: RunView, steps: int) -> float:
    """Return the second largest update ratio of any kernel in the first steps; nan: not known."""
    ratios = np.sort(view.firsts.update_ratio[:steps])
    return float(ratios[-2]) if len(ratios) > 1 else math.nan


ACCURACIES = (
    "accuracy",
    "acc",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
)


def accuracy_of(evaluation: Evaluation) -> float:
    """Return the accuracy by whichever name it has; nan: there is none."""
    return next((evaluation.metrics[n] for n in ACCURACIES if n in evaluation.metrics), math.nan)


@once
def beats_chance(view: RunView) -> bool:
    """Say whether the last validation's accuracy is surely above the commonest label's share."""
    labels, last = view.coarse.total("label_count"), view.evaluations[-1]
    share, n = accuracy_of(last), last.n or 100
    if math.isnan(share) or not labels.sum():
        return False
    return wilson_lower(share * n, n, z=2.0) > float(labels.max() / labels.sum())


@once
def mean_loss(_: RunView, blocks: Blocks) -> tuple[float, float]:
    """Return the data loss over these blocks and its standard error; nan: not known.

    The median of the block means, and 1.4826 times their median absolute deviation over the
    root of their number: one batch of a diverging run would carry a mean to anywhere.
    """
    count = blocks["data_count"] if len(blocks) else np.zeros(0)
    if not count.size or np.count_nonzero(count) < 2:  # noqa: PLR2004 - a spread takes two values
        return math.nan, math.nan
    means = blocks["data_sum"][count > 0] / count[count > 0]
    middle = median(means)
    spread = 1.4826 * median(np.abs(means - middle))
    return middle, spread / math.sqrt(means.size)


@once
def skill_bound(view: RunView, blocks: Blocks) -> float:
    """Return an optimistic bound of the skill over these blocks; nan: not known.

    skill = 1 - L / L0 with L the data loss and L0 the null model's: McFadden's pseudo R squared
    for cross-entropy, R squared for squared error. The bound lowers L by two standard errors.
    Of squared errors L / L0 is that of the median block, where both are of the same samples
    (a ratio estimator: Cochran, Sampling Techniques, 1977, chapter 6): a batch that is hard to
    guess is hard for any model.
    """
    null, (loss, error) = view.null_loss, mean_loss(view, blocks)
    if not null or math.isnan(loss):
        return math.nan
    paired = _paired(view, blocks)
    if len(paired) > 1:
        middle = median(paired)
        error = 1.4826 * median(np.abs(paired - middle)) / math.sqrt(len(paired))
        return 1 - (middle - 2 * error)
    return 1 - (loss - 2 * error) / null


def _paired(view: RunView, blocks: Blocks) -> np.ndarray:
    """Return the data loss of each block as a share of what the null model loses on its samples.

    None where the loss is no squared error, or where blocks hold few samples.
    """
    if view.hello.loss_kind is not LossKind.SQUARED_ERROR:
        return np.zeros(0)
    whole, n = view.coarse.total("target_count"), blocks["target_count"]
    if not n.size or not whole.all() or n.min() < PAIRED_SAMPLES:
        return np.zeros(0)
    mean = view.coarse.total("target_sum") / whole
    squares = blocks["target_square_sum"] - 2 * mean * blocks["target_sum"] + n * mean**2
    null = (squares / n).mean(axis=1)
    count = blocks["data_count"]
    usable = (count > 0) & (null > 0)
    return np.asarray(blocks["data_sum"][usable] / count[usable] / null[usable])


@once
def is_weighted(view: RunView) -> bool:
    """Say whether the loss that is minimised weighs samples or classes unevenly.

    Then it differs, by more than a hundredth in the median, from the unweighted loss with the
    regularisation.
    """
    sampled = view.rows.sampled
    if not (view.has("data_loss") and view.has("regularization_loss")):
        return False
    plain = sampled.columns["data_loss"] + sampled.columns["regularization_loss"]
    at = np.minimum(np.searchsorted(view.rows.step, sampled.step), len(view.rows) - 1)
    both = (view.rows.step[at] == sampled.step) & view.loss_known[at]
    plain, minimised = plain[both], view.rows.loss[at[both]]
    with np.errstate(invalid="ignore", divide="ignore"):
        return finite_median(np.abs(minimised - plain) / np.abs(plain)) > WEIGHTED
