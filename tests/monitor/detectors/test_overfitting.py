"""The line between a validation loss that rises for good and one that wobbles."""

import dataclasses
import functools

import numpy as np
import pytest

from flatline_monitor.detectors.contract import (
    Abstain,
    Clear,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
)
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.overfitting import Overfitting
from flatline_monitor.runs.records import Evaluation, LossKind
from tests.columns import EVERY
from tests.play import firing, play
from tests.signals import HELLO, STEPS, flat, memorising, run
from tests.views import last_view

LN_2 = float(np.log(2))
SEEN = 200  # steps of 400; evaluations come every twenty of them


@functools.cache
def trained(train, kind=LossKind.CROSS_ENTROPY, seen=SEEN):
    """The picture of a run with this training loss, half of the way."""
    hello = dataclasses.replace(HELLO, loss_kind=kind)
    return last_view(run(loss=np.full(STEPS, train), hello=hello), steps=seen)


def view_of(losses, view, *, n=1_000, name="accuracy", accuracy=()):
    """The same run with these validations, the last one at the end of the last block."""
    told = [{"loss": float(loss)} for loss in losses]
    for metrics, share in zip(told, accuracy, strict=False):
        metrics[name] = share
    first = view.step + 1 - 20 * (len(told) - 1)
    evaluations = tuple(Evaluation(first + 20 * i, i, n, m) for i, m in enumerate(told))
    return dataclasses.replace(view, evaluations=evaluations)


def fires(losses, view, **more):
    return Overfitting().check(view_of(losses, view, **more)) is not None


def rises(lowest, now):
    return [0.6, 0.6, lowest, now, now, now]


@pytest.mark.parametrize(("now", "expected"), [(0.59, False), (0.61, True)])
def test_a_fifth_above_the_lowest(now, expected):
    """The lowest was 0.5, and the training loss is far below."""
    assert fires(rises(0.5, now), trained(0.05)) == expected


@pytest.mark.parametrize(("now", "expected"), [(0.16, False), (0.18, True)])
def test_a_small_loss_must_rise_by_a_tenth_of_the_null_model(now, expected):
    """From 0.1 to 0.16 is more than half as much again, and a trifle."""
    assert fires(rises(0.1, now), trained(0.01)) == expected


@pytest.mark.parametrize(("train", "expected"), [(0.44, False), (0.42, True), (0.6, False)])
def test_the_training_loss_must_be_lower_by_as_much(train, expected):
    """With dropout and augmentation it is the higher one."""
    assert fires(rises(0.3, 0.5), trained(train)) == expected


@pytest.mark.parametrize(("now", "expected"), [(0.9, False), (1.1, True)])
def test_without_a_null_model_the_first_loss_is_the_measure(now, expected):
    """The training began at 5, and a tenth of that is the least rise."""
    view = trained(0.3, LossKind.UNKNOWN)
    firsts = dataclasses.replace(view.firsts, loss=np.full(20, 5.0, np.float32))

    assert fires(rises(0.5, now), dataclasses.replace(view, firsts=firsts)) == expected


def test_three_in_a_row_must_be_above():
    """One of the last three is back near its best."""
    view = trained(0.05)

    assert fires([0.5, 0.3, 0.3, 0.6, 0.6, 0.6], view)
    for back in range(1, 4):
        losses = [0.5, 0.3, 0.3, 0.6, 0.6, 0.6]
        losses[-back] = 0.31
        assert not fires(losses, view)


@pytest.mark.parametrize(("now", "expected"), [(0.71, True), (0.75, False)])
@pytest.mark.parametrize("name", ["accuracy", "acc", "sparse_categorical_accuracy"])
def test_while_the_accuracy_rises_it_is_quiet(name, now, expected):
    """Beyond its noise of 0.029 among a thousand samples, since the lowest loss."""
    accuracy = [0.6, 0.6, 0.7, now, now, now]

    assert fires(rises(0.3, 0.6), trained(0.05), name=name, accuracy=accuracy) == expected


def test_fewer_than_five_evaluations_are_too_few():
    """Those that are no numbers do not count, and the others are looked at."""
    losses = [0.6, 0.3, 0.6, 0.6, 0.6]
    assert fires(losses, trained(0.05))
    assert fires([*losses[:4], np.nan, *losses[4:]], trained(0.05))

    for few in (losses[1:], [*losses[:1], np.nan, *losses[2:]]):
        with pytest.raises(NotMeasurableError):
            fires(few, trained(0.05))


