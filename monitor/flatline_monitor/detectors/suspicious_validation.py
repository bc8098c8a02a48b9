"""Suspicious validation: it measures something else than how well the training generalises."""

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
from flatline_monitor.detectors.statistics import accuracy_of, finite_median, wilson_lower
from flatline_monitor.runs.records import Evaluation, Role, Task
from flatline_monitor.runs.rows import cut
from flatline_monitor.runs.view import RunView, once

ENOUGH = 100
"""Samples of a validation that does not say how many it had, and least labels of a training."""
NEW = 0.5
"""Share of the null model's loss below which a run that begins knows its samples already."""
MOST_STEPS = 100
"""Steps before a validation that are looked at."""


@dataclass(frozen=True, slots=True)
class Score:
    """Right answers among so many samples."""

    share: float
    n: float

    @property
    def lower(self) -> float:
        """Wilson lower bound of the share; nan: nothing was counted."""
        return wilson_lower(self.share * self.n, self.n) if self.n else math.nan

    @property
    def upper(self) -> float:
        """Wilson upper bound of the share."""
        return 1 - wilson_lower((1 - self.share) * self.n, self.n) if self.n else math.nan


@dataclass(frozen=True, slots=True)
class Trained:
    """How the training did over the last half of an epoch, just before a validation."""

    losses: np.ndarray
    """Finite losses, with regularisation and without weights, as a validation has them."""
    score: Score
    labels: np.ndarray
    """How often each class was a label in those steps, [class]; empty: not counted."""


