"""The line between a loss that judges something else and one that is merely high."""

import dataclasses
import math

import numpy as np
import pytest

from flatline_monitor.detectors.answers import Answers
from flatline_monitor.detectors.contract import Abstain, Clear, NotMeasurableError, Reason
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.loss_accuracy_inconsistency import LossAccuracyInconsistency
from flatline_monitor.runs.records import LossKind
from tests.play import firing, play
from tests.signals import HELLO, STEPS, classes, flat, run, softmax_twice
from tests.views import last_view

LN_2, FLOOR = math.log(2), math.log((math.e + 1) / math.e)


def answering(loss, right, confidence=None, *, kind=LossKind.CROSS_ENTROPY):
    """A run of two classes with this loss, so many of 32 right, and this confidence."""
    level = flat(loss) if isinstance(loss, float) else loss
    half = right // 2
    counts = classes(STEPS, [16, 16], [16, 16], [half, right - half])
    signals = run(loss=level, counts=counts, hello=dataclasses.replace(HELLO, loss_kind=kind))
    if confidence is None:
        return signals
    column = np.broadcast_to(np.float32(confidence), (STEPS,))
    return signals.with_columns(confidence=np.array(column))


def led_by(*args):
    """The number that a finding rests on."""
    finding = LossAccuracyInconsistency().check(last_view(answering(*args)))
    return None if finding is None else finding.evidence[0].statistic


TWICE, EXCESS = "highest_confidence_of_the_run", "loss_above_fano_bound"


def severity(*args, final=False, **more):
    finding = LossAccuracyInconsistency().check(last_view(answering(*args, **more), final=final))
    return None if finding is None else finding.severity.value


@pytest.mark.parametrize(
    ("loss", "right", "confidence", "expected"),
    [
        (FLOOR + 0.01, 32, 0.725, TWICE),
        (FLOOR + 0.01, 32, 0.74, EXCESS),
        (FLOOR - 0.02, 32, 0.725, EXCESS),
        (FLOOR - 0.08, 32, 0.725, None),
        (FLOOR + 0.01, 28, 0.725, None),
        (0.6, 32, 0.725, None),
    ],
    ids=[
        "softmax twice",
        "surer than twice the softmax can be",
        "a loss below its floor",
        "a loss that is not too high for all that",
        "no surer than right",
        "targets that are spread over classes",
    ],
)
def test_softmax_twice_is_known_by_its_ceiling(loss, right, confidence, expected):
    """Of two classes e / (e + 1), 0.731, and a loss of at least 0.313."""
    assert led_by(loss, right, confidence) == expected


def test_it_was_never_surer_in_the_whole_run():
    """One part of the run with an answer that is surer tells that there is no ceiling."""
    confidence = np.full(STEPS, 0.725)
    assert led_by(0.32, 32, confidence) == TWICE
    confidence[:20] = 0.8

    assert led_by(0.32, 32, confidence) == EXCESS


def test_a_slow_start_is_let_be():
    """The classes are told apart, the model is not sure yet, and the loss falls."""
    t = np.arange(STEPS) / STEPS
    assert severity(0.65 - 0.25 * t, 32, 0.55 + 0.1 * t) is None
    assert severity(0.45 - 0.12 * t, 32, 0.64 + 0.08 * t) == "info", "near the ceiling"


@pytest.mark.parametrize(
    ("loss", "right", "confidence", "expected"),
    [(1.0, 28, 0.99, "warning"), (0.6, 28, 0.99, None), (1.0, 28, None, "warning")],
    ids=["too sure of wrong answers", "less than the excess", "confidence not sent"],
)
def test_a_calibrated_model_loses_no_more_than_fano_says(loss, right, confidence, expected):
    """Of two classes the entropy of the accuracy, 0.377 at 87.5 %, and 0.35 ln 2 above it."""
    assert severity(loss, right, confidence) == expected


@pytest.mark.parametrize("right", [16, 18])
def test_a_model_that_guesses_is_inconsistent_with_nothing(right):
    """Others say that."""
    assert severity(2.0, right, 0.99) is None


def test_while_the_loss_falls_too_sure_answers_are_let_be():
    """Raw pixels begin like that."""
    assert severity(3.0 - 2 * np.arange(STEPS) / STEPS, 28, 0.99) is None


@pytest.mark.parametrize(
    ("confidence", "loss", "expected"),
    [(1.5, 0.6, "warning"), (0.3, 0.6, "warning"), (-0.2, 0.6, "warning"), (1.5, 0.2, "info")],
    ids=["above one", "below a half", "negative", "and learns all the same"],
)
def test_outputs_that_are_no_probabilities(confidence, loss, expected):
    """The larger of two lies between a half and one; the accuracy does not matter."""
    assert severity(loss, 17, confidence) == expected