def test_it_is_asked_once_for_each_evaluation():
    """In between it abstains; at the end of the run it looks again."""
    view = view_of(rises(0.3, 0.6), trained(0.05))
    later = dataclasses.replace(view, sampled_from=view.step + 2)

    assert judge(Overfitting(), later) == Abstain(Reason.NO_NEW_SAMPLE)
    ended = dataclasses.replace(later, final=True)
    assert isinstance(judge(Overfitting(), ended), Finding)


@pytest.mark.parametrize(("lowest", "expected"), [(0.65, False), (0.67, True)])
def test_a_validation_never_better_than_guessing_is_memorising(lowest, expected):
    """Five hundredths of skill, of a null model that loses 0.693; nothing has risen."""
    assert fires([lowest] * 6, trained(0.3)) == expected


@pytest.mark.parametrize(("train", "expected"), [(0.65, True), (0.67, False), (0.69, False)])
def test_memorising_takes_a_training_loss_that_has_fallen(train, expected):
    """Five hundredths of skill; a run that learns nothing at all memorises nothing."""
    assert fires([0.75] * 6, trained(train)) == expected


@pytest.mark.parametrize(("seen", "expected"), [(116, False), (120, True)])
def test_memorising_shows_after_thirty_hundredths_of_the_plan(seen, expected):
    """Before that the validation may still begin to improve."""
    assert fires([0.75] * 5, trained(0.3, seen=seen)) == expected


@pytest.mark.parametrize(
    ("accuracy", "n", "expected"), [(0.52, 1_000, True), (0.56, 1_000, False), (0.56, 40, True)]
)
def test_a_model_that_beats_chance_on_validation_has_learned(accuracy, n, expected):
    """A few sure mistakes spoil its loss; 56 % of 1,000 are no chance, of forty they are."""
    assert fires([0.75] * 6, trained(0.3), accuracy=[accuracy] * 6, n=n) == expected


def test_memorising_is_told_against_a_null_model_only():
    """A custom loss has no guessing to compare with."""
    assert not fires([0.75] * 6, trained(0.3, LossKind.UNKNOWN))


def test_the_finding_names_the_best_epoch():
    """And begins there."""
    finding = Overfitting().check(view_of(rises(0.3, 0.6), trained(0.05)))

    assert finding.summary == (
        "The validation loss rises: it was lowest at epoch 3 (0.3) and is 0.6 now, while the "
        "training loss has fallen to 0.05"
    )
    assert (finding.since_step, finding.severity) == (140, Severity.WARNING)
    assert finding.evidence[0].value == pytest.approx(1.0)


def test_memorising_is_told_with_both_skills():
    """Of the validation, and of the training."""
    finding = Overfitting().check(view_of([0.75] * 6, trained(0.3)))

    assert finding.summary.startswith("The model only memorises: the training loss has fallen to")
    skills = [evidence.value for evidence in finding.evidence]
    assert skills == pytest.approx([1 - 0.75 / LN_2, 1 - 0.3 / LN_2])


@pytest.mark.parametrize("plan", [400, 600])
def test_a_run_that_overfits_is_told_while_it_goes_on(plan):
    """With the first steps after the third bad evaluation, wherever in a block it falls."""
    signals = memorising().with_plan(plan)
    records = signals.records()[: 1 + 2 * 8]
    steps = 8 * EVERY

    assert firing(play(records, signals.hello)) == {}
    more = [*records, signals.chunk(steps, steps + 6)]
    assert firing(play(more, signals.hello)) == {"overfitting": "warning"}


def test_a_run_of_a_few_steps_is_judged_by_its_evaluations():
    """One step an epoch, four samples, no plan."""
    signals = run(loss=flat(0.05, 6), steps=6).with_plan(None)
    view = last_view(signals)
    evaluations = tuple(
        Evaluation(i + 1, i, 4, {"loss": loss}) for i, loss in enumerate(rises(0.3, 0.9))
    )

    assert Overfitting().check(dataclasses.replace(view, evaluations=evaluations)) is not None
    assert judge(Overfitting(), view) == Abstain(Reason.TOO_FEW_POINTS)


def test_a_run_that_generalises_is_clear():
    """The validation is above the training, and at its best."""
    view = view_of([0.6, 0.5, 0.45, 0.4, 0.35, 0.3], trained(0.05))

    assert judge(Overfitting(), view) == Clear()
