"""Loss and accuracy do not fit each other: the loss does not judge what the model answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from flatline_monitor.detectors.answers import Answers, answers_of
from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
    Side,
)
from flatline_monitor.detectors.statistics import is_weighted, may_fall, mean_loss, skill_bound
from flatline_monitor.detectors.trend import lacks_time
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.records import LossKind, Task
from flatline_monitor.runs.view import RunView

BELOW_ZERO = -0.01
"""A loss below it is no rounding."""
FIRST = 5
"""Losses of the beginning that must all be zero."""


@dataclass(frozen=True, slots=True)
class LossAccuracyInconsistency:
    """The loss of a classifier is not what its accuracy and its confidence imply.

    Statistic
        over the last quarter of the run (at least `window` steps): accuracy a, data loss, and
        confidence = the mean of the largest of the K predicted probabilities;
        excess = loss - (h(a) + (1 - a) ln(K - 1)), h the entropy of a coin: by Fano's inequality
        the most that a calibrated model of this accuracy loses; in units of ln K;
        ceiling = e / (e + K - 1), the confidence that a softmax over probabilities cannot exceed.
    Fires when
        the confidence of a block lies outside of 1 / K .. 1, which no probability does: only
        information while the loss falls and the run goes on, and with a skill of `skilled`;
        or where a is above .5 and far above chance, and the loss no longer falls after 30 % of
        the plan,
        confidence was never above the ceiling, is lower than a by `timid`, and the loss is not
        below - ln(ceiling) (softmax twice);
        or excess > `excess_limit`;
        or the loss is below three quarters of (1 - a) ln 2, with more than a quarter of the
        answers wrong: each of those alone costs ln 2, so the answers are not what the loss judges
        (a softmax over one unit, of which Keras takes the logits);
        or the loss is below zero, which no probabilities lose on labels from 0 to 1 (classes
        0, 1, 2 before a single sigmoid); or it was exactly zero from the first step on, before
        anything was learned, and nothing says that the answers are right (a categorical
        cross-entropy over one unit).
        Softmax twice is told as information before that, from `near` the ceiling on, or where
        confidence is lower than a by `very_timid`.
    Must not fire
        on declared label smoothing and on focal losses, of which the null model is not known; on
        targets that are spread over classes (distillation, mixup, smoothing by hand), whose loss
        is more than labels, accuracy and confidence make; under sample or class weights; on
        regularisation terms, which are no part of the data loss; on a slow start, in which the
        classes are told apart before the model grows sure; on `from_logits=True` with a softmax
        layer in Keras 3, which takes that layer's logits.
    Sources
        Fano (1961) as in Cover and Thomas (2006), section 2.10; `excess_limit` from 85 healthy
        and 90 sick runs of small networks, of which none and 5 fire. NeuraLint (2021) has the
        last layers that do not fit the loss; the ceiling is plain arithmetic.
    """

    name: ClassVar[str] = "loss_accuracy_inconsistency"
    needs: ClassVar[frozenset[str]] = frozenset({"data_loss"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"excess_limit": Side.ABOVE, "timid": Side.ABOVE}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    excess_limit: float = 0.35
    """Loss beyond Fano's bound above which it fires. [ln K]"""
    timid: float = 0.2
    """How far the confidence of a timid model lies below its accuracy. [share]"""
    very_timid: float = 0.5
    """The same, with which a run is told of early. [share]"""
    near: float = 0.9
    """Share of the ceiling of a softmax twice, above which a run is told of early. [share]"""
    skilled: float = 0.5
    """Skill from which on outputs that are no probabilities are only information. [skill]"""
    falling: float = 0.05
    """Fall over the last half, as a share of its level, of a loss that is on its way. [share]"""
    fewest_samples: int = 100
    """Labels without which it abstains. [labels]"""
    window: int = 500
    """Least window; else the last quarter of the run. [steps]"""
    warmup: int = 100

    def check(self, view: RunView) -> Finding | None:
        """Compare the loss with what accuracy and confidence imply."""
        if view.hello.loss_kind is not LossKind.CROSS_ENTROPY:
            raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
        blocks = view.late(view.scaled(self.window))
        if nonsense := _of_nothing(view, mean_loss(view, blocks)[0]):
            return nonsense
        if not {"label_count", "correct_count"} <= view.sent:
            raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
        answers = answers_of(view, blocks, self.fewest_samples)
        if answers is None:
            raise NotMeasurableError
        if not answers.are_probabilities:
            return self._no_probabilities(view, blocks, answers)
        return self._of_answers(view, answers)

    def _of_answers(self, view: RunView, answers: Answers) -> Finding | None:
        if answers.is_impossible and not is_weighted(view):
            return _impossible(answers)
        if not answers.tells_apart:
            return None
        excess = (answers.loss - answers.fano) / math.log(answers.classes)
        timid = answers.confidence < answers.accuracy - self.timid
        twice = timid and answers.keeps_to_the_ceiling
        if not (twice or excess > self.excess_limit) or is_weighted(view):
            return None
        if timid and not answers.labels_are_hard:
            return None
        early = may_fall(view, self.falling) or view.is_young
        if early and not (twice and self._surely(answers)):
            return None
        return Finding(
            severity=Severity.INFO if early else Severity.WARNING,
            summary=_told(answers, twice=twice, timid=timid),
            evidence=(
                *([_ceiling(answers)] if twice else []),
                _excess(excess, self.excess_limit),
                *_context(answers),
            ),
        )

    def _surely(self, answers: Answers) -> bool:
        """Say whether a start of the run would look otherwise, however slow it is."""
        near = answers.confidence > self.near * answers.ceiling
        return near or answers.confidence < answers.accuracy - self.very_timid

    def _no_probabilities(self, view: RunView, blocks: Blocks, answers: Answers) -> Finding:
        skill = skill_bound(view, blocks)
        patient = lacks_time(view) or (may_fall(view) and not view.final)
        above = answers.highest > 1
        value, limit = (answers.highest, 1.0) if above else (answers.lowest, 1 / answers.classes)
        side = Side.ABOVE if above else Side.BELOW
        return Finding(
            severity=Severity.INFO if patient or skill >= self.skilled else Severity.WARNING,
            summary=(
                "The loss takes the outputs for probabilities, and they are none: the largest of "
                f"the {answers.classes} is {value:.3g} on average, which must lie between "
                f"{1 / answers.classes:.3g} and 1"
            ),
            evidence=(
                Evidence("mean_of_largest_output", value, limit, fires=side),
                Evidence("skill", skill, self.skilled, fires=Side.BELOW),
                *_context(answers),
            ),
        )


