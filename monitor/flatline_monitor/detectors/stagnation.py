"""Stagnation: the loss does not decrease."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Severity,
    Side,
)
from flatline_monitor.detectors.statistics import falling_since, medians_since, skill_bound
from flatline_monitor.detectors.trend import lacks_time
from flatline_monitor.runs.median import median
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once


@dataclass(frozen=True, slots=True)
class Stagnation:
    """The loss is about where it began, and does not fall.

    Statistic
        over the block medians of the last half of the run: the drop of the fitted line, as a
        share of the first loss, and P(slope < 0); progress = 1 - L / L_first, with L the mean
        of the last quarter of those blocks and L_first the median of the first 20 losses.
    Fires when
        (P < `certainty` or drop < `drop_floor`) and progress < `progress_floor` and
        L > .5 L0 and skill < `skill_floor`, L0 being the null model's loss and the skill an
        optimistic bound of 1 - L / L0 over the last quarter of the run, where they are known.
    Must not fire
        on a run that falls slowly but steadily; on one that began near its end, as fine-tuning
        does (L <= .5 L0); on weak signals, of which little can be learned and has been; on one
        that has made progress and rests, which is a plateau; while a learning rate warms up,
        which its own warm-up covers.
        Before 30 % of the plan it is only information (`alerts/suppression.py`), and so it is
        in the first ten epochs and 500 steps while each epoch is better than the one before.
        Where rows stand for many steps and L0 is not known, much may be learned within the
        first of them, or was before, as in fine-tuning: then it is information unless progress <
        `progress_of_rows` and the noise of a row < `noise_of_rows` of the loss, so that a fall
        would show. Of such rows `fewest_rows` in the last half suffice.
    Sources
        P(slope < 0) of a least-squares line as in dlib's running_gradient; the size of the drop
        beside it because a sure slope may be a tiny one. From 85 healthy and 90 sick runs of
        small networks, of which none and 35 fire.
    """

    name: ClassVar[str] = "stagnation"
    needs: ClassVar[frozenset[str]] = frozenset({"loss"})
    severities: ClassVar[tuple[Severity, ...]] = tuple(Severity)
    relaxable: ClassVar[Mapping[str, Side]] = {
        "progress_floor": Side.BELOW,
        "drop_floor": Side.BELOW,
    }
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    certainty: float = 0.95
    """Probability that the loss falls, below which it does not. [probability]"""
    drop_floor: float = 0.02
    """Fall over the last half, as a share of the first loss, below which it does not. [share]"""
    progress_floor: float = 0.1
    """Share of the first loss gone, from which on the run has made progress. [share]"""
    loss_floor: float = 0.5
    """Share of L0 up to which the loss is low, as in fine-tuning. [L0]"""
    skill_floor: float = 0.02
    """Skill from which on something was learned. [skill]"""
    fewest_blocks: int = 6
    """Blocks of steps without which it abstains. [blocks]"""
    progress_of_rows: float = 0.03
    """The same where rows stand for many steps and L0 is not known. [share]"""
    noise_of_rows: float = 0.015
    """Noise of such a row, as a share of the loss, from which on a fall need not show. [share]"""
    fewest_rows: int = 3
    """Blocks of such rows without which it abstains. [blocks]"""
    warmup: int = 1000

    def check(self, view: RunView) -> Finding | None:
        """Fit a line through the block medians of the last half."""
        half = view.step // 2
        medians = medians_since(view, half)
        first = view.first_loss
        coarse = view.hello.row_steps > 1
        fewest = self.fewest_rows if coarse else self.fewest_blocks
        if len(medians) < fewest or not math.isfinite(first) or first == 0:
            raise NotMeasurableError
        slope, certainty = falling_since(view, half)
        drop = -slope * (len(medians) - 1) / abs(first)
        now = float(medians[-max(1, len(medians) // 4) :].mean())
        made = (first - now) / abs(first)
        null = view.null_loss
        skill = skill_bound(view, view.since(view.step - view.step // 4))
        low = (null is not None and now <= self.loss_floor * null) or skill >= self.skill_floor
        flat = certainty < self.certainty or drop < self.drop_floor
        if low or not flat or not made < self.progress_floor:
            return None
        hidden = coarse and null is None and not self._would_show(view, made)
        return Finding(
            severity=Severity.INFO if hidden or lacks_time(view) else Severity.CRITICAL,
            summary=(
                f"The loss does not decrease: {first:.4g} at the beginning, {now:.4g} now, "
                f"{max(0, drop):.1%} of it gone over the last half of the run"
            ),
            evidence=(
                Evidence("progress", made, self.progress_floor, fires=Side.BELOW),
                _crossed("drop_over_last_half", drop, self.drop_floor),
                _crossed("probability_of_falling", certainty, self.certainty),
            ),
        )

    def _would_show(self, view: RunView, made: float) -> bool:
        """Say whether rows that are many steps each would show a fall, if there were one."""
        return made < self.progress_of_rows and _noise(view) < self.noise_of_rows


@once
def _noise(view: RunView) -> float:
    """Return the noise of a block, as a share of the loss: from the differences of neighbours."""
    medians = medians_since(view, 0)
    return 1.4826 * median(np.abs(np.diff(medians))) / math.sqrt(2) / abs(median(medians))


def _crossed(statistic: str, value: float, limit: float) -> Evidence:
    """Return the value beside its limit, if that is crossed: one of two suffices."""
    return Evidence(statistic, value, limit if value < limit else None, fires=Side.BELOW)
