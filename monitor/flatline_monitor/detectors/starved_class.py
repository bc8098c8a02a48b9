"""Starved class: a class is hardly ever recognised, although the others are told apart."""

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
from flatline_monitor.detectors.statistics import wilson_lower, wilson_upper
from flatline_monitor.detectors.trend import lacks_time
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once


@dataclass(frozen=True, slots=True)
class Recall:
    """How often the samples of each class are recognised, somewhere."""

    labels: np.ndarray
    correct: np.ndarray
    independent: float
    """Share of these samples that are different ones."""
    where: str = ""
    """In words, empty for the training."""

    def starved(self, ceiling: float, support: int) -> np.ndarray:
        """Return which classes are surely recognised more seldom than the ceiling, [class]."""
        below = (self.labels >= support) & (self.correct < ceiling * self.labels)
        if below.any():
            share = self.independent
            below &= wilson_upper(share * self.correct, share * self.labels) < ceiling
        return below

    def apart(self, classes: np.ndarray) -> float:
        """Return a lower bound of the share of these classes' samples that is recognised.

        0 where that is no more than always answering the commonest of them.
        """
        n, hits = float(self.labels[classes].sum()), float(self.correct[classes].sum())
        if np.count_nonzero(self.labels[classes]) < 2 or not n:  # noqa: PLR2004 - one is no choice
            return 0.0
        chance = float(self.labels[classes].max()) / n
        if hits / n <= chance + 0.25 * (1 - chance):
            return 0.0
        return wilson_lower(self.independent * hits, self.independent * n)


@dataclass(frozen=True, slots=True)
class StarvedClass:
    """The samples of a class are taken for those of others, which are told apart.

    Statistic
        over the last quarter of the run (at least `window` steps), else over the last validation
        whose classes were counted: the Wilson upper bound (z 3.29) of the recall of each class
        with `support` labels or more; others = the Wilson lower bound of the accuracy over all
        other classes. An epoch shows each sample once, so no more samples than an epoch has count.
    Fires when
        recall < `recall_ceiling` for a class while others > `others_floor`, and others are more
        than always answering the commonest of them, unless its recall still rises by `rising`. It
        is only information where others are below `others_sure`, for a class with less than `rare`
        of its even share of the labels, where more than a quarter of several classes are
        concerned, and where time is lacking: in the first ten epochs and 500 steps, while the
        loss falls by 1 % of L0 or more with each epoch.
    Must not fire
        on a class with few samples; with two classes, where there are no others to tell apart
        (`class_collapse`); worse than as information on a rare class that is rightly never the
        likelier answer, and on ratings whose middle is rightly taken for its neighbours;
        early in a run: before 30 % of the plan it is only information, because a model learns
        some classes first (`alerts/suppression.py`).
    Sources
        SageMaker Debugger's ClassImbalance: 0.7 of a class mispredicted, without regard to the
        others, so that it fires on the first steps of each run; Wilson (1927) for the intervals.
        `others_sure` and `rare` from our trainings: ratings with recalls of 0.05 have others of
        0.63, a rare class that overlaps its neighbour has a tenth of its even share, and classes
        with wrong labels or a weight of zero have others of 0.9 and more.
    """

    name: ClassVar[str] = "starved_class"
    needs: ClassVar[frozenset[str]] = frozenset({"label_count", "correct_count"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"recall_ceiling": Side.BELOW}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    recall_ceiling: float = 0.3
    """Recall below which a class is starved, by its upper bound. [share]"""
    others_floor: float = 0.7
    """Accuracy of the others above which they are told apart, by its lower bound. [share]"""
    others_sure: float = 0.8
    """The same, below which it is only information. [share]"""
    rare: float = 0.5
    """Share of its even share of the labels below which a class is rare. [share]"""
    rising: float = 0.05
    """Rise of its recall above which a class is on its way. [share]"""
    support: int = 100
    """Labels from which on a class counts. [labels]"""
    window: int = 500
    """Least window; else the last quarter of the run. [steps]"""
    warmup: int = 500

    def check(self, view: RunView) -> Finding | None:
        """Look at the recall of each class, in training and in validation."""
        blocks = view.late(view.scaled(self.window))
        found = self._found(_recall(view, blocks), view, blocks)
        return found or self._in_validation(view)

    def _in_validation(self, view: RunView) -> Finding | None:
        last = view.evaluations[-1] if view.evaluations else None
        if last is None or len(last.label_counts) != len(last.correct_counts):
            return None
        labels, correct = np.array(last.label_counts), np.array(last.correct_counts)
        return self._found(Recall(labels, correct, 1.0, " of the validation"), view)

    def _found(self, recall: Recall, view: RunView, blocks: Blocks | None = None) -> Finding | None:
        starved = recall.starved(self.recall_ceiling, self.support)
        if not starved.any():
            return None
        others = recall.apart(~starved)
        if not others > self.others_floor:
            return None
        share = recall.labels / recall.labels.sum()
        ordinary = starved & (share * np.count_nonzero(recall.labels) >= self.rare)
        chosen = ordinary if ordinary.any() else starved
        worst = int(np.flatnonzero(chosen)[np.argmax(recall.labels[chosen])])
        if blocks is not None and self._rises(blocks, worst):
            return None
        count = int(starved.sum())
        few = count == 1 or count <= len(share) // 4
        sure = bool(ordinary.any()) and others >= self.others_sure and few
        grave = sure and not lacks_time(view)
        rest = count - 1
        also = f", and {rest} more class{'es' * (rest > 1)}" if rest else ""
        value = float(recall.correct[worst] / recall.labels[worst])
        return Finding(
            severity=Severity.WARNING if grave else Severity.INFO,
            summary=(
                f"Class {worst} is hardly recognised{also}: {value:.1%} of its samples"
                f"{recall.where} are, and more than {others:.0%} of those of the others"
            ),
            evidence=(
                Evidence("recall", value, self.recall_ceiling, fires=Side.BELOW),
                Evidence("accuracy_of_others_lower_bound", others, self.others_floor),
                Evidence("share_of_labels", float(share[worst])),
                Evidence("share_of_even_share", float(share[worst] * np.count_nonzero(share))),
            ),
        )

    def _rises(self, blocks: Blocks, k: int) -> bool:
        """Say whether the class is recognised more often in the newer half of the blocks."""
        labels, correct = blocks["label_count"][:, k], blocks["correct_count"][:, k]
        middle = len(blocks) // 2
        n = labels[:middle].sum(), labels[middle:].sum()
        if not all(n):
            return False
        before, now = correct[:middle].sum() / n[0], correct[middle:].sum() / n[1]
        return bool(now - before > self.rising)


@once
def _recall(view: RunView, blocks: Blocks) -> Recall:
    labels, correct = blocks.total("label_count"), blocks.total("correct_count")
    if not (labels.size and labels.sum()):
        raise NotMeasurableError
    n = float(labels.sum())
    return Recall(labels, correct, min(1.0, (view.samples_in_an_epoch or n) / n))
