"""The line between a loss that rises for good and one that wobbles."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatline_monitor.alerts.suppression import weigh
from flatline_monitor.detectors.contract import (
    Abstain,
    Clear,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
)
from flatline_monitor.detectors.divergence import Divergence
from flatline_monitor.detectors.judge import judge
from flatline_monitor.runs.records import LossKind
from tests.columns import VARIABLES
from tests.play import alert, play
from tests.signals import HELLO, SICK, flat, run
from tests.views import last_view

ANY_LOSS = dataclasses.replace(HELLO, loss_kind=LossKind.UNKNOWN)
STEPS = 120
"""Of a plan of 400, so that windows are of 40 steps."""
T = np.arange(STEPS)


def view_of(loss, hello=HELLO):
    return last_view(run(loss=np.asarray(loss, float), hello=hello, steps=STEPS))


def fires(loss, hello=HELLO):
    return Divergence().check(view_of(loss, hello)) is not None


def fires_at_the_end(loss, hello):
    view = last_view(run(loss=loss, hello=hello, steps=len(loss)))
    return Divergence().check(view) is not None


def ends(best, now, first=None):
    """A loss that is at its best until the last forty steps."""
    loss = np.where(T < STEPS - 40, best, now)
    return loss if first is None else np.where(T < 20, first, loss)


@pytest.mark.parametrize(
    ("best", "now", "expected"),
    [(0.3, 0.51, False), (0.3, 0.53, True), (0.001, 0.06, False), (0.001, 0.08, True)],
    ids=["one and a half and a little", "more than that", "a tiny loss that wobbles", "not tiny"],
)
def test_half_more_than_the_best_and_a_tenth_of_the_null_model(best, now, expected):
    """Against ln 2 for two even classes: 0.519, and for a tiny loss 0.071."""
    assert fires(ends(best, now)) == expected


@pytest.mark.parametrize(("now", "expected"), [(0.38, False), (0.42, True)])
def test_of_a_loss_below_zero_half_of_what_was_gained_must_be_lost(now, expected):
    """Such a loss has no zero: from 1.2 down to -0.4 it gained 1.6."""
    assert fires(ends(-0.4, now, first=1.2), ANY_LOSS) == expected


@pytest.mark.parametrize(("now", "expected"), [(0.63, False), (0.67, True)])
def test_without_a_null_model_the_first_loss_is_the_measure(now, expected):
    """A custom loss that began at 2: one and a half times 0.3, and 0.2."""
    assert fires(ends(0.3, now, first=2.0), ANY_LOSS) == expected


@pytest.mark.parametrize(("spikes", "expected"), [(19, False), (21, True)])
def test_spikes_are_ignored_up_to_half_of_the_window(spikes, expected):
    """The median of the last forty losses counts, however high the spikes are."""
    loss = np.full(STEPS, 0.3)
    loss[-spikes:] = 1e6

    assert fires(loss) == expected


def test_a_loss_that_never_fell_has_nothing_to_rise_from():
    """Flat, noisy and slowly rising within the material share."""
    assert not fires(flat(0.7, STEPS))
    assert not fires(np.random.default_rng(2).lognormal(sigma=1.0, size=STEPS))
    assert not fires(0.7 + 0.05 * T / STEPS)


def test_a_log_likelihood_that_falls_below_zero_is_fine():
    """From 1 to -3: the best is negative and the loss is at its best."""
    assert not fires(1 - 4 * T / STEPS, ANY_LOSS)


@pytest.mark.parametrize(("steps", "severity"), [(24, None), (60, Severity.CRITICAL)])
def test_a_restart_of_the_learning_rate_has_three_judged_points(steps, severity):
    """The median turns after 20 steps and the alert waits; a hill of 24 is over by then."""
    loss = np.where((np.arange(400) >= 100) & (np.arange(400) < 100 + steps), 0.9, 0.2)
    signals = run(loss=loss)
    at_worst = play([VARIABLES, signals.chunk(0, 100 + steps)], catalogue=(Divergence(),))

    assert alert(at_worst, "divergence").severity == severity


def test_a_run_that_came_back_is_clear():
    """A hill in the middle is over."""
    loss = np.where((T > 30) & (T < 60), 5.0, 0.3)

    assert judge(Divergence(), view_of(loss)) == Clear()


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_losses_that_are_no_numbers_are_not_compared(loss):
    """It cannot say, whatever was before; `non_finite` can."""
    for losses in (np.full(STEPS, loss), ends(0.3, loss)):
        with pytest.raises(NotMeasurableError):
            fires(losses)


def test_batches_of_one_are_noise():
    """The least of many means of a few squares is next to nothing."""
    one = dataclasses.replace(ANY_LOSS, batch_size=1, plan_steps=90)
    for seed in range(20):
        loss = np.random.default_rng(seed).normal(size=90) ** 2
        assert not fires_at_the_end(loss, one)
    rising = np.where(np.arange(90) < 20, loss, 10 * loss)
    assert fires_at_the_end(rising, one)


def test_a_noisy_loss_around_zero_wobbles():
    """The loss of a policy goes up and down by more than it ever gains."""
    for seed in range(20):
        loss = np.random.default_rng(seed).normal(size=STEPS)
        assert not fires(loss, ANY_LOSS)


def test_a_short_run_has_short_windows():
    """Twenty steps planned: three losses are a window."""
    loss = np.where(np.arange(20) < 15, 0.3, 5.0)
    signals = run(loss=loss, steps=20, hello=dataclasses.replace(HELLO, plan_steps=20))

    assert isinstance(judge(Divergence(), last_view(signals)), Finding)


def test_a_run_without_a_plan_is_judged_late_or_at_its_end():
    """Two hundred steps, or all that there are when it is over."""
    loss = np.where(np.arange(180) < 140, 0.3, 5.0)
    signals = run(loss=loss, steps=180).with_plan(None)

    assert judge(Divergence(), last_view(signals)) == Abstain(Reason.WARMING_UP)
    assert isinstance(judge(Divergence(), last_view(signals, final=True)), Finding)


def test_a_divergence_says_what_stagnation_and_overfitting_would():
    """They are silent then, and it is critical by itself."""
    finding = judge(Divergence(), last_view(SICK["divergence"]))
    other = Finding(Severity.WARNING, "something is wrong", ())
    weighed = weigh({"divergence": finding, "stagnation": other, "overfitting": other}, 300, 0.7)

    assert finding.severity is Severity.CRITICAL
    assert weighed["stagnation"] == weighed["overfitting"] == Abstain(Reason.SUPPRESSED)


def test_the_finding_says_where_the_loss_came_from():
    """The best beside what it is now, and the limit."""
    finding = Divergence().check(view_of(ends(0.3, 0.6)))

    assert finding.summary == "The loss rises: 0.6 over the last steps, after 0.3 at its best"
    assert finding.evidence[0].limit == pytest.approx(1.5 * 0.3 + 0.1 * np.log(2), rel=1e-4)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1_000))
def test_the_best_is_the_lowest_mean_of_a_window(seed):
    """The obvious form: all windows of forty losses, at every edge of a block of four."""
    loss = np.random.default_rng(seed).lognormal(size=STEPS)
    edges = range(20, STEPS + 1, 4)
    means = [loss[max(0, edge - 40) : edge].mean() for edge in edges]

    assert view_of(loss).best_loss == pytest.approx(min(means), rel=1e-5)