def test_what_once_was_no_probability_is_none():
    """Later in the run the outputs look like some."""
    confidence = np.full(STEPS, 0.8)
    confidence[:30] = 1.4

    assert severity(0.6, 17, confidence) == "warning"


def test_outputs_that_are_none_are_information_while_the_loss_falls():
    """Keras clips them, and many a model learns all the same; at the end it has not."""
    falling = 0.9 - 0.4 * np.arange(STEPS) / STEPS

    assert severity(falling, 17, 1.5) == "info"
    assert severity(falling, 17, 1.5, final=True) == "warning"


@pytest.mark.parametrize("classes", [2, 3, 10, 200])
def test_the_ceiling_is_that_of_a_softmax_over_probabilities(classes):
    """Computed as one."""
    one_hot = np.eye(classes)[0]
    ceiling = np.exp(one_hot)[0] / np.exp(one_hot).sum()
    answers = Answers(classes, 1.0, 1 / classes, -math.log(ceiling), ceiling, ceiling, ceiling)

    assert answers.ceiling == pytest.approx(ceiling)
    assert answers.keeps_to_the_ceiling
    assert answers.labels_are_hard
    assert answers.are_probabilities


def test_weighted_samples_are_let_be():
    """What is minimised is another loss than the one that is compared."""
    signals = softmax_twice()
    weighted = dataclasses.replace(signals, loss=3 * signals.loss)

    assert LossAccuracyInconsistency().check(last_view(weighted)) is None


def test_losses_of_which_nobody_knows_the_form_are_not_judged():
    """Label smoothing, focal losses and losses of the program's own."""
    view = last_view(answering(FLOOR, 32, 0.72, kind=LossKind.UNKNOWN))

    assert judge(LossAccuracyInconsistency(), view) == Abstain(Reason.SIGNAL_NOT_SENT)
    assert judge(LossAccuracyInconsistency(), last_view(answering(0.05, 32, 0.95))) == Clear()


def test_softmax_twice_is_told_in_time():
    """As soon as it is near the ceiling; after 30 % of the plan it is no slow start."""
    signals = softmax_twice()
    severities = [
        firing(play([*signals.records()[:1], signals.chunk(0, steps)])) for steps in (60, 110, 140)
    ]

    assert [each["loss_accuracy_inconsistency"] for each in severities] == [
        *("info", "info", "warning")
    ]


def test_the_sentence_says_what_does_not_fit():
    """With accuracy, loss and the limit."""
    check = LossAccuracyInconsistency().check

    assert check(last_view(softmax_twice())).summary.startswith(
        "The answers are right and never sure, as if softmax were applied twice: the accuracy is "
        "100.0%, the loss 0.33"
    )
    assert check(last_view(answering(1.0, 28, 0.99))).summary.startswith(
        "The loss does not fit the accuracy, the model is too sure of wrong answers: the accuracy"
    )
    assert check(last_view(answering(0.6, 17, 1.5))).summary == (
        "The loss takes the outputs for probabilities, and they are none: the largest of the 2 is "
        "1.5 on average, which must lie between 0.5 and 1"
    )


@pytest.mark.parametrize(
    ("loss", "right", "expected"),
    [(0.24, 16, "warning"), (0.28, 16, None), (0.01, 30, None)],
    ids=["half are wrong, which costs 0.347 alone", "within the margin", "hardly any are wrong"],
)
def test_wrong_answers_cost_at_least_ln_2_each(loss, right, expected):
    """A softmax over one unit answers 1 always; Keras takes its logits for the loss."""
    assert severity(loss, right) == expected


@pytest.mark.parametrize(("loss", "expected"), [(-0.1, "warning"), (-0.001, None)])
def test_a_cross_entropy_is_never_below_zero(loss, expected):
    """Classes 0, 1, 2 before a single sigmoid: labels beyond 1 are rewarded without end."""
    assert severity(loss, 32) == expected


def test_a_loss_that_was_zero_before_anything_was_learned_judges_nothing():
    """As of one unit of softmax; where the answers are known to be right, the model knew them."""
    signals = answering(0.0, 32)
    uncounted = last_view(signals.without("label_count", "correct_count"))

    assert LossAccuracyInconsistency().check(last_view(signals)) is None
    found = LossAccuracyInconsistency().check(uncounted)
    assert found.severity.value == "warning"
    assert "0 since the first step" in found.summary
    again = dataclasses.replace(uncounted, hello=dataclasses.replace(uncounted.hello, fit=1))
    with pytest.raises(NotMeasurableError):
        LossAccuracyInconsistency().check(again)
