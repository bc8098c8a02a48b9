"""Overfitting: the training loss falls and the validation loss rises."""

import math
from collections.abc import Mapping, Sequence
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
from flatline_monitor.detectors.statistics import accuracy_of, beats_chance, is_weighted
from flatline_monitor.runs.records import Evaluation, Task
from flatline_monitor.runs.view import RunView, once

ENOUGH = 100
"""Validation samples with fewer of which the loss must rise by more, as its noise is wider."""


@dataclass(frozen=True, slots=True)
class Overfitting:
    """The validation loss has left its best by far while the training loss went on falling.

    Statistic
        GL = validation loss / its lowest so far - 1, at the last `in_a_row` evaluations;
        rise = validation loss - its lowest so far, gap = validation loss - training loss, both
        as a share of the null model's loss L0 (of the first loss where that is not known); with
        n < 100 validation samples `material` grows by sqrt(100 / n) for the rise, as its noise.
    Fires when
        GL > `generalisation_loss`, rise > `material` and gap > `material` in `in_a_row`
        evaluations in a row, and the validation accuracy, where there is one, has not risen
        beyond its noise since the lowest validation loss; or when the model only memorises and
        does not improve in validation any more:
        no validation loss was ever below (1 - `little_skill`) L0, gap > `material`, the
        training loss is below (1 - `little_skill`) L0, and the validation accuracy is not above
        chance, after `late` of the plan.
        Only information while rise < `grave` and the validation accuracy has not fallen beyond
        its noise: a model that grows too sure of itself, and answers as well as before.
    Must not fire
        on a tiny loss that wobbles, which `material` excludes; while the validation accuracy
        still rises, as with noisy labels and double descent; when the training loss is above
        the validation loss, as with dropout and augmentation; on few validation samples, whose
        noise is wide.
    Sources
        Prechelt (1998), Early Stopping, but when?, section 2: GL and UP. The gap and the
        accuracy are ours: the ratio alone fires on 91 % of healthy runs, whose losses end near
        zero. Memorising: Zhang et al. (2017), Understanding deep learning requires rethinking
        generalization, section 2, on networks that fit random labels.
    """

    name: ClassVar[str] = "overfitting"
    needs: ClassVar[frozenset[str]] = frozenset({"loss"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {
        "generalisation_loss": Side.ABOVE,
        "material": Side.ABOVE,
    }
    hold: ClassVar[int] = 1
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    generalisation_loss: float = 0.2
    """Rise of the validation loss, as a share of its lowest, above which it fires. [share]"""
    material: float = 0.1
    """Rise, and gap to the training loss, above which it fires. [L0]"""
    grave: float = 0.3
    """Rise above which it is a warning. [L0]"""
    little_skill: float = 0.05
    """Skill that memorising brings to the training and not to the validation. [skill]"""
    late: float = 0.3
    """Share of the plan before which memorising is not told. [share of the plan]"""
    in_a_row: int = 3
    """Validations in a row that must be so. [validations]"""
    fewest_evaluations: int = 5
    """Validations without which it abstains. [validations]"""
    warmup: int = 0

    def check(self, view: RunView) -> Finding | None:
        """Compare the last evaluations with the best one."""
        seen = _seen(view)
        if len(seen) < self.fewest_evaluations:
            raise NotMeasurableError(Reason.TOO_FEW_POINTS)
        if not (view.has_new_evaluation or view.final):
            raise NotMeasurableError(Reason.NO_NEW_SAMPLE)
        best = min(seen, key=lambda e: e.metrics["loss"])
        lowest, last = best.metrics["loss"], seen[-self.in_a_row :]
        train = _train_loss(view)
        scale = view.loss_scale
        losses = [e.metrics["loss"] for e in last]
        gap = min(losses) - train
        if not gap > self.material * scale:
            return None
        if best in last:
            return None
        if self._memorises(view, lowest, train) and not beats_chance(view):
            return self._memorised(view, losses[-1], lowest, train)
        rise = min(losses) - lowest
        material = self.material * scale * max(1.0, math.sqrt(ENOUGH / (last[-1].n or ENOUGH)))
        rising = rise > max(self.generalisation_loss * lowest, material)
        if not rising or _accuracy_rose(best, last):
            return None
        grave = rise > self.grave * scale or _accuracy_fell(best, last)
        return Finding(
            severity=Severity.WARNING if grave else Severity.INFO,
            summary=(
                f"The validation loss rises: it was lowest at epoch {best.epoch + 1} "
                f"({lowest:.4g}) and is {losses[-1]:.4g} now, while the training loss has fallen "
                f"to {train:.4g}"
            ),
            evidence=(
                Evidence(
                    "validation_loss_above_its_lowest",
                    losses[-1] / lowest - 1 if lowest else math.inf,
                    self.generalisation_loss,
                ),
                Evidence("gap_to_training_loss", gap, self.material * scale),
                Evidence("best_epoch", float(best.epoch + 1), None, "epoch"),
            ),
            since_step=best.step,
        )

    def _memorises(self, view: RunView, lowest: float, train: float) -> bool:
        null, share = view.null_loss, view.share_of_plan
        return (
            null is not None
            and not is_weighted(view)
            and (share is None or share >= self.late)
            and lowest > (1 - self.little_skill) * null
            and train < (1 - self.little_skill) * null
        )

    def _memorised(self, view: RunView, now: float, lowest: float, train: float) -> Finding:
        null = view.null_loss or math.nan
        return Finding(
            severity=Severity.WARNING,
            summary=(
                f"The model only memorises: the training loss has fallen to {train:.4g}, but the "
                f"validation loss is {now:.4g} and was never below {lowest:.4g}; a constant answer "
                f"reaches {null:.4g}"
            ),
            evidence=(
                Evidence(
                    "best_validation_skill", 1 - lowest / null, self.little_skill, fires=Side.BELOW
                ),
                Evidence("training_skill", 1 - train / null, self.little_skill),
            ),
        )


@once
def _seen(view: RunView) -> list[Evaluation]:
    """Return the evaluations with a finite loss."""
    return [e for e in view.evaluations if math.isfinite(e.metrics.get("loss", math.nan))]


@once
def _train_loss(view: RunView) -> float:
    """Return the mean training loss since the evaluation before the last.

    Of the data alone where that is sent: class weights are no part of a validation either.
    """
    blocks = view.fine.since(_seen(view)[-2].step)
    for name in ("data", "loss"):
        count = blocks.total(f"{name}_count")
        if count.size and count:
            return float(blocks.total(f"{name}_sum") / count)
    return math.nan


def _accuracy_rose(best: Evaluation, last: Sequence[Evaluation]) -> bool:
    """Say whether the accuracy has risen by more than two standard errors since `best`."""
    rise, noise = _accuracy_change(best, last)
    return rise > noise


def _accuracy_fell(best: Evaluation, last: Sequence[Evaluation]) -> bool:
    """Say whether the accuracy has fallen by more than two standard errors, or is not known."""
    rise, noise = _accuracy_change(best, last)
    return math.isnan(rise) or rise < -noise


def _accuracy_change(best: Evaluation, last: Sequence[Evaluation]) -> tuple[float, float]:
    """Return how much the best of the last accuracies lies above that of `best`, and the noise."""
    before, n = accuracy_of(best), best.n or ENOUGH
    after = max(accuracy_of(e) for e in last)
    return after - before, 2 * math.sqrt(max(before * (1 - before), 1e-4) / n)
