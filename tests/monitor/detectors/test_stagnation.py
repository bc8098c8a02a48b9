"""The line between a loss that stays where it began and one that falls."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flatline_monitor.detectors.contract import (
    Abstain,
    Clear,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
)
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.stagnation import Stagnation
from flatline_monitor.detectors.statistics import falling
from flatline_monitor.runs.records import LossKind
from tests.signals import HELLO, classes, flat, run
from tests.views import last_view

LN_2 = float(np.log(2))
ANY_LOSS = dataclasses.replace(HELLO, loss_kind=LossKind.UNKNOWN)
STEPS = 120
"""Of a plan of 400: late enough for a verdict."""
T = np.arange(STEPS)


def ask(loss, hello=ANY_LOSS):
    """Return the finding on a run of this loss; of one in nats where the hello says so."""
    return Stagnation().check(last_view(run(loss=loss, hello=hello, steps=STEPS)))


def falls(by, noise=0.001, seed=5):
    """A straight line from 1 to 1 - `by` over the steps that are seen."""
    rng = np.random.default_rng(seed)
    return (1 - by * T / STEPS) * rng.lognormal(sigma=noise, size=STEPS)


@pytest.mark.parametrize(("rest", "expected"), [(0.91, True), (0.89, False), (0.5, False)])
def test_a_run_that_has_made_progress_may_rest(rest, expected):
    """A tenth of the first loss gone is progress; then a flat loss is a plateau."""
    loss = np.where(T < 20, 1.0, rest)

    assert (ask(loss) is not None) == expected


@pytest.mark.parametrize(("by", "expected"), [(0.0, True), (0.034, True), (0.046, False)])
def test_slow_but_steady_is_falling(by, expected):
    """Two hundredths of the first loss over the last half of the run are a drop."""
    assert (ask(falls(by)) is not None) == expected


@pytest.mark.parametrize(("noise", "expected"), [(0.001, False), (0.2, True)])
def test_the_drop_must_be_sure(noise, expected):
    """The same drop within large noise proves nothing."""
    assert (ask(falls(0.06, noise)) is not None) == expected


def test_a_rising_loss_does_not_fall():
    """However sure the slope is."""
    assert ask(falls(-0.05)) is not None


@pytest.mark.parametrize(("share", "expected"), [(0.49, False), (0.51, True)])
def test_what_began_near_its_end_need_not_fall(share, expected):
    """Fine-tuning begins below half of the null model's loss, where only the loss is known."""
    signals = run(loss=flat(share * LN_2), steps=400).without("data_loss")
    view = last_view(signals, steps=STEPS)

    assert (Stagnation().check(view) is not None) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.99, True), (0.97, False)])
def test_a_weak_signal_that_has_been_learned_is_no_illness(share, expected):
    """Three hundredths of skill may be all there is to learn."""
    assert (ask(flat(share * LN_2, STEPS), HELLO) is not None) == expected


@pytest.mark.parametrize(("last", "expected"), [(-1.0, True), (-1.2, False), (-0.8, True)])
def test_a_negative_loss_is_measured_by_its_size(last, expected):
    """A log-likelihood that goes from -1 to -1.2 has fallen by a fifth."""
    loss = np.where(T < 20, -1.0, last)

    assert (ask(loss) is not None) == expected


@pytest.mark.parametrize("loss", [0.0, np.nan])
def test_without_a_first_loss_there_is_no_progress(loss):
    """Zero has no share, and nan no place."""
    with pytest.raises(NotMeasurableError):
        ask(np.full(STEPS, loss))


@pytest.mark.parametrize(("steps", "verdict"), [(39, Abstain), (40, Finding)])
def test_it_waits_while_a_learning_rate_may_warm_up(steps, verdict):
    """For a tenth of the plan; then six blocks of the last half are there."""
    view = last_view(run(loss=flat(1.0), hello=ANY_LOSS), steps=steps)

    assert isinstance(judge(Stagnation(), view), verdict)


def test_a_run_without_a_plan_is_judged_at_its_end():
    """Sixty steps are too few of an endless run, and all of one that is over."""
    signals = run(loss=flat(1.0, 60), hello=ANY_LOSS, steps=60).with_plan(None)

    assert judge(Stagnation(), last_view(signals)) == Abstain(Reason.WARMING_UP)
    finding = judge(Stagnation(), last_view(signals, final=True))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.CRITICAL


def test_a_run_of_four_steps_is_too_short_for_a_line():
    """One step an epoch, four samples a step: no verdict, and no failure."""
    hello = dataclasses.replace(HELLO, plan_steps=4, plan_epochs=4, batch_size=4)
    counts = classes(4, [2, 2], [2, 2], [1, 1])
    view = last_view(run(loss=np.full(4, LN_2), hello=hello, counts=counts, steps=4), final=True)

    assert judge(Stagnation(), view) == Abstain(Reason.TOO_FEW_POINTS)


@pytest.mark.parametrize(("by", "expected"), [(0.06, "info"), (0.02, "critical")])
def test_few_epochs_that_each_improve_are_only_remarked_on(by, expected):
    """Two epochs, of which the second is better by a hundredth of the null model's loss."""
    hello = dataclasses.replace(HELLO, plan_steps=240, plan_epochs=4)
    loss = (1.02 - by * np.minimum(T, 60) / STEPS) * LN_2

    assert ask(loss, hello).severity == expected


def test_the_finding_says_how_far_the_loss_came():
    """The numbers that decided stand beside their limits."""
    finding = ask(np.where(T < 20, 1.0, 0.95 - 1e-4 * T))

    assert finding.summary == (
        "The loss does not decrease: 1 at the beginning, 0.9389 now, 0.6% of it gone over the "
        "last half of the run"
    )
    assert finding.evidence[0].value == pytest.approx(0.0611, rel=1e-2)
    assert finding.evidence[0].limit == 0.1


def test_a_run_that_learns_is_clear():
    """The healthy example, at the same step."""
    assert judge(Stagnation(), last_view(run(), steps=STEPS)) == Clear()


@settings(deadline=None)
@given(arrays(np.float64, st.integers(3, 40), elements=st.integers(-1000, 1000)))
def test_the_slope_is_that_of_least_squares(values):
    """The short formula agrees with the matrix one, and its certainty with its sign."""
    slope, certainty = falling(values)
    obvious = np.polyfit(np.arange(len(values)), values, 1)[0]

    assert slope == pytest.approx(obvious, abs=1e-6)
    assert abs(slope) < 1e-9 or (certainty > 0.5) == (slope < 0)
