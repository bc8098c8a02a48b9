"""What a classifier answered, how sure it was of it, and what that can have cost."""

import math
from dataclasses import dataclass

from flatline_monitor.detectors.statistics import mean_loss
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.view import RunView, once

FEW_WRONG = 0.25
"""Share of wrong answers up to which nothing is said of what they must cost."""
ROUNDING = 0.002
"""Share by which a mean of float16 probabilities may exceed what it can be."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a classifier answered over some blocks, and how sure it was."""

    classes: int
    accuracy: float
    chance: float
    loss: float
    confidence: float
    """Mean of the largest probabilities, over the same blocks; nan: not sent."""
    lowest: float
    highest: float
    """Extremes of the same over all blocks of the run; nan: not sent."""

    @property
    def tells_apart(self) -> bool:
        """Whether it is right more often than not, and far more often than by guessing."""
        return self.accuracy > max(0.5, self.chance + 0.25 * (1 - self.chance))

    @property
    def fano(self) -> float:
        """The largest loss that a calibrated model of this accuracy can have."""
        return _entropy(self.accuracy) + (1 - self.accuracy) * math.log(max(self.classes - 1, 1))

    @property
    def is_impossible(self) -> bool:
        """Whether the loss is below what the wrong answers alone cost: at least ln 2 each.

        The class that is right has at most half of the probability where another one is answered.
        """
        wrong = 1 - self.accuracy
        return wrong > FEW_WRONG and self.loss < 0.75 * wrong * math.log(2)

    @property
    def ceiling(self) -> float:
        """The largest probability that a softmax over probabilities can give: e / (e + K - 1)."""
        return math.e / (math.e + self.classes - 1)

    @property
    def are_probabilities(self) -> bool:
        """Whether the largest of K probabilities can have had these means."""
        above = self.highest > 1 + 5 * ROUNDING
        return not (above or self.lowest < 1 / self.classes - 5 * ROUNDING)

    @property
    def keeps_to_the_ceiling(self) -> bool:
        """Whether confidence and loss are such as a softmax over probabilities can have."""
        floor = -math.log(self.ceiling)
        return self.highest <= self.ceiling * (1 + ROUNDING) and self.loss >= 0.98 * floor

    @property
    def labels_are_hard(self) -> bool:
        """Whether the loss is that of labels of a single class, given accuracy and confidence.

        A target that is spread over classes, as those of distillation are, adds its own entropy.
        """
        right = -math.log(max(self.confidence, 1e-12))
        wrong = math.log(max(self.classes - 1, 1) / max(1 - self.confidence, 1e-12))
        return self.loss <= 1.25 * (self.accuracy * right + (1 - self.accuracy) * wrong) + 0.05


@once
def answers_of(view: RunView, blocks: Blocks, fewest: int) -> Answers | None:
    """Return what was answered over these blocks; None: too few labels, or they are not known."""
    labels, correct = blocks.total("label_count"), blocks.total("correct_count")
    loss, _ = mean_loss(view, blocks)
    n = float(labels.sum())
    if labels.size < 2 or n < max(fewest, 1) or not math.isfinite(loss):  # noqa: PLR2004 - one is no choice
        return None
    sure, overall = confidences(blocks), confidences(view.coarse)
    return Answers(
        classes=labels.size,
        accuracy=float(correct.sum()) / n,
        chance=float(labels.max()) / n,
        loss=loss,
        confidence=sure[1],
        lowest=overall[0],
        highest=overall[2],
    )


def confidences(blocks: Blocks) -> tuple[float, float, float]:
    """Return the lowest block mean, the mean and the highest block mean; nan: not sent."""
    count, total = blocks["confidence_count"], blocks["confidence_sum"]
    known = count > 0
    if not (count.size and known.any()):
        return math.nan, math.nan, math.nan
    means = total[known] / count[known]
    return float(means.min()), float(total.sum() / count.sum()), float(means.max())


def _entropy(share: float) -> float:
    """Return the entropy of a coin, in nats."""
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