def _of_nothing(view: RunView, loss: float) -> Finding | None:
    """Return what is found of a loss that no cross-entropy of these labels can have."""
    first = view.firsts.data_loss
    if loss < BELOW_ZERO:
        summary = (
            f"The cross-entropy is {loss:.3g}: below zero, which it is of no probabilities and "
            "labels from 0 to 1; the labels do not fit the last layer"
        )
        return Finding(
            Severity.WARNING, summary, (Evidence("loss_below_zero", loss, 0.0, fires=Side.BELOW),)
        )
    unlearned = loss == 0 and len(first) >= FIRST and not first.any() and not view.hello.fit
    if unlearned and not view.has("correct_count"):
        summary = (
            "The loss is 0 since the first step, before anything was learned: it does not judge "
            "what the model answers"
        )
        return Finding(
            Severity.WARNING, summary, (Evidence("loss_at_first", 0.0, 0.0, fires=Side.BELOW),)
        )
    return None


def _impossible(answers: Answers) -> Finding:
    limit = (1 - answers.accuracy) * math.log(2)
    return Finding(
        severity=Severity.WARNING,
        summary=(
            f"The loss is {answers.loss:.3g}, which no model has whose accuracy is "
            f"{answers.accuracy:.1%}: wrong answers alone cost {limit:.3g}; the answers are not "
            "what the loss judges"
        ),
        evidence=(
            Evidence("loss_beside_wrong_answers", answers.loss, limit, fires=Side.BELOW),
            *_context(answers),
        ),
    )


def _ceiling(answers: Answers) -> Evidence:
    limit = answers.ceiling
    return Evidence("highest_confidence_of_the_run", answers.highest, limit, fires=Side.BELOW)


def _excess(excess: float, limit: float) -> Evidence:
    crossed = limit if excess > limit else None
    return Evidence("loss_above_fano_bound", excess, crossed, "of ln K")


def _context(answers: Answers) -> tuple[Evidence, ...]:
    numbers = {
        "accuracy": answers.accuracy,
        "loss": answers.loss,
        "confidence": answers.confidence,
        "largest_loss_of_a_calibrated_model": answers.fano,
    }
    return tuple(Evidence(name, x) for name, x in numbers.items() if math.isfinite(x))


def _told(answers: Answers, *, twice: bool, timid: bool) -> str:
    right = f"the accuracy is {answers.accuracy:.1%}, the loss {answers.loss:.3g}"
    if twice:
        return (
            f"The answers are right and never sure, as if softmax were applied twice: {right}, and "
            f"no probability exceeds {answers.ceiling:.3g}"
        )
    how = "too timid" if timid else "too sure of wrong answers"
    return (
        f"The loss does not fit the accuracy, the model is {how}: {right}; a model that is "
        f"rightly sure loses at most {answers.fano:.3g}"
    )
