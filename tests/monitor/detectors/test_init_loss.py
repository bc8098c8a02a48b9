"""The line between a run that began far off and one that began in the ordinary way."""

import dataclasses

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
from flatline_monitor.detectors.init_loss import InitLoss
from flatline_monitor.detectors.judge import judge
from flatline_monitor.runs.records import EndStatus, LossKind, Task
from tests.play import firing, play
from tests.signals import HELLO, SICK, STEPS, classes, flat, run
from tests.views import last_view

LN_2 = float(np.log(2))
EVEN = classes(STEPS, [16, 16], [16, 16], [8, 8])


def began(first, then=LN_2, hello=HELLO, counts=EVEN):
    """A run whose first five losses are these, and that stays at `then`."""
    loss = flat(then)
    loss[:5] = first
    return run(loss=loss, counts=counts, hello=hello)


def fires(signals):
    """Whether it does after 60 of 400 steps."""
    return InitLoss().check(last_view(signals, steps=60)) is not None


def regression(first, then, mean=0.0, variance=4.0):
    hello = dataclasses.replace(
        HELLO, task=Task.REGRESSION, loss_kind=LossKind.SQUARED_ERROR, class_count=None
    )
    targets = {
        "target_mean": np.full((STEPS, 1), mean, np.float32),
        "target_variance": np.full((STEPS, 1), variance, np.float32),
    }
    return began(first, then, hello, targets)


@pytest.mark.parametrize(("first", "expected"), [(4.40, False), (4.53, True)])
def test_five_times_the_null_model_and_one_nat(first, expected):
    """Two even classes lose ln 2 at a constant answer: the limit is 4.47."""
    assert fires(began(first)) == expected


@pytest.mark.parametrize(("first", "expected"), [(2.50, False), (2.62, True)])
def test_the_null_model_knows_how_rare_the_classes_are(first, expected):
    """29 to 3 have an entropy of 0.311, so the limit is 2.56 and not that of even classes."""
    counts = classes(STEPS, [29, 3], [32, 0], [29, 0])

    assert fires(began(first, 0.312, counts=counts)) == expected


@pytest.mark.parametrize(("first", "expected"), [(39.0, False), (41.0, True)])
def test_ten_times_the_variance_of_the_targets(first, expected):
    """A squared error has no nats: the limit is a multiple of the variance, here of 4."""
    assert fires(regression(first, 4.0)) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.99, True), (0.95, False)])
def test_a_run_that_has_made_up_for_it_is_quiet(share, expected):
    """Raw pixels begin at 15 nats and may learn all the same; two hundredths of skill tell."""
    assert fires(began(15.0, share * LN_2)) == expected


def test_targets_in_the_thousands_that_are_learned_are_quiet():
    """The first loss is a million times the variance, and then the model has found the mean."""
    assert fires(regression(9e6, 4.0, mean=3_000.0))
    assert not fires(regression(9e6, 1.0, mean=3_000.0))


@pytest.mark.parametrize(("wild", "expected"), [(2, False), (3, True)])
def test_the_median_of_the_first_five_counts(wild, expected):
    """Two wild batches at the beginning are not the beginning."""
    first = np.full(5, LN_2)
    first[:wild] = 15.0

    assert fires(began(first)) == expected


def test_a_nan_at_the_beginning_is_left_out():
    """The first five losses that were numbers are looked at."""
    assert fires(began([np.nan, 15.0, 15.0, 15.0, np.nan]))


def test_regularisation_is_not_the_loss_of_the_beginning():
    """A penalty of 20 on top of ln 2 says nothing about the first predictions."""
    signals = run(loss=flat(20.0), counts=EVEN)
    plain = flat(LN_2).astype(np.float32)

    assert fires(signals)
    assert not fires(signals.with_columns(data_loss=plain))


@pytest.mark.parametrize("kind", [LossKind.UNKNOWN, LossKind.ABSOLUTE_ERROR])
def test_a_loss_without_a_null_model_has_no_far_off(kind):
    """Focal loss and label smoothing come as unknown: it cannot say."""
    with pytest.raises(NotMeasurableError):
        fires(began(15.0, hello=dataclasses.replace(HELLO, loss_kind=kind)))


def test_labels_of_one_class_make_no_finding():
    """Their entropy is zero, and nothing is five times that."""
    counts = classes(STEPS, [32, 0], [32, 0], [32, 0])

    assert judge(InitLoss(), last_view(began(15.0, counts=counts), steps=60)) == Clear()


@pytest.mark.parametrize(
    ("plan", "steps", "expected"),
    [(20, 2, False), (20, 3, True), (None, 4, False), (None, 5, True)],
)
def test_a_short_run_is_judged_by_its_first_three_losses(plan, steps, expected):
    """A plan of twenty steps cannot wait for five; without a plan it does."""
    verdict = judge(InitLoss(), last_view(began(15.0, 15.0).with_plan(plan), steps=steps))

    assert isinstance(verdict, Finding) == expected
    assert expected or verdict == Abstain(Reason.WARMING_UP)


def test_a_run_of_four_samples_has_a_beginning_too():
    """One step an epoch, four samples a step."""
    hello = dataclasses.replace(HELLO, plan_steps=10, plan_epochs=10, batch_size=4)
    signals = run(
        loss=np.full(10, 15.0), counts=classes(10, [2, 2], [4, 0], [2, 0]), hello=hello, steps=10
    )

    assert isinstance(judge(InitLoss(), last_view(signals)), Finding)


def test_it_began_at_step_zero_and_says_with_what():
    """The numbers that decided stand beside their limits."""
    finding = InitLoss().check(last_view(began(15.0), steps=60))

    assert finding.since_step == 0
    assert finding.summary.startswith("The loss began at 15, while a constant answer loses 0.693")
    assert [e.statistic for e in finding.evidence] == ["first_loss", "null_model_loss", "skill"]
    assert finding.evidence[0].limit == pytest.approx(5 * LN_2 + 1)


def test_alone_it_is_information_and_a_warning_when_nothing_is_learned():
    """An odd beginning matters when the run does not learn."""
    signals = SICK["init_loss"]
    records = signals.records(end=EndStatus.FINISHED)

    assert firing(play(records, catalogue=(InitLoss(),))) == {"init_loss": Severity.INFO}
    together = firing(play(records))
    assert together["no_skill"] == Severity.CRITICAL
    assert together["init_loss"] == Severity.WARNING
