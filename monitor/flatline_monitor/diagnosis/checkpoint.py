"""Which weights to keep: the earliest validation that is as good as the best, but for noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flatline_monitor.runs.records import Evaluation

FEWEST = 4
"""Validations without which the noise is not known."""
_MAD_OF_NORMAL = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""
_HIGHER = ("acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "dice", "r2", "bleu")
"""How the names of metrics begin, or their last words, that are better when they are higher."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The validation whose weights are the ones to keep, by one metric."""

    metric: str
    step: int
    epoch: int | None
    """From 1; None: the program counts no epochs."""
    value: float
    best_step: int
    best_epoch: int | None
    best: float
    band: float
    """Standard deviation of one validation's noise: values so close to the best are as good."""

    @property
    def sentence(self) -> str:
        """Say which weights to keep, and why."""
        place = f"epoch {self.epoch} (step {self.step})" if self.epoch else f"step {self.step}"
        what = f"keep {place}: validation {self.metric}"
        if self.step == self.best_step:
            return f"{what} {self.value:.4g} is its best; the noise is {self.band:.2g}"
        return (
            f"{what} {self.value:.4g} is within the noise ({self.band:.2g}) of its best, "
            f"{self.best:.4g} at step {self.best_step}"
        )


def checkpoints_of(evaluations: Sequence[Evaluation]) -> tuple[Checkpoint, ...]:
    """Return the one by validation loss, and the one by the first score that rises, if any."""
    scores = dict.fromkeys(name for each in evaluations for name in each.metrics if _rises(name))
    found = (checkpoint_by(evaluations, name) for name in ("loss", *list(scores)[:1]))
    return tuple(each for each in found if each is not None)


def checkpoint_by(evaluations: Sequence[Evaluation], metric: str) -> Checkpoint | None:
    """Return the one by this metric; None where it was measured fewer than FEWEST times.

    The band is the robust standard deviation of the first differences, over sqrt(2) because two
    validations are in each: a trend moves their median, and is not taken for noise.
    """
    passes = [each for each in evaluations if math.isfinite(each.metrics.get(metric, math.nan))]
    if len(passes) < FEWEST:
        return None
    values = np.array([each.metrics[metric] for each in passes])
    badness = -values if _rises(metric) else values
    moves = np.diff(badness)
    band = _MAD_OF_NORMAL * float(np.median(np.abs(moves - np.median(moves)))) / math.sqrt(2)
    at = int(badness.argmin())
    counted = any(each.epoch for each in passes)
    first = int(np.flatnonzero(badness <= badness[at] + band)[0])
    return Checkpoint(
        metric=metric,
        step=passes[first].step,
        epoch=passes[first].epoch + 1 if counted else None,
        value=float(values[first]),
        best_step=passes[at].step,
        best_epoch=passes[at].epoch + 1 if counted else None,
        best=float(values[at]),
        band=band,
    )


def _rises(metric: str) -> bool:
    words = metric.lower().split("_")
    return any(word.startswith(_HIGHER) for word in words) and "loss" not in words
