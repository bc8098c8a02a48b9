"""Plateau: the loss has stopped to fall, short of what would be a good one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
    Side,
)
from flatline_monitor.detectors.statistics import falling_since, made_up, medians_since
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView


@dataclass(frozen=True, slots=True)
class Plateau:
    """The training rests, and so does the validation, while there is something left to learn.

    Statistic
        over the block medians of the last half of the run (at least `window` steps): the change
        of the fitted line as a share of its level, and P(slope < 0); skill = an optimistic bound
        of 1 - L / L0 over the last quarter, L0 being the null model's loss; where that is not
        known, the share of the first loss that is gone; the lowest validation loss of the last
        `patience` evaluations (a third of them where there are fewer) beside the lowest before.
    Fires when
        P < `certainty` or the drop is below `drop_floor`, the loss does not rise by more than
        `rise_ceiling`, the skill lies between `begun` and `done`, and no validation of late is
        better than those before by `better`. Before `late` of the plan it is too early to say.
        It is information by itself, and a warning beside a finding of what holds the run up
        (`alerts/suppression.py`).
    Must not fire
        on a model that has converged, which `done` excludes; worse than as information where
        the rest of the loss is noise, in the data or the labels: nothing that is streamed tells
        that from a model that is too small; on a loss that never fell, or is that of
        guessing, which `stagnation` and `no_skill` tell; on one that rises, which is divergence.
    Sources
        dlib's count_steps_without_decrease (P < .51) and Keras's ReduceLROnPlateau (patience 10,
        min_delta 1e-4). A warning below a skill of .5 was tried: weak signals, overlapping
        classes and noisy targets, 5 of 278 healthy trainings, end there too.
    """

    name: ClassVar[str] = "plateau"
    needs: ClassVar[frozenset[str]] = frozenset({"loss"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"drop_floor": Side.BELOW}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    certainty: float = 0.51
    """Probability that the loss falls, below which it rests. [probability]"""
    drop_floor: float = 0.01
    """Fall over the window, as a share of the loss, below which it rests. [share]"""
    rise_ceiling: float = 0.1
    """Rise over the window above which it does not rest but rise. [share]"""
    begun: float = 0.05
    """Skill or progress from which on the run has begun to learn. [skill]"""
    done: float = 0.8
    """Skill or progress from which on there is nothing left to learn. [skill]"""
    better: float = 1e-4
    """Share by which a validation is better than those before. [share]"""
    patience: int = 10
    """The latest validations, a third of all at most, that must not be better. [validations]"""
    late: float = 0.3
    """Share of the plan before which it is too early to say. [share of the plan]"""
    fewest_blocks: int = 6
    """Blocks of steps without which it abstains. [blocks]"""
    window: int = 1000
    """Least window; else the last half of the run, for the skill the last quarter. [steps]"""
    warmup: int = 2000

    def check(self, view: RunView) -> Finding | None:
        """Fit a line through the block medians of the last half."""
        share = view.share_of_plan
        if share is not None and share < self.late and not view.final:
            raise NotMeasurableError(Reason.WARMING_UP)
        span = max(view.scaled(self.window), (view.step + 1) // 2)
        since = view.step - span + 1
        medians = medians_since(view, since)
        reached = made_up(view, view.scaled(self.window))
        if len(medians) < self.fewest_blocks or math.isnan(reached):
            raise NotMeasurableError
        slope, certainty = falling_since(view, since)
        level = abs(float(medians.mean()))
        drop = -slope * (len(medians) - 1) / level if level > 0 else 0.0
        flat = certainty < self.certainty or drop < self.drop_floor
        if not flat or -drop > self.rise_ceiling or not self.begun <= reached < self.done:
            return None
        if self._validates_better(view):
            return None
        now = float(medians[-max(1, len(medians) // 4) :].mean())
        return Finding(
            severity=Severity.INFO,
            summary=(
                f"The loss rests at {now:.4g}: it changed by {drop:.1%} over the last "
                f"{span} steps, and the run has come {reached:.0%} of "
                "the way"
            ),
            evidence=(
                Evidence("skill_or_progress", reached, self.done, fires=Side.BELOW),
                Evidence("drop_over_last_half", drop, self.drop_floor, fires=Side.BELOW),
                Evidence("probability_of_falling", certainty),
            ),
            since_step=max(0, since),
        )

    def _validates_better(self, view: RunView) -> bool:
        """Say whether a validation of late was better than all of those before."""
        losses = [e.metrics.get("loss", math.nan) for e in view.evaluations]
        losses = [loss for loss in losses if math.isfinite(loss)]
        recent = min(self.patience, len(losses) // 3)
        if not recent:
            return False
        before = min(losses[:-recent])
        return min(losses[-recent:]) < before - self.better * abs(before)
