"""No skill: the model does no better than a constant answer."""

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
from flatline_monitor.detectors.statistics import skill_bound, wilson_lower
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView


@dataclass(frozen=True, slots=True)
class NoSkill:
    """Loss and accuracy are what the best constant predictor reaches.

    Statistic
        skill = an optimistic bound of 1 - L / L0 over the last quarter of the run (at least
        `window` steps), L0 the null model's loss;
        accuracy = Wilson lower bound (z 3.29) of the accuracy over the same steps, against
        chance = the share of the most frequent label. An epoch shows each sample once, so no
        more samples than an epoch has count as evidence.
    Fires when
        skill < `floor` and accuracy <= 1.02 chance + .005 (critical);
        accuracy alone when the skill is not known or below `little_skill` (warning);
        skill alone where accuracy cannot be measured, as in a regression (warning).
    Must not fire
        on imbalanced data that is learned slowly, where the loss already beats the null model;
        on a model whose accuracy beats chance while a few bad samples spoil its loss;
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
    little_skill: float = 0.05
    fewest_samples: int = 100
    window: int = 500
    warmup: int = 1000

    def check(self, view: RunView) -> Finding | None:
        """Compare loss and accuracy with what a constant answer reaches."""
        steps = max(view.scaled(self.window), view.step // 4)
        blocks = view.coarse.since(view.step - steps + 1)
        skill = skill_bound(view, blocks)
        accuracy, chance = self._accuracy(view, blocks)
        if math.isnan(skill) and math.isnan(accuracy):
            raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
        no_better = accuracy <= 1.02 * chance + 0.005
        if math.isnan(accuracy):
            severity = Severity.WARNING if skill < self.floor else None
        elif not no_better:
            severity = None
        elif skill < self.floor:
            severity = Severity.CRITICAL
        else:
            little = math.isnan(skill) or skill < self.little_skill
            severity = Severity.WARNING if little else None
        if severity is None:
            return None
        return Finding(
            severity=severity,
            summary=_sentence(view, accuracy, chance),
            evidence=self._evidence(view, skill, accuracy, chance),
        )

    def _accuracy(self, view: RunView, blocks: Blocks) -> tuple[float, float]:
        """Return the lower bound of the accuracy and chance; nan: too few samples."""
        labels = blocks.total("label_count")
        n = float(labels.sum())
        if n < self.fewest_samples:
            return math.nan, math.nan
        share = float(blocks.total("correct_count").sum()) / n
        independent = min(n, view.samples_in_an_epoch or n)
        return wilson_lower(share * independent, independent), float(labels.max()) / n

    def _evidence(
        self, view: RunView, skill: float, accuracy: float, chance: float
    ) -> tuple[Evidence, ...]:
        found = [Evidence("skill_optimistic_bound", skill, self.floor)]
        if view.null_loss is not None:
            found.append(Evidence("null_model_loss", view.null_loss))
        if not math.isnan(accuracy):
            found.append(Evidence("accuracy_lower_bound", accuracy, 1.02 * chance + 0.005))
        return tuple(found)


def _sentence(view: RunView, accuracy: float, chance: float) -> str:
    null = view.null_loss
    loss = "" if null is None else f"its loss is not below {null:.3g}, that of a constant answer"
    if math.isnan(accuracy):
        return f"The model does no better than a constant answer: {loss}"
    reached = f"its accuracy is not above {chance:.1%}, the share of the most frequent label"
    return f"The model does no better than guessing: {reached}" + (f", and {loss}" if loss else "")
