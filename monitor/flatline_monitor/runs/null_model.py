"""The loss of the best constant predictor: what a model reaches that ignores its input.

Sources: for cross-entropy it is the entropy of the labels (McFadden, 1974, with the prior-only
model as the null); for squared error the variance of the targets, as in R squared.
"""

import math

import numpy as np

from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.records import LossKind


def null_loss(blocks: Blocks, kind: LossKind) -> float | None:
    """Return the null model's loss over these blocks, in units of the loss; None: not known."""
    if not len(blocks):
        return None
    match kind:
        case LossKind.CROSS_ENTROPY:
            return _entropy(blocks.total("label_count"))
        case LossKind.BINARY_CROSS_ENTROPY:
            return _binary_entropy(blocks)
        case LossKind.SQUARED_ERROR:
            return _variance(blocks)
    return None


def _entropy(counts: np.ndarray) -> float | None:
    n = counts.sum()
    if not n:
        return None
    share = counts[counts > 0] / n
    return float(-(share * np.log(share)).sum())


def _binary_entropy(blocks: Blocks) -> float | None:
    """Mean over labels; a single label comes as a classification of two classes."""
    positives = blocks.total("positive_count")
    samples = blocks.total("samples")
    if not positives.size or not samples.size or not samples:
        return _entropy(blocks.total("label_count"))
    share = np.clip(positives / samples, 1e-12, 1 - 1e-12)
    return float(np.mean(-share * np.log(share) - (1 - share) * np.log1p(-share)))


def _variance(blocks: Blocks) -> float | None:
    """Mean over outputs of the variance of all targets, within and between batches."""
    n = blocks.total("target_count")
    if not n.size or not n.all():
        return None
    mean = blocks.total("target_sum") / n
    variance = float(np.mean(blocks.total("target_square_sum") / n - mean**2))
    return variance if variance > 0 and math.isfinite(variance) else None
