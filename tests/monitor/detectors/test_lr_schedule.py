"""The line between a schedule and a mistake in one."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.contract import Abstain, Finding, Reason, Severity
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.lr_schedule import LearningRateSchedule
from tests.signals import STEPS, flat, resting, run, spiked
from tests.views import last_view

LN_2 = float(np.log(2))


def ask(rates, loss=None, steps=None):
    """Return the finding on a run of these rates, by the step from which each holds."""
    view = last_view(run(loss=flat(LN_2) if loss is None else loss), steps=steps)
    return LearningRateSchedule().check(dataclasses.replace(view, learning_rate=rates))


def severity(*args, **more):
    finding = ask(*args, **more)
    return None if finding is None else finding.severity


@pytest.mark.parametrize(("rate", "expected"), [(0.0, Severity.WARNING), (1e-9, None)])
def test_a_rate_of_zero_is_told(rate, expected):
    """However small a rate is, a schedule may have chosen it (`update_ratio` looks at that)."""
    assert severity({0: rate}) == expected


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (100, Severity.WARNING),
        (199, Severity.WARNING),
        (204, Severity.INFO),
        (299, Severity.INFO),
        (304, None),
    ],
)
def test_a_rate_that_is_gone_early(since, expected):
    """Before half of the plan; information up to three quarters; then it is a schedule's end."""
    assert severity({0: 0.1, since: 0.001}) == expected


@pytest.mark.parametrize(("rate", "expected"), [(0.0009, True), (0.0011, False), (0.0, True)])
def test_gone_is_a_hundredth_of_the_highest(rate, expected):
    """Of the highest so far, which came after a warm-up."""
    assert (ask({0: 0.01, 20: 0.1, 60: rate}) is not None) == expected


def test_a_cosine_over_the_whole_plan_is_a_schedule():
    """It is a hundredth of its peak in the last steps alone."""
    rates = {step: 0.05 * (1 + np.cos(np.pi * step / STEPS)) for step in range(STEPS)}

    assert ask(rates) is None


@pytest.mark.parametrize(
    ("loss", "expected"),
    [(resting(0.3), Severity.INFO), (resting(0.05), None), (flat(LN_2), Severity.WARNING)],
)
def test_what_has_learned_needs_no_rate(loss, expected):
    """A skill of a half makes it information, one of 0.9 nothing."""
    assert severity({0: 0.1, 100: 0.0}, loss) == expected


def test_a_loss_that_still_falls_has_a_rate():
    """Whatever its share of the peak."""
    assert ask({0: 0.1, 100: 0.001}, LN_2 * (1 - 0.4 * np.arange(STEPS) / STEPS)) is None


@pytest.mark.parametrize(("to", "expected"), [(0.019, None), (0.021, Severity.WARNING)])
def test_a_jump_is_twenty_times_all_before(to, expected):
    """With a loss that rises by it."""
    assert severity({0: 0.001, 330: to}, spiked()) == expected


def test_a_jump_that_does_no_harm_is_of_note():
    """The loss stays where it was."""
    assert severity({0: 0.001, 330: 0.1}, flat(0.3)) is Severity.INFO


@pytest.mark.parametrize(
    "rates", [{0: 1e-9, 1: 1e-3}, {0: 0.1, 100: 1e-3, 330: 0.1}, {0: 0.0, 330: 0.1}]
)
def test_warm_ups_and_restarts_are_no_jumps(rates):
    """A warm-up begins as small as it likes; a restart goes back to where it was."""
    assert ask(rates, spiked()) is None


def test_without_a_rate_it_says_so():
    """A client that sends none."""
    view = dataclasses.replace(last_view(run()), learning_rate={})

    assert judge(LearningRateSchedule(), view) == Abstain(Reason.SIGNAL_NOT_SENT)


def test_a_rate_that_is_no_number_is_left_out():
    """The others are looked at."""
    assert ask({0: np.nan, 1: 0.1, 100: 0.0}) is not None


def test_a_tiny_run_is_judged_by_its_end():
    """Twenty steps, of which the rate was there in the first two."""
    signals = run(loss=flat(LN_2, 20), steps=20).with_plan(20)
    view = dataclasses.replace(last_view(signals, final=True), learning_rate={0: 0.1, 2: 0.0})

    assert isinstance(judge(LearningRateSchedule(), view), Finding)


def test_the_finding_says_since_when():
    """In steps, and as a share of the plan."""
    finding = ask({0: 0.1, 100: 0.0005})

    assert finding.since_step == 100
    assert finding.summary == (
        "The learning rate is gone too early: it was 0.1 and is 0.0005, 1% of that or less since "
        "step 100, 25% of the plan; the loss does not fall any more"
    )
