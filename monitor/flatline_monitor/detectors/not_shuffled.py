"""Not shuffled: the samples of a batch are of one class, although the run has several."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Severity,
    Side,
)
from flatline_monitor.detectors.statistics import Z_PER_MILLE, accuracy_of, made_up, may_fall
from flatline_monitor.detectors.trend import lacks_time
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once

TAKE_TURNS = -0.75
"""Likeness of neighbours at which two classes alternate; it is -1 if they do so strictly."""
CHANGED = 0.5
"""Share of the labels that must differ from those of the step before to count as a change."""


@dataclass(frozen=True, slots=True)
class Batches:
    """Labels of consecutive sampled steps, a few small batches taken together."""

    labels: Float[np.ndarray, "batch class"]
    n: Float[np.ndarray, " batch"]
    """Samples of each batch."""
    prior: Float[np.ndarray, " class"]
    """Share of each class over the whole run."""
    same: float
    """Share of pairs of samples of the run that are of one class."""

    def likeness(self) -> tuple[float, float]:
        """Return how alike the labels of a batch are, and the standard error of that if shuffled.

        It is the share of pairs of samples of a batch that are of one class, from 0 for what
        shuffling gives to 1 for batches of a single class. Unlike an entropy it has no bias,
        however small the batches are: the number of pairs is a U-statistic (Hoeffding, 1948).
        A batch of one sample has no pairs, and counts as what shuffling gives.
        """
        same, of = self.same, self.n * (self.n - 1)
        of[of == 0] = np.inf
        alike = (np.einsum("bk,bk->b", self.labels, self.labels) - self.n) / of
        alike[np.isinf(of)] = same
        third = float((self.prior**3).sum())
        spread = 2 / of * (same * (1 - same) + 2 * (self.n - 2) * (third - same**2))
        error = math.sqrt(max(float(spread.mean()), 0.0) / len(self.n))
        return (float(alike.mean()) - same) / (1 - same), error / (1 - same)

    def neighbours(self) -> float:
        """Return the same for pairs of samples from a batch and the next; nan: there is none."""
        if len(self.n) < 2:  # noqa: PLR2004 - no next
            return math.nan
        pairs = np.einsum("bk,bk->b", self.labels[1:], self.labels[:-1])
        alike = float((pairs / (self.n[1:] * self.n[:-1])).mean())
        return (alike - self.same) / (1 - self.same)

    def skill_at_changes(self, loss: np.ndarray, late: np.ndarray) -> float:
        """Return 1 - L / L0 over the batches whose labels are others than those before.

        Over the late ones, if there are any. L0 is the loss of always answering by the shares of
        the classes; nan: nothing changed. Just before a change the model may only have learned to
        give the answer of the moment.
        """
        share = self.labels / self.n[:, None]
        common = np.minimum(share[1:], share[:-1]).sum(axis=1)
        changed = np.concatenate(([False], 1 - common > CHANGED)) & np.isfinite(loss)
        changed = changed & late if (changed & late).any() else changed
        null = -(share[changed] * np.log(np.maximum(self.prior, 1e-12))).sum()
        return 1 - float(loss[changed].sum() / null) if changed.any() else math.nan


@dataclass(frozen=True, slots=True)
class NotShuffled:
    """The labels within a batch are far more alike than those of the whole run.

    Statistic
        over the last `window` sampled steps (of many classes fewer are kept), small batches put
        together until they hold `group` samples: likeness = (share of pairs of samples within a
        batch that are of one class - the same over the whole run) / (1 - that): 0 if shuffled, 1
        for batches of a single class.
        skill = 1 - L / L0 of the last validation (or its accuracy above chance); without one, over
        the batches whose labels are others than those of the step before; without a null model
        the share of the first loss that is gone.
    Fires when
        likeness > `limit`, and beyond chance (z 3.29). It is only information while the skill is
        `skilled` or more, and, while the run goes on, as long as the loss falls and in the first
        ten epochs and 500 steps while each epoch is better than the one before.
    Must not fire
        on small batches of many classes, nor on batches drawn as a few samples of each of a few
        classes; on rare classes, which most batches do not hold; on batches of two classes that
        take turns, as those of a GAN do; worse than as information on time series, a curriculum
        or batches of one class by design that learn all the same;
        early in a run: before 30 % of the plan it is only information (`alerts/suppression.py`).
    Sources
        Ours: no tool of the field has it. The likeness is the intraclass correlation of the
        labels. The entropy of a batch over that of the run, which we tried first, is .44 for
        batches of 4 out of 100 classes and .38 for 8 samples of each of 4 out of 40; the likeness
        is .00 and .20 there, .06 for a shuffle buffer of a third of the set, .5 for one of 64
        samples, and .6 to 1 where sorted data are not shuffled.
    """

    name: ClassVar[str] = "not_shuffled"
    needs: ClassVar[frozenset[str]] = frozenset({"label_count"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"limit": Side.ABOVE}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    limit: float = 0.4
    """Likeness of the labels within a batch above which it fires. [share]"""
    skilled: float = 0.5
    """Skill from which on it is only information. [skill]"""
    rarest: float = 0.02
    """Share of pairs of labels that differ, over the run, without which it abstains. [share]"""
    fewest: int = 3
    """Batches without which it abstains. [batches]"""
    group: int = 8
    """Samples up to which small batches are put together. [samples]"""
    window: int = 200
    """The latest sampled steps that are looked at. [sampled steps]"""
    warmup: int = 200

    def check(self, view: RunView) -> Finding | None:
        """Compare the labels within batches with those of the run."""
        batches, filled, together = _batches(view, self.window, self.group)
        if len(batches.n) < self.fewest or 1 - batches.same < self.rarest:
            raise NotMeasurableError
        likeness, error = _likeness(view, self.window, self.group)
        if not likeness > max(self.limit, Z_PER_MILLE * error):
            return None
        if batches.neighbours() < TAKE_TURNS:
            return None
        skill = _skill_of_validation(view, batches)
        if math.isnan(skill):
            skill = _skill_of_training(view, batches, filled, together)
        patient = not view.final and (lacks_time(view) or may_fall(view))
        most = float((batches.labels.max(axis=1) / batches.n).mean())
        return Finding(
            severity=Severity.INFO if patient or skill >= self.skilled else Severity.WARNING,
            summary=(
                f"The data are not shuffled: on average {most:.0%} of the labels of a batch are of "
                f"one class, which has at most {batches.prior.max():.0%} of all labels"
            ),
            evidence=(
                Evidence("likeness_of_labels_within_batches", likeness, self.limit),
                Evidence("share_of_commonest_label_in_a_batch", most),
                Evidence("skill", skill, self.skilled, fires=Side.BELOW),
            ),
        )


@once
def _batches(view: RunView, window: int, group: int) -> tuple[Batches, np.ndarray, int]:
    """Return the last batches, which samples had labels, and how many make one batch of these."""
    labels = view.last_samples("label_count", window).astype(np.float64)
    filled = labels.sum(axis=1) > 0
    if not filled.any():
        raise NotMeasurableError
    together = math.ceil(group * len(labels) / float(labels.sum()))
    labels = _by_groups(labels[filled], together).sum(axis=1)
    total = view.coarse.total("label_count").astype(np.float64)
    prior = total / max(total.sum(), 1)
    batches = Batches(labels, labels.sum(axis=1), prior, float((prior**2).sum()))
    return batches, filled, together


@once
def _likeness(view: RunView, window: int, group: int) -> tuple[float, float]:
    batches, _, _ = _batches(view, window, group)
    return batches.likeness()


def _skill_of_validation(view: RunView, batches: Batches) -> float:
    """Return the skill of the last validation, by its loss or else its accuracy; nan: unknown."""
    if not view.evaluations:
        return math.nan
    last, chance, null = view.evaluations[-1], float(batches.prior.max()), view.null_loss
    by_loss = 1 - last.metrics.get("loss", math.nan) / null if null else math.nan
    by_accuracy = (accuracy_of(last) - chance) / (1 - chance)
    return by_accuracy if math.isnan(by_loss) else by_loss


def _skill_of_training(view: RunView, batches: Batches, filled: np.ndarray, together: int) -> float:
    """Return the skill where the labels change, or what is gone of the loss; nan: unknown."""
    if not (view.null_loss and view.has("data_loss")):
        return made_up(view, view.scaled(100))
    count = len(filled)
    losses = view.last_samples("data_loss", count).astype(np.float64)[filled]
    steps = view.rows.sampled.step[-count:][filled]
    late = _by_groups(steps, together)[:, -1] >= view.step - view.step // 4
    return batches.skill_at_changes(_by_groups(losses, together).mean(axis=1), late)


def _by_groups(rows: np.ndarray, size: int) -> np.ndarray:
    """Return the last rows as groups of so many: [group, row, ...]."""
    count = len(rows) // size
    return rows[len(rows) - count * size :].reshape(count, size, *rows.shape[1:])
