"""Clip saturation: nearly every gradient is cut, and the run gets nowhere."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
    Side,
)
from flatline_monitor.detectors.statistics import (
    finite_median,
    is_on_its_way,
    progress,
    skill_bound,
)
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once


@dataclass(frozen=True, slots=True)
class ClipSaturation:
    """Clipping cuts most gradients, so it sets the size of the steps, in a run that stays put.

    Statistic
        share = of the last `recent` sampled steps, those whose gradient was clipped: its norm
        afterwards is below `whole` of the norm before; progress = 1 - L / L_first, the share of
        the first loss that is gone; skill = an optimistic bound of 1 - L / L0 over the last
        quarter of the run, L0 being the null model's loss, where that is known.
    Fires when
        share > `often` while progress < `progress_floor` and skill < `skill_floor`. Before 30 %
        of the plan it is only information (`alerts/suppression.py`), and without a plan while
        the loss falls.
    Must not fire
        on recipes that clip always and learn: recurrent networks, reinforcement learning, an
        optimizer that does not mind the size of a gradient, as Adam; on single gradients that
        are cut, which is what clipping is for; while the learning rate warms up.
    Sources
        Pascanu et al. (2013), section 3.2, on clipping. Shares of clipped steps as in the
        watchers of large models, where .5 % is healthy; half of the steps, and the gates by
        progress and skill, because healthy trainings of our gallery have 5 % and learn.
    """

    name: ClassVar[str] = "clip_saturation"
    needs: ClassVar[frozenset[str]] = frozenset({"loss", "clip_ratio"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"often": Side.ABOVE, "progress_floor": Side.BELOW}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    often: float = 0.5
    """Share of clipped steps above which it fires. [share]"""
    whole: float = 0.999
    """What clipping leaves of a norm, below which a step counts as clipped. [share]"""
    progress_floor: float = 0.1
    """Share of the first loss gone, from which on the run gets somewhere. [share]"""
    skill_floor: float = 0.1
    """Skill from which on the run learns all the same. [skill]"""
    recent: int = 100
    """The latest sampled steps that are counted. [sampled steps]"""
    fewest: int = 10
    """Sampled steps without which it abstains. [sampled steps]"""
    window: int = 100
    """Window of the loss for the progress, and least one for the skill. [steps]"""
    warmup: int = 200

    def check(self, view: RunView) -> Finding | None:
        """Count the gradients of late that were cut."""
        ratios = _ratios(view, self.recent)
        if len(ratios) < self.fewest:
            raise NotMeasurableError
        if _warms_up(view):
            raise NotMeasurableError(Reason.WARMING_UP)
        share = float(np.count_nonzero(ratios < self.whole) / len(ratios))
        if share <= self.often:
            return None
        steps = view.scaled(self.window)
        made, skill = progress(view, steps), skill_bound(view, view.late(steps))
        if not made < self.progress_floor or skill >= self.skill_floor:
            return None
        left = finite_median(ratios)
        known = (
            []
            if math.isnan(skill)
            else [Evidence("skill", skill, self.skill_floor, fires=Side.BELOW)]
        )
        return Finding(
            severity=Severity.INFO if is_on_its_way(view) else Severity.WARNING,
            summary=(
                f"Clipping cuts {share:.0%} of the gradients, to {left:.2g} of their norm in the "
                "median; the run does not learn"
            ),
            evidence=(
                Evidence("share_of_clipped_steps", share, self.often),
                Evidence("norm_left_by_clipping", left),
                Evidence("progress", made, self.progress_floor, fires=Side.BELOW),
                *known,
            ),
        )


@once
def _ratios(view: RunView, recent: int) -> np.ndarray:
    """Return what clipping left of the latest gradients, as shares of their norms."""
    ratios = view.last_samples("clip_ratio", recent)
    return np.asarray(ratios[np.isfinite(ratios)])


def _warms_up(view: RunView) -> bool:
    """Say whether the learning rate has only ever been raised, and was so of late."""
    rates = view.learning_rate
    if len(rates) < 2:  # noqa: PLR2004 - a change is between two
        return False
    values, changed = list(rates.values()), max(rates)
    return values == sorted(values) and view.step - changed < view.scaled(50)
