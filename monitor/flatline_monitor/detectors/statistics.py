"""Statistics that several detectors use. Non-finite values are left out."""

import math
from statistics import NormalDist

import numpy as np

from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.view import RunView

Z_PER_MILLE = -NormalDist().inv_cdf(0.0005)
"""Standard normal quantile of a two-sided interval that misses one time in a thousand: 3.29."""


def finite_median(x: np.ndarray) -> float:
    """Return the median of the finite values, or nan when there are none."""
    finite = x[np.isfinite(x)]
    return float(np.median(finite)) if finite.size else math.nan


def wilson_lower(successes: float, n: float, z: float = Z_PER_MILLE) -> float:
    """Return the lower end of the score interval of a share (Wilson, 1927)."""
    share = successes / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n)


def effective_classes(counts: np.ndarray) -> float:
    """Return the perplexity of a histogram: 1 for one class only, K for K even ones."""
    n = counts.sum()
    if not n:
        return math.nan
    share = counts[counts > 0] / n
    return math.exp(float(-(share * np.log(share)).sum()))


def progress(view: RunView, window: int) -> float:
    """Return 1 - L / L_first: the share of the first loss that is gone; nan: not known.

    L is the median over the last `window` steps, L_first that of the run's first 20 losses.
    """
    now = finite_median(view.loss_since(view.step - window + 1))
    return 1 - now / view.first_loss if view.first_loss > 0 else math.nan


def skill_bound(view: RunView, blocks: Blocks) -> float:
    """Return an optimistic bound of the skill over these blocks; nan: not known.

    skill = 1 - L / L0 with L the data loss and L0 the null model's: McFadden's pseudo R squared
    for cross-entropy, R squared for squared error. The bound lowers L by two standard errors
    of its block means.
    """
    null = view.null_loss
    count = blocks["data_count"] if len(blocks) else np.zeros(0)
    if not null or not count.size:
        return math.nan
    means = blocks["data_sum"][count > 0] / count[count > 0]
    if means.size < 2:  # noqa: PLR2004 - a standard error takes two values
        return math.nan
    error = means.std(ddof=1) / math.sqrt(means.size)
    return float(1 - (means.mean() - 2 * error) / null)
