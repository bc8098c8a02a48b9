"""No skill: the model does no better than a constant answer."""

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
    beats_chance,
    is_weighted,
    mean_loss,
    skill_bound,
    wilson_lower,
)
from flatline_monitor.detectors.trend import lacks_time
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once


@dataclass(frozen=True, slots=True)
class Reached:
    """How often the model is right, beside chance."""

    share: float
    lower: float
    """Wilson lower bound of the share."""
    chance: float
    weighted: bool

    @property
    def lower_limit(self) -> float:
        """What the lower bound of a model that has learned something exceeds."""
        return self.chance + 0.02 * (1 - self.chance)

    @property
    def is_chance(self) -> bool:
        """Whether the share is within guessing, by its bound and by itself."""
        far = self.share > self.chance + 0.25 * (1 - self.chance)
        return self.lower <= self.lower_limit and not far


@dataclass(frozen=True, slots=True)
class NoSkill:
    """Loss and accuracy are what the best constant predictor reaches.

    Statistic
        over the last quarter of the run (at least `window` steps):
        skill = an optimistic bound of 1 - L / L0, L0 the null model's loss;
        accuracy, and its Wilson lower bound (z 3.29), against chance = the share of the most
        frequent label. An epoch shows each sample once, so no more samples than an epoch has
        count as evidence. With sample or class weights the share of the majority is no goal:
        then it is the mean recall of the classes against 1 / K, and the skill is left out.
    Fires when
        accuracy is not above chance (its lower bound not above chance + 2 % of the rest, itself
        not above chance + 25 % of the rest) and
        skill < `floor` (critical), skill < `little_skill` or not known (warning);
        skill < `floor` alone where accuracy cannot be measured, as in a regression (warning);
        skill < `by_heart` while no validation, of `fewest_evaluations` or more, was better than
        the null model's loss by `floor`, nor its accuracy above chance (warning).
        It is only information where time is lacking: in the first ten epochs and 500 steps, while
        the loss falls by 1 % of L0 or more with each epoch.
    Must not fire
        on imbalanced data that is learned slowly, where the loss already beats the null model;
        on a model whose accuracy beats chance while a few bad samples spoil its loss; on a
        perfect model, however rare the other classes are; on labels of one class only;
        early in a run: before 30 % of the plan it is only information, unless another detector
        supports it (`alerts/suppression.py`).
    Sources
        McFadden (1974) for skill; Wilson (1927) for the interval; `floor` and `window` from 85
        healthy and 90 sick runs of small networks, of which none and 49 fire.
    """

    name: ClassVar[str] = "no_skill"
    needs: ClassVar[frozenset[str]] = frozenset({"data_loss"})
    severities: ClassVar[tuple[Severity, ...]] = tuple(Severity)
    relaxable: ClassVar[Mapping[str, Side]] = {"floor": Side.BELOW, "little_skill": Side.BELOW}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    floor: float = 0.02
    """Skill below which it fires. [skill]"""
    little_skill: float = 0.05
    """Skill below which an accuracy that is chance is a warning. [skill]"""
    by_heart: float = 0.1
    """Skill below which the validation is looked at. [skill]"""
    fewest_evaluations: int = 3
    """Validations without which they are not looked at. [validations]"""
    fewest_samples: int = 100
    """Labels without which the accuracy is not known. [labels]"""
    window: int = 500
    """Least window; else the last quarter of the run. [steps]"""
    warmup: int = 1000

    def check(self, view: RunView) -> Finding | None:
        """Compare loss and accuracy with what a constant answer reaches."""
        blocks = view.late(view.scaled(self.window))
        weighted = is_weighted(view)
        skill = math.nan if weighted else skill_bound(view, blocks)
        reached = _reached(view, blocks, self.fewest_samples, weighted=weighted)
        if math.isnan(skill) and reached is None:
            raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
        severity = self._severity(skill, reached)
        if severity is None:
            return self._on_unseen(view) if skill < self.by_heart else None
        if lacks_time(view):
            severity = Severity.INFO
        loss, _ = mean_loss(view, blocks)
        return Finding(
            severity=severity,
            summary=_sentence(reached, math.nan if weighted else loss, view.null_loss),
            evidence=self._evidence(skill, reached, loss, view.null_loss),
        )

    def _on_unseen(self, view: RunView) -> Finding | None:
        """Look at the validation, where the training shows hardly any skill."""
        losses = [e.metrics.get("loss", math.nan) for e in view.evaluations]
        null = view.null_loss
        if null is None or len(losses) < self.fewest_evaluations or beats_chance(view):
            return None
        lowest = min(losses)
        if not lowest > (1 - self.floor) * null:
            return None
        return Finding(
            severity=Severity.INFO if lacks_time(view) else Severity.WARNING,
            summary=(
                "The model does no better than guessing on the validation set: its loss was never "
                f"below {lowest:.4g}, a constant answer loses {null:.4g}"
            ),
            evidence=(
                Evidence("best_validation_skill", 1 - lowest / null, self.floor, fires=Side.BELOW),
            ),
        )

    def _severity(self, skill: float, reached: Reached | None) -> Severity | None:
        if reached is None:
            return Severity.WARNING if skill < self.floor else None
        if not reached.is_chance:
            return None
        if skill < self.floor:
            return Severity.CRITICAL
        little = math.isnan(skill) or skill < self.little_skill
        return Severity.WARNING if little else None

    def _evidence(
        self, skill: float, reached: Reached | None, loss: float, null: float | None
    ) -> tuple[Evidence, ...]:
        found = []
        if not math.isnan(skill):
            found.append(Evidence("skill", skill, self.little_skill, fires=Side.BELOW))
        if reached is not None:
            name = "mean_recall" if reached.weighted else "accuracy"
            limit = reached.lower_limit
            found.append(Evidence(f"{name}_lower_bound", reached.lower, limit, fires=Side.BELOW))
            found.append(Evidence(name, reached.share))
            found.append(Evidence("chance", reached.chance))
        found += [Evidence("loss", loss)] if not math.isnan(loss) else []
        return (*found, *([Evidence("null_model_loss", null)] if null is not None else []))


@once
def _reached(view: RunView, blocks: Blocks, fewest: int, *, weighted: bool) -> Reached | None:
    """Return the accuracy beside chance; None: too few samples or classes."""
    labels, correct = blocks.total("label_count"), blocks.total("correct_count")
    n = float(labels.sum())
    if n < fewest or np.count_nonzero(labels) < 2:  # noqa: PLR2004 - one class is no choice
        return None
    independent = min(n, view.samples_in_an_epoch or n)
    seen = labels > 0
    share, chance = float(correct.sum()) / n, float(labels.max()) / n
    if weighted:
        share, chance = float((correct[seen] / labels[seen]).mean()), 1 / int(seen.sum())
    return Reached(share, wilson_lower(share * independent, independent), chance, weighted)


def _sentence(reached: Reached | None, loss: float, null: float | None) -> str:
    told = not math.isnan(loss) and null is not None
    losses = f"its loss is {loss:.3g}, that of a constant answer {null:.3g}" if told else ""
    if reached is None:
        return f"The model does no better than a constant answer: {losses}"
    what = "mean recall" if reached.weighted else "accuracy"
    share = f"its {what} is {reached.share:.1%}, guessing reaches {reached.chance:.1%}"
    return f"The model does no better than guessing: {share}" + (f"; {losses}" if told else "")
