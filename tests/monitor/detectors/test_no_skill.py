"""The line between guessing and learning."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.contract import NotMeasurableError, Severity
from flatline_monitor.detectors.no_skill import NoSkill
from flatline_monitor.detectors.statistics import wilson_lower
from flatline_monitor.runs.records import Evaluation, LossKind, Task
from tests.signals import HELLO, STEPS, classes, flat, run
from tests.views import last_view

LN_2 = float(np.log(2))


def severity(signals):
    finding = NoSkill().check(last_view(signals))
    return finding and finding.severity


def even(correct):
    """Two even classes, of 32 samples so many answered right."""
    half = correct // 2
    return classes(STEPS, [16, 16], [16, 16], [half, correct - half])


@pytest.mark.parametrize(
    ("loss", "correct", "expected"),
    [
        (LN_2, 16, Severity.CRITICAL),
        (0.97 * LN_2, 16, Severity.WARNING),
        (0.90 * LN_2, 16, None),
        (1.5 * LN_2, 28, None),
        (0.5 * LN_2, 28, None),
    ],
    ids=[
        "loss and accuracy at chance",
        "accuracy at chance, hardly any skill",
        "accuracy at chance, but the loss beats the null model",
        "a loss that a few bad samples spoil, accuracy far above chance",
        "learns",
    ],
)
def test_loss_and_accuracy_decide_together(loss, correct, expected):
    """Both at chance is critical; one of them alone is not enough."""
    assert severity(run(loss=flat(loss), counts=even(correct))) == expected


@pytest.mark.parametrize(("share", "expected"), [(1.0, Severity.CRITICAL), (0.5, None)])
def test_chance_is_the_majority(share, expected):
    """90 % accuracy on data of which 90 % are one class is guessing; with skill it is not."""
    null = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    counts = classes(STEPS, [29, 3], [32, 0], [29, 0])

    assert severity(run(loss=flat(share * null * 1.01), counts=counts)) == expected


def regression(loss, variance=4.0):
    hello = dataclasses.replace(
        HELLO, task=Task.REGRESSION, loss_kind=LossKind.SQUARED_ERROR, class_count=None
    )
    targets = {
        "target_mean": np.full((STEPS, 1), 100.0, np.float32),
        "target_variance": np.full((STEPS, 1), variance, np.float32),
    }
    return run(loss=flat(1.0) * loss, counts=targets, hello=hello)


@pytest.mark.parametrize(("loss", "expected"), [(4.0, Severity.WARNING), (2.0, None)])
def test_a_regression_is_measured_against_the_variance(loss, expected):
    """No accuracy there: the loss alone warns when it is that of the mean."""
    assert severity(regression(loss)) == expected


def test_a_batch_that_is_hard_to_guess_is_hard_for_any_model():
    """Its targets vary more: their constant answer loses more too, so the skill is known well."""
    variance = np.random.default_rng(0).uniform(1.0, 7.0, STEPS).astype(np.float32)
    for share, expected in ((1.0, Severity.WARNING), (0.94, None)):
        signals = regression(share * variance).with_columns(target_variance=variance[:, None])
        assert severity(signals) == expected


def test_the_same_samples_again_are_no_new_evidence():
    """56 % on 128 samples seen a hundred times is within guessing; on 12,800 it is not."""
    few, many = (
        run(loss=flat(LN_2), counts=even(18), hello=dataclasses.replace(HELLO, plan_epochs=n))
        for n in (STEPS // 4, 1)
    )

    assert severity(few) == Severity.CRITICAL
    assert severity(many) is None


def test_without_a_null_model_it_cannot_say():
    """A custom loss on targets that nobody counted has no skill to speak of."""
    hello = dataclasses.replace(HELLO, loss_kind=LossKind.UNKNOWN)
    with pytest.raises(NotMeasurableError):
        NoSkill().check(last_view(run(counts={}, hello=hello)))


def test_wilson_agrees_with_its_definition():
    """The bound is where the observed share lies z standard errors above it."""
    low = wilson_lower(60, 100)

    assert (0.6 - low) / np.sqrt(low * (1 - low) / 100) == pytest.approx(3.2905, rel=1e-3)


def test_weighted_classes_are_judged_by_their_recall():
    """Class weights trade accuracy for recall on purpose: 80 % of 90/10 is no guessing then."""
    counts = classes(STEPS, [29, 3], [24, 8], [23, 2])
    plain = run(loss=flat(0.5), counts=counts)
    weighted = dataclasses.replace(plain, loss=(plain.loss * 2).astype(np.float32))

    assert severity(plain) == Severity.CRITICAL
    assert severity(weighted) is None


@pytest.mark.parametrize("labels", [[31, 1], [32, 0]])
def test_a_perfect_model_is_not_guessing(labels):
    """However rare the other class is, and where nothing is known of the loss."""
    hello = dataclasses.replace(HELLO, loss_kind=LossKind.UNKNOWN)
    signals = run(counts=classes(STEPS, labels, labels, labels), hello=hello)
    try:
        assert severity(signals) is None
    except NotMeasurableError:
        assert labels == [32, 0]


def test_one_wild_block_does_not_hide_the_rest():
    """A diverging batch would carry a mean, and with it an optimistic bound, to anywhere."""
    loss = flat(LN_2)
    loss[390] = 1e7

    assert severity(run(loss=loss, counts=even(16))) == Severity.CRITICAL


@pytest.mark.parametrize(
    ("losses", "training", "expected"),
    [
        ((0.70, 0.71, 0.70), 0.66, Severity.WARNING),
        ((0.70, 0.67, 0.70), 0.66, None),
        ((0.70, 0.71), 0.66, None),
        ((0.70, 0.71, 0.70), 0.60, None),
    ],
    ids=["never better than chance", "once better", "too few", "learned by heart: overfitting"],
)
def test_a_validation_at_chance_is_no_skill_while_hardly_anything_is_learned(
    losses, training, expected
):
    """Noise that is slowly learned by heart looks like a little skill."""
    signals = run(loss=flat(training), counts=even(24))
    evaluations = tuple(
        Evaluation(20 * (i + 1), i, 1_000, {"loss": loss}) for i, loss in enumerate(losses)
    )
    view = dataclasses.replace(last_view(signals), evaluations=evaluations)
    finding = NoSkill().check(view)

    assert (finding and finding.severity) == expected


def test_a_validation_of_a_run_that_still_falls_is_information():
    """Four epochs of a hundred steps, of which each is far better than the one before."""
    loss = np.linspace(1.3, 0.6, STEPS)
    hello = dataclasses.replace(HELLO, plan_epochs=4)
    view = last_view(run(loss=loss, counts=even(20), hello=hello))
    evaluations = tuple(Evaluation(100 * i, i, 1_000, {"loss": 0.9}) for i in range(1, 4))
    finding = NoSkill().check(dataclasses.replace(view, evaluations=evaluations))

    assert finding.severity is Severity.INFO


def test_a_validation_accuracy_above_chance_is_skill():
    """However bad its loss: a model may be too sure of itself."""
    view = last_view(run(loss=flat(0.66), counts=even(24)))
    passed = {"loss": 0.9, "accuracy": 0.6}
    evaluations = tuple(Evaluation(20 * i, i, 1_000, passed) for i in range(1, 5))

    assert NoSkill().check(dataclasses.replace(view, evaluations=evaluations)) is None
