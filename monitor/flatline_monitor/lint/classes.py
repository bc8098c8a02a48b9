"""What the classes of a log are, where loss and accuracy tell: how a constant answer would do."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flatline_monitor.lint.log import Log, Row

MOST = 1000
"""Classes beyond which a loss is near the logarithm of some whole number anyway."""
NEAR = 0.02
"""Share by which a loss at chance may differ from that of guessing."""
CONSTANT = 1e-3
"""Span of accuracies that are the same one."""
SURE = (0.05, 0.99)
"""Accuracies between which a constant one is the share of a class; 0 is no classification."""
FEWEST = 4


def told(log: Log, class_count: int | None) -> Log:
    """Return the log with the share of each class among its labels, where that can be told.

    `class_count` is what the user says: so many, and even. Else it is told where accuracy and loss
    both are those of guessing among K even classes, or where neither changes any more and the
    loss is no better than what always answering with one class of that share costs.
    """
    if class_count is not None:
        even = (1 / class_count,) * class_count
        return replace(log, class_shares=even if _answered(log) else ())
    last = _answered(log)[-max(FEWEST, len(log.trained) // 4) :]
    if len(last) < FEWEST:
        return log
    losses, shares = np.array(last).T
    loss, share = float(np.median(losses)), float(np.median(shares))
    if (count := _even(loss, share)) is not None:
        why = f"loss and accuracy are those of guessing among {count} classes that are as frequent"
        return replace(log, class_shares=(1 / count,) * count, notes=(*log.notes, why))
    if _is_constant(losses, shares) and loss >= (1 - NEAR) * _entropy(share):
        why = f"the accuracy is always {share:.1%}: taken for the share of the commonest class"
        return replace(log, class_shares=(share, 1 - share), notes=(*log.notes, why))
    return log


def answers(log: Log) -> list[float | None]:
    """Return the accuracy at each row with a loss: the training's, or else the last validation's.

    None: nothing was answered yet.
    """
    own = any(row.accuracy is not None for row in log.trained)
    found: list[float | None] = []
    last = None
    for row in log.rows:
        last = row.accuracy if own else row.val_accuracy if row.val_accuracy is not None else last
        if row.loss is not None:
            found.append(last)
    return found


def _answered(log: Log) -> list[tuple[float, float]]:
    """Return the finite losses with the accuracy beside them."""
    both = zip(_losses(log.trained), answers(log), strict=True)
    return [(a, b) for a, b in both if math.isfinite(a) and b is not None and math.isfinite(b)]


def _losses(rows: Sequence[Row]) -> list[float]:
    return [math.nan if row.loss is None else row.loss for row in rows]


def _even(loss: float, share: float) -> int | None:
    """Return the number of classes among which both look like guessing; None: there is none."""
    if not math.log(2) * (1 - NEAR) <= loss <= math.log(MOST):
        return None
    count = max(2, round(math.exp(loss)))
    near = abs(loss - math.log(count)) <= NEAR * math.log(count)
    margin = 0.05 if count == 2 else 0.2 / count + 0.005  # noqa: PLR2004 - a coin
    return count if near and abs(share - 1 / count) <= margin else None


def _is_constant(losses: np.ndarray, shares: np.ndarray) -> bool:
    low, high = SURE
    level = abs(float(np.median(losses)))
    return (
        low <= float(shares.min()) <= high
        and float(np.ptp(shares)) <= CONSTANT
        and float(np.ptp(losses)) <= 2 * NEAR * level
    )


def _entropy(share: float) -> float:
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
