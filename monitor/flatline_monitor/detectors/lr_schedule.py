"""Learning-rate schedule: the rate is zero, gone too early, or suddenly far too high."""

import itertools
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
from flatline_monitor.detectors.statistics import finite_median, made_up, may_fall
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once


@dataclass(frozen=True, slots=True)
class LearningRateSchedule:
    """The learning rate is not what a schedule should make of it.

    Statistic
        the highest rate so far and the rate now; since when the rate is `gone` of the highest or
        less; each rate over the highest one before it; the skill of the last quarter of the run,
        which is an optimistic bound of 1 - L / L0 with L0 the null model's loss, and the share
        of the first loss that is gone where L0 is not known.
    Fires when
        the rate was 0 from the beginning; or it has been gone since before `early` of the plan,
        while the skill is below `done` and the loss does not fall (information where it went
        after `half` of the plan, or the skill is above `skilled`); or it was raised in one step
        to more than `jump` times all rates before, after the first tenth of the plan
        (information while the loss is not higher than before by `material` L0).
    Must not fire
        at the end of a cosine or of steps; on a rate that is lowered because the model has
        converged; on a warm-up, however small it begins; on restarts, which go back to a rate
        that was there before.
    Sources
        finetune-doctor and its kin (2026) judge schedules: silent on 44 of 44 healthy regimes of
        ours. `gone` and `jump` are theirs; cosine reaches a hundredth at 94 % of the plan.
        Their rate that was still rising when the numbers went bad is left out: `non_finite`
        silences all others then.
    """

    name: ClassVar[str] = "lr_schedule"
    needs: ClassVar[frozenset[str]] = frozenset({"loss"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"jump": Side.ABOVE, "gone": Side.BELOW}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    gone: float = 0.01
    """Share of its highest up to which the rate is gone. [share]"""
    jump: float = 20.0
    """Times the highest before, above which a rate has jumped. [times]"""
    early: float = 0.75
    """Share of the plan up to which it is too early to be gone. [share of the plan]"""
    half: float = 0.5
    """Share of the plan after which that is only information. [share of the plan]"""
    skilled: float = 0.5
    """Skill or progress from which on that is only information. [skill]"""
    done: float = 0.9
    """Skill or progress from which on there is nothing left to learn. [skill]"""
    material: float = 0.1
    """Rise of the loss above which a jump is a warning. [L0]"""
    fewest_blocks: int = 4
    """Blocks of steps since the rate is gone, without which it abstains. [blocks]"""
    window: int = 100
    """Window of the loss beside a jump, and least one for the skill. [steps]"""
    warmup: int = 20

    def check(self, view: RunView) -> Finding | None:
        """Look at the rate now beside all that were before."""
        rates = _rates(view)
        if not rates:
            raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
        highest = max(rates.values())
        if highest <= 0:
            return self._zero()
        return self._jumped(view, rates) or self._gone(view, rates, highest)

    @staticmethod
    def _zero() -> Finding:
        return Finding(
            severity=Severity.WARNING,
            summary="The learning rate is zero, and was from the beginning",
            evidence=(Evidence("highest_learning_rate", 0.0, 0.0),),
            since_step=0,
        )

    def _jumped(self, view: RunView, rates: Mapping[int, float]) -> Finding | None:
        """Look for a rate far above all before it; the highest of all is always kept."""
        steps, values = list(rates), np.array(list(rates.values()))
        before = np.maximum.accumulate(values)[:-1]
        high = values[1:] > self.jump * before
        after_warm_up = np.array(steps[1:], np.int64) >= self._warm_up(view)
        at = np.flatnonzero(high & after_warm_up & (before > 0))
        if not at.size:
            return None
        i = int(at[-1])
        step, old, new = steps[i + 1], float(values[i]), float(values[i + 1])
        worse = self._is_worse(view, step)
        return Finding(
            severity=Severity.WARNING if worse else Severity.INFO,
            summary=(
                f"The learning rate jumped at step {step}: from {old:.3g} to {new:.3g}, "
                f"{new / float(before[i]):.3g} times the highest before"
            ),
            evidence=(
                Evidence("learning_rate_over_highest_before", new / float(before[i]), self.jump),
                Evidence("jump_step", float(step), None, "step"),
            ),
            since_step=step,
        )

    @staticmethod
    def _warm_up(view: RunView) -> int:
        """Return the steps in which a rate may rise from next to nothing: a tenth of the plan."""
        return max(1, (view.plan or view.step + 1) // 10)

    def _is_worse(self, view: RunView, step: int) -> bool:
        window = view.scaled(self.window)
        scale = view.loss_scale
        earlier = (view.rows.step < step) & (view.rows.step >= step - window) & view.loss_known
        now = finite_median(view.loss_since(max(step, view.step - window + 1)))
        return now > finite_median(view.rows.loss[earlier]) + self.material * scale

    def _gone(self, view: RunView, rates: Mapping[int, float], highest: float) -> Finding | None:
        steps, values = list(rates), list(rates.values())
        now = values[-1]
        if now > self.gone * highest or view.plan is None:
            return None
        peak = max(i for i, rate in enumerate(values) if rate == highest)
        low = itertools.takewhile(
            lambda i: values[i] <= self.gone * highest, range(len(values) - 1, peak, -1)
        )
        since = steps[min(low)]
        share = since / view.plan
        blocks = view.since(since)
        if share > self.early or since >= view.step:
            return None
        if len(blocks) < self.fewest_blocks:
            raise NotMeasurableError
        reached = made_up(view, view.scaled(self.window))
        if reached >= self.done or may_fall(view):
            return None
        late = share > self.half or reached >= self.skilled
        return Finding(
            severity=Severity.INFO if late else Severity.WARNING,
            summary=(
                f"The learning rate is gone too early: it was {highest:.3g} and is {now:.3g}, "
                f"{self.gone:.0%} of that or less since step {since}, {share:.0%} of the plan; "
                "the loss does not fall any more"
            ),
            evidence=(
                Evidence("rate_share_of_its_peak", now / highest, self.gone, fires=Side.BELOW),
                Evidence("share_of_plan_until_then", share, self.early, fires=Side.BELOW),
                Evidence("skill_or_progress", reached, self.done, fires=Side.BELOW),
            ),
            since_step=since,
        )


@once
def _rates(view: RunView) -> Mapping[int, float]:
    """Return the finite rates from each of their steps on."""
    return {at: rate for at, rate in view.learning_rate.items() if math.isfinite(rate)}
