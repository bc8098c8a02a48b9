"""Class collapse: classes that are in the labels are not predicted."""

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
from flatline_monitor.detectors.statistics import effective_classes, mean_loss, skill_bound
from flatline_monitor.detectors.trend import lacks_time
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once


@dataclass(frozen=True, slots=True)
class ClassCollapse:
    """The predictions use far fewer classes than the labels do.

    Statistic
        over the last max(`window`, 20 K) steps, of classes with `support` labels or more:
        missing = share of them that is predicted at most a tenth as often as it occurs;
        spread = (perplexity of predictions - 1) / (perplexity of labels - 1), the effective
        number of classes beyond the first, relative to the labels.
    Fires when
        spread < `spread_floor` and missing >= `missing_share`: critical, or only information
        when the missing classes hold at most `rare_share` of the labels while the skill, an
        optimistic bound of 1 - L / L0, is above `little_skill` and the gain in log likelihood
        over the samples of an epoch, n (L0 - L), is `sure_nats` or more.
    Must not fire
        on imbalanced data that is predicted in proportion; with too few labels of a class;
        worse than as information on a rare event that is rightly never the likelier answer,
        where the loss beats the null model's;
        in the first ten epochs and 500 steps while each epoch is better than the one before, and
        early in a run: before 30 % of the plan it is only information, because a model learns
        the frequent classes first (`alerts/suppression.py`).
    Sources
        Ours: no tool of the field has it. `sure_nats`: twice the gain is chi-squared (Wilks,
        1938), and 20 is beyond chance for a few degrees of freedom. From 85 healthy and 90 sick
        runs of small networks, of which none and 42 fire.
    """

    name: ClassVar[str] = "class_collapse"
    needs: ClassVar[frozenset[str]] = frozenset({"label_count", "prediction_count"})
    severities: ClassVar[tuple[Severity, ...]] = tuple(Severity)
    relaxable: ClassVar[Mapping[str, Side]] = {"spread_floor": Side.BELOW}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    spread_floor: float = 0.5
    """Effective classes predicted over those labelled, below which it fires. [ratio]"""
    missing_share: float = 0.25
    """Share of the classes that is hardly predicted, from which on it fires. [share]"""
    little_skill: float = 0.05
    """Skill above which missing rare classes can be only information. [skill]"""
    rare_share: float = 0.2
    """Share of the labels up to which the missing classes are rare. [share]"""
    sure_nats: float = 10.0
    """Gain in log likelihood over an epoch from which on the run has learned. [nats]"""
    support: int = 20
    """Labels from which on a class counts. [labels]"""
    window: int = 200
    """Window of labels and predictions; 20 for each class at least. [steps]"""
    warmup: int = 500

    def check(self, view: RunView) -> Finding | None:
        """Compare the histogram of predictions with that of the labels."""
        classes = view.fine["label_count"].shape[1]
        steps = view.scaled(max(self.window, 20 * classes))
        labels, predicted = _histograms(view, steps)
        supported = labels >= self.support
        if supported.sum() < 2:  # noqa: PLR2004 - one class alone cannot collapse
            raise NotMeasurableError
        missing = supported & (predicted <= 0.1 * labels)
        share = float(missing.sum() / supported.sum())
        spread = _spread(view, steps)
        if not (spread < self.spread_floor and share >= self.missing_share):
            return None
        rare = float(labels[missing].sum() / labels.sum()) <= self.rare_share
        learns = lacks_time(view) or (rare and self._has_learned(view, view.late(steps)))
        return Finding(
            severity=Severity.INFO if learns else Severity.CRITICAL,
            summary=_sentence(labels, predicted, missing),
            evidence=(
                Evidence(
                    "effective_classes_predicted_to_labels",
                    spread,
                    self.spread_floor,
                    fires=Side.BELOW,
                ),
                Evidence("share_of_classes_not_predicted", share, self.missing_share),
                Evidence("share_of_most_predicted_class", float(predicted.max() / labels.sum())),
                Evidence("share_of_most_frequent_label", float(labels.max() / labels.sum())),
            ),
        )

    def _has_learned(self, view: RunView, blocks: Blocks) -> bool:
        """Say whether the loss beats the null model's by more than a small set is fitted by heart.

        An epoch shows each sample once; `sure_nats` is the least gain in log likelihood over it.
        """
        null, (loss, _) = view.null_loss, mean_loss(view, blocks)
        if null is None or not skill_bound(view, blocks) > self.little_skill:
            return False
        samples = view.samples_in_an_epoch or int(view.coarse.total("label_count").sum())
        return samples * (null - loss) >= self.sure_nats


@once
def _histograms(view: RunView, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each class was a label, and how often it was predicted, of late."""
    blocks = view.fine.since(view.step - steps + 1)
    return blocks.total("label_count"), blocks.total("prediction_count")


@once
def _spread(view: RunView, steps: int) -> float:
    labels, predicted = map(effective_classes, _histograms(view, steps))
    return (predicted - 1) / (labels - 1)


def _sentence(labels: np.ndarray, predicted: np.ndarray, missing: np.ndarray) -> str:
    most = int(predicted.argmax())
    gone = np.flatnonzero(missing).tolist()
    named = ", ".join(str(k) for k in gone[:5]) + (" and others" if len(gone) > 5 else "")  # noqa: PLR2004 - a sentence, not a table
    which, verb, of = ("class", "is", "it") if len(gone) == 1 else ("classes", "are", "them")
    return (
        f"The predictions collapse: {predicted.max() / labels.sum():.1%} of them are class {most}; "
        f"{which} {named} {verb} (almost) never predicted, although "
        f"{labels[missing].sum() / labels.sum():.1%} of the labels are of {of}"
    )
