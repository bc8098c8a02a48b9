"""What the classes of a log are, where loss and accuracy tell: how a constant answer would do."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from flatline_monitor.lint.log import Log, Row

MOST = 1000
"""Classes beyond which nothing is told."""
NEAR, ABOVE = 0.02, 0.1
"""Shares by which a loss may lie below and above that of guessing, and still look like it."""
CONSTANT = 2e-4
"""Span of accuracies that are the same one."""
SURE = (0.05, 0.95)
"""Accuracies between which a constant one is the share of a class.

About 0 it is no classification, and about 1 it may have nowhere to go.
"""
UNSURE = 0.55
"""Accuracy up to which a loss can be worse than guessing."""
RISE = 0.05
"""Rise of an accuracy that shows that something is learned."""
FEWEST, FEWEST_VALIDATIONS, FEWEST_ROUNDED = 3, 5, 8
EXACT = 3
"""Digits with which an accuracy is told that is not rounded to be constant."""

Pairs = np.ndarray
"""Losses and accuracies, [pair, 2]."""


def told(log: Log, class_count: int | None) -> Log:
    """Return the log with the share of each class among its labels, where that can be told.

    `class_count` is what the user says: so many, and even. Else they are told where loss and
    accuracy, of late or of all validations, are those of guessing among so many even classes;
    where the loss is worse than that of any calibrated model which is right as often, and is not
    right more often than at first; or where the accuracy never changes: then it is the share of
    the class that is always answered.
    """
    pairs = _finite(zip(_losses(log.trained), answers(log), strict=True))
    if class_count is not None:
        return replace(log, class_shares=(1 / class_count,) * class_count if len(pairs) else ())
    late = pairs[-max(FEWEST, len(log.trained) // 4) :]
    if len(late) < FEWEST:
        return log
    loss, share = np.median(late, axis=0)
    count = _even(loss, share) or _unseen(log)
    why = "loss and accuracy are those of guessing among {0} classes that are as frequent"
    if count is None and loss > _fano(share) and not _rises(pairs):
        count, why = round(1 / share), "the accuracy is that of guessing among {0} classes"
    if count is not None:
        return _with(log, (1 / count,) * count, why.format(count))
    if _is_constant(pairs):
        why = f"the accuracy is always {share:.1%}: taken for the share of the commonest class"
        return replace(_with(log, (share, 1 - share), why), always_one=True)
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


def _with(log: Log, shares: Sequence[float], why: str) -> Log:
    return replace(log, class_shares=tuple(map(float, shares)), notes=(*log.notes, why))


def _finite(pairs: Iterable[tuple[float, float | None]]) -> Pairs:
    known = [(a, b) for a, b in pairs if b is not None and math.isfinite(a) and math.isfinite(b)]
    return np.array(known).reshape(-1, 2)


def _losses(rows: Sequence[Row]) -> list[float]:
    return [math.nan if row.loss is None else row.loss for row in rows]


def _unseen(log: Log) -> int | None:
    """Return among how many classes each validation was a guess; None: not all were."""
    seen = _finite((row.val_loss, row.val_accuracy) for row in log.rows if row.val_loss is not None)
    if len(seen) < FEWEST_VALIDATIONS:
        return None
    (count, *others) = {_even(loss, share) for loss, share in seen}
    return None if others else count


def _even(loss: float, share: float) -> int | None:
    """Return the number of classes among which both look like guessing; None: there is none."""
    if not (0 < share < 1 and 0 < loss < 2 * math.log(MOST)):
        return None
    for count in {max(2, round(1 / share)), max(2, round(math.exp(loss)))}:
        margin = 0.05 if count == 2 else 0.2 / count + 0.005  # noqa: PLR2004 - a coin
        beside = -NEAR <= loss / math.log(count) - 1 <= ABOVE
        if count <= MOST and beside and abs(share - 1 / count) <= margin:
            return count
    return None


def _fano(share: float) -> float:
    """Return the most that a calibrated model loses which is right so often, of MOST classes."""
    if not SURE[0] <= share <= UNSURE:
        return math.inf
    return _entropy(share) + (1 - share) * math.log(MOST)


def _rises(pairs: Pairs) -> bool:
    """Say whether the model is right more often than it was at first."""
    return bool(pairs[len(pairs) // 2 :, 1].max() > pairs[0, 1] + RISE)


def _is_constant(pairs: Pairs) -> bool:
    """Say whether the accuracy is the same from the second row on."""
    low, high = SURE
    shares = pairs[1:, 1]
    exact = any(abs(share - round(share, EXACT - 1)) > CONSTANT for share in shares)
    return (
        len(shares) >= (FEWEST if exact else FEWEST_ROUNDED)
        and low <= float(shares.min()) <= high
        and float(np.ptp(shares)) <= CONSTANT
    )


def _entropy(share: float) -> float:
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