@dataclass(frozen=True, slots=True)
class SuspiciousValidation:
    """A validation set that is easier, other or otherwise prepared than the training data.

    Statistic
        at each validation, its share of right answers, its loss and its labels, against those of
        the training over the last half of the epoch before it (at most 100 steps). In the first
        epoch the training meets each sample for the first time, so that its batches are as good
        a test as a validation is.
        unlike = half of the summed differences of the shares of the labels (total variation).
    Fires when
        in the first `early` epochs, from the first on, the validation is worse by far: the Wilson
        upper bound (z 3.29) of its accuracy is not above chance by `half` of what the training's
        lower bound is above it, chance being the share of the commonest label; or its loss is
        above each batch's by `far` L0, in a regression and in a log by epochs by `far_regression`
        L0, L0 being the null model's loss (else the first loss): warning;
        unlike > `unlike_limit`, beyond twice its noise: warning if half of the validation is of
        classes that the training has not shown, else information;
        from the third validation on, it is better by far: the lower bound of its accuracy > the
        training's upper bound + `margin`: information.
    Must not fire
        on few validation samples, whose bounds are wide; on overfitting, which takes epochs; on a
        model that was trained before; on sorted data, whose last batches are of other classes
        than the set (`not_shuffled`);
        under batch normalisation in the first `settled` steps, in which its moving means lag
        behind (of a log by epochs, which does not tell, afterwards only if each validation of
        `fewest_always` or more was so); worse than as information on dropout, augmentation and
        noise, which make the training the harder task, and on easy tasks.
    Sources
        UMLAUT (Schoop et al., 2021): a validation accuracy 0.05 above the training's. The first
        epoch as a test: Dawid (1984), Statistical theory: the prequential approach. The limits
        of the loss and of the labels: of our trainings the healthy ones stay below 0.1 L0 and
        0.2, those with another preparation or with other classes begin at 0.9 L0 and 0.6.
    """

    name: ClassVar[str] = "suspicious_validation"
    needs: ClassVar[frozenset[str]] = frozenset({"loss"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"margin": Side.ABOVE, "unlike_limit": Side.ABOVE}
    hold: ClassVar[int] = 2
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    early: int = 2
    """The first epochs, in which a validation may be too bad. [epochs]"""
    half: float = 0.5
    """Share of the training's lead over chance below which it is too bad. [share]"""
    margin: float = 0.05
    """Lead over the training's accuracy above which it is too good. [share]"""
    far: float = 0.5
    """How far above the worst batch's loss it is too bad, of classes. [L0]"""
    far_regression: float = 3.0
    """The same of a regression. [L0]"""
    unlike_limit: float = 0.4
    """Difference between the shares of the labels above which they are others. [share]"""
    fewest_evaluations: int = 3
    """Validations before which none is too good. [validations]"""
    fewest_always: int = 5
    """Validations of a log by epochs that must all be too bad. [validations]"""
    settled: int = 500
    """Steps in which the moving means of batch normalisation lag behind. [steps]"""
    warmup: int = 0

    def check(self, view: RunView) -> Finding | None:
        """Compare the last validation with the training just before it."""
        if not view.evaluations:
            raise NotMeasurableError(Reason.TOO_FEW_POINTS)
        if not (view.has_new_evaluation or view.final):
            raise NotMeasurableError(Reason.NO_NEW_SAMPLE)
        last = view.evaluations[-1]
        if finding := self._of_other_labels(view):
            return finding
        trained = _trained_before(view, -1)
        if worse := self._worse(view, last, trained):
            early = last.epoch < self.early and not view.hello.fit and _began_new(view)
            lags = last.step * view.hello.row_steps < self.settled and _moves_means(view)
            new = early and not lags and not self._came_later(view)
            if not (new or self._always(view)):
                raise NotMeasurableError  # from here on it may be overfitting, or those means
            return worse
        return self._better(view, last, trained)

    def _of_other_labels(self, view: RunView) -> Finding | None:
        trained, validated = _labels(view)
        if validated.size != trained.size or not validated.any() or trained.sum() < ENOUGH:
            return None
        unlike, noise = _unlike(trained, validated)
        if not unlike > self.unlike_limit + 2 * noise:
            return None
        here, there = trained / trained.sum(), validated / validated.sum()
        unseen = float(there[trained == 0].sum())
        most = int(there.argmax())
        return Finding(
            severity=Severity.WARNING if unseen >= 0.5 else Severity.INFO,  # noqa: PLR2004 - half
            summary=(
                f"The validation set has other labels than the training: {there[most]:.0%} of them "
                f"are class {most}, in the training {here[most]:.0%}"
            ),
            evidence=(
                Evidence("unlike_labels", unlike, self.unlike_limit),
                Evidence("share_of_classes_not_trained", unseen, None),
            ),
        )

    def _came_later(self, view: RunView) -> bool:
        """Say whether it was not so after the first epoch, whose samples were new."""
        first, last = view.evaluations[0], view.evaluations[-1]
        if first.epoch > 0 or last.epoch == 0:
            return False
        trained = _trained_before(view, 0)
        return bool(trained.losses.size) and self._worse(view, first, trained) is None

    def _always(self, view: RunView) -> bool:
        """Say whether each validation of a log by epochs was so, from the first on."""
        seen = view.evaluations
        return (
            view.hello.row_steps > 1
            and len(seen) >= self.fewest_always
            and all(
                self._worse(view, each, _trained_before(view, i)) for i, each in enumerate(seen)
            )
        )

    def _worse(self, view: RunView, last: Evaluation, trained: Trained) -> Finding | None:
        score, labels = _score_of(last), trained.labels
        if labels.size:
            unlike, noise = _unlike(labels, view.coarse.total("label_count"))
            if unlike > self.unlike_limit / 2 + 2 * noise:
                return None  # sorted data: what was just seen is answered best
        chance = float(labels.max() / labels.sum()) if labels.size else 0.0
        least = chance + self.half * (trained.score.lower - chance)
        if trained.score.lower > chance and score.upper < least:
            return Finding(
                Severity.WARNING,
                f"The validation is worse than training on samples that are new to it as well: "
                f"{score.share:.1%} right, the training {trained.score.share:.1%}",
                (Evidence("accuracy_upper_bound", score.upper, least, fires=Side.BELOW),),
            )
        scale = view.loss_scale
        coarse = view.hello.row_steps > 1  # its first loss may be that of a model that knows much
        classes = view.hello.task in {Task.CLASSIFICATION, Task.MULTILABEL} and not coarse
        loss = last.metrics.get("loss", math.nan)
        if not trained.losses.size:
            return None
        limit = float(trained.losses.max()) + (self.far if classes else self.far_regression) * scale
        if not loss > limit:
            return None
        return Finding(
            Severity.WARNING,
            f"The validation is worse than training on samples that are new to it as well: its "
            f"loss is {loss:.4g}, the worst batch had {trained.losses.max():.4g}",
            (Evidence("validation_loss", loss, limit),),
        )

    def _better(self, view: RunView, last: Evaluation, trained: Trained) -> Finding | None:
        score, before = _score_of(last), trained.score
        if math.isnan(score.lower) and not trained.losses.size:
            raise NotMeasurableError
        if len(view.evaluations) < self.fewest_evaluations:
            return None
        if not score.lower > before.upper + self.margin:
            return None
        return Finding(
            Severity.INFO,
            f"The validation is better than the training: {score.share:.1%} right, the training "
            f"{before.share:.1%}; dropout, augmentation and noise in the labels do that, and so "
            "does a validation set that is easier, or was trained on",
            (Evidence("accuracy_lower_bound", score.lower, before.upper + self.margin),),
        )


def _score_of(evaluation: Evaluation) -> Score:
    if sum(evaluation.label_counts) and evaluation.correct_counts:
        n = sum(evaluation.label_counts)
        return Score(sum(evaluation.correct_counts) / n, n)
    share = accuracy_of(evaluation)
    return Score(share, 0 if math.isnan(share) else evaluation.n or ENOUGH)


@once
def _labels(view: RunView) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each class was a label, in the training and in the last validation."""
    trained = view.coarse.total("label_count").astype(np.float64)
    return trained, np.array(view.evaluations[-1].label_counts, np.float64)


@once
def _trained_before(view: RunView, number: int) -> Trained:
    """Return what half an epoch before this validation was like, as far as it is kept."""
    last = view.evaluations[number]
    epoch = view.steps_in_an_epoch or max(2, last.step // (last.epoch + 1))
    begin = last.step - max(1, min(epoch // 2, MOST_STEPS))
    rows = cut(view.rows, begin, last.step)
    columns = rows.sampled.columns
    losses = rows.loss[rows.loss_known]
    if {"data_loss", "regularization_loss"} <= columns.keys():
        losses = columns["data_loss"] + columns["regularization_loss"]
    losses = losses[np.isfinite(losses)].astype(np.float64)
    if not {"label_count", "correct_count"} <= columns.keys():
        return Trained(losses, Score(math.nan, 0), np.zeros(0))
    labels = columns["label_count"].sum(axis=0)
    n = float(labels.sum())
    if not n:
        return Trained(losses, Score(math.nan, 0), np.zeros(0))
    hits = float(columns["correct_count"].sum())
    return Trained(losses, Score(hits / n, n), labels)


def _unlike(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return the total variation between two histograms, 0..1, and what it is by chance alone."""
    n, m = float(a.sum()), float(b.sum())
    here, there = a / n, b / m
    even = (here + there) / 2
    noise = np.sqrt(even * (1 - even) * (1 / n + 1 / m) / (2 * math.pi))
    return 0.5 * float(np.abs(here - there).sum()), float(noise.sum())


def _began_new(view: RunView) -> bool:
    """Say whether the model could not do anything yet when the run began, as far as is known."""
    null, first = view.null_loss, finite_median(view.firsts.data_loss)
    return null is None or not first < NEW * null


def _moves_means(view: RunView) -> bool:
    """Say whether the model normalises by moving means, as far as its variables tell.

    Of a log that tells of no variables it may.
    """
    return (view.hello.row_steps > 1 and not view.variables) or any(
        "BatchNorm" in each.layer_class or (each.role is Role.GAMMA and not each.layer_class)
        for each in view.variables
    )
