"""Where the loss is going: from epoch to epoch, which see the same samples, or along a line."""

import math
from dataclasses import dataclass

import numpy as np

from flatline_monitor.detectors.statistics import falling
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.view import RunView, once

FEWEST_BLOCKS = 6
SURE = 0.95
MATERIAL = 0.01
"""Least fall within an epoch that counts as one, as a share of the null model's loss."""
FEW_EPOCHS = 10
FEW_STEPS = 500
NOISY_STEPS = 200
PAIRS = 3


@dataclass(frozen=True, slots=True)
class Trend:
    """How the loss changes now."""

    level: float
    """Loss at the end."""
    drop_per_epoch: float
    """How much it falls with each epoch; negative: it rises."""
    falls: bool
    """Whether it surely falls, and by more than a trifle."""

    @property
    def share_per_epoch(self) -> float:
        """Return the drop of an epoch as a share of the loss before it."""
        before = self.level + self.drop_per_epoch
        return self.drop_per_epoch / before if before > 0 else math.nan


@once
def lacks_time(view: RunView) -> bool:
    """Say whether a run without skill has only had few epochs: too few to say, or it improves.

    Before two epochs are over, or NOISY_STEPS steps, nobody can tell a slow fall from noise.
    """
    steps, taken = view.steps_in_an_epoch, view.step + 1
    if steps is None or taken >= min(FEW_STEPS, FEW_EPOCHS * steps):
        return False
    if taken < min(2 * steps, NOISY_STEPS) and not view.final:
        return True
    trend = loss_trend(view)
    return trend is not None and trend.falls


@once
def loss_trend(view: RunView) -> Trend | None:
    """Return how the loss changes with each epoch; None: too short, or epochs are not known.

    By the means of the last complete epochs where the window holds two of them or more: epochs
    see the same samples, so the noise of the batches is gone. Else by a least-squares line
    through the blocks of the last half of the run.
    """
    steps = view.steps_in_an_epoch
    if steps is None:
        return None
    means = _epoch_means(view, steps)
    scale = view.loss_scale
    if means.size > 1:
        drops = -np.diff(means)
        return Trend(float(means[-1]), float(drops.mean()), bool((drops > MATERIAL * scale).all()))
    return _line(view, steps, scale)


def _epoch_means(view: RunView, steps: int) -> np.ndarray:
    """Return the mean losses of the last complete epochs within the window, oldest first."""
    last = (view.step + 1) // steps
    means = []
    for epoch in range(max(0, last - PAIRS - 1), last):
        begin, end = np.searchsorted(view.rows.step, (epoch * steps, (epoch + 1) * steps))
        losses = view.rows.loss[begin:end][view.loss_known[begin:end]]
        if int(view.rows.step[0]) <= epoch * steps and losses.size:
            means.append(float(losses.mean(dtype=np.float64)))
    return np.array(means)


def _line(view: RunView, steps: int, scale: float) -> Trend | None:
    blocks = view.since(view.step // 2)
    means = _means(blocks)
    known = np.isfinite(means)
    means = means[known]
    if means.size < FEWEST_BLOCKS:
        return None
    middle = (blocks["first"] + blocks["last"])[known] / 2
    slope, certainty = falling(means)
    turns = means.size - 1
    level = float(means.mean()) + slope * turns / 2
    drop = -slope * turns / float(middle[-1] - middle[0]) * steps
    return Trend(level, drop, certainty >= SURE and drop > MATERIAL * scale)


def _means(blocks: Blocks) -> np.ndarray:
    count, total = blocks["loss_count"], blocks["loss_sum"]
    if not (len(blocks) and count.size):
        return np.zeros(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count, np.nan)
