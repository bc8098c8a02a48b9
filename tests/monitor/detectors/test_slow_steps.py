"""The line between steps that have become slow and a machine that is busy for a while."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.contract import Abstain, Clear, Finding, Reason, Severity
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.slow_steps import SlowSteps
from tests.signals import HELLO, STEPS, run, slowed
from tests.views import last_view

AT = np.arange(STEPS)


def timed(seconds, spacing=1):
    """A run whose steps take so long, of which each so many-th is sampled."""
    return dataclasses.replace(run(), seconds=np.asarray(seconds, float), spacing=spacing)


def severity(signals, steps=None):
    finding = SlowSteps().check(last_view(signals, steps=steps))
    return None if finding is None else finding.severity


@pytest.mark.parametrize(("factor", "expected"), [(1.4, None), (1.6, Severity.INFO)])
def test_half_as_long_again(factor, expected):
    """A second a step, and no more than information."""
    assert severity(timed(np.where(AT < 200, 1.0, factor))) is expected


@pytest.mark.parametrize(
    ("seconds", "steps", "expected"),
    [
        (0.5, 250, Severity.INFO),
        (0.5, 320, Severity.WARNING),
        (0.025, 400, None),
        (0.12, 300, Severity.INFO),
        (0.12, 400, Severity.INFO),
    ],
    ids=["25 s lost", "59 s lost", "3 s lost", "11 s lost, 11 s ahead", "22 s lost"],
)
def test_what_it_costs_makes_it_grave(seconds, steps, expected):
    """Ten seconds, lost or still to come, are worth a remark, thirty lost ones a warning."""
    assert severity(slowed(seconds), steps) is expected


def test_less_than_three_times_is_no_warning_however_long():
    """A machine that is shared."""
    assert severity(timed(np.where(AT < 200, 1.0, 2.9))) is Severity.INFO
    assert severity(timed(np.where(AT < 200, 1.0, 3.1))) is Severity.WARNING


def test_it_stays_slow_to_the_end():
    """The run's own pace is that of its faster quarter."""
    assert severity(slowed(0.5, since=120)) is Severity.WARNING
    assert severity(slowed(0.5, since=60)) is None


def test_it_says_since_when_and_what_it_costs():
    """In seconds, to within a block."""
    finding = SlowSteps().check(last_view(slowed(0.5), steps=300))

    assert abs(finding.since_step - 200) <= 8
    assert "0.5 s each, where 0.01 s was usual" in finding.summary
    assert finding.evidence[3].value == pytest.approx(200 * 0.49, rel=0.1)


@pytest.mark.parametrize(
    "seconds",
    [
        np.where(AT % 20 == 0, 30.0, 0.1),
        np.where(AT % 10 < 4, 5.0, 0.1),
        np.where(AT < 20, 9.0, 0.1),
        np.where((AT > 250) & (AT < 300), 0.5, 0.01),
        np.where(AT % 3 > 0, 0.02, 0.001) * np.where(AT > 200, 9, 1),
        np.full(STEPS, 60.0),
    ],
    ids=[
        "validation with each epoch",
        "garbage in forty of a hundred steps",
        "a compilation",
        "a spell that is over",
        "milliseconds on a busy machine",
        "slow from the beginning",
    ],
)
def test_what_is_ordinary_is_silent(seconds):
    """Single steps, spells and what is usual in this run."""
    assert severity(timed(seconds)) is None


def test_measured_steps_are_compared_with_measured_ones():
    """The monitor wished for more samples, and each costs as much as ten steps."""
    view = last_view(timed(np.where(AT % 10 == 0, 1.0, 0.1), spacing=10))
    assert judge(SlowSteps(), view) == Clear()

    wished = np.concatenate((AT[:360:10], AT[360:]))
    sampled = dataclasses.replace(view.rows.sampled, step=wished, columns={})
    rows = dataclasses.replace(
        view.rows,
        sampled=sampled,
        step_seconds=np.where(np.isin(AT, wished), 1.0, 0.1),
    )
    assert judge(SlowSteps(), dataclasses.replace(view, rows=rows)) == Clear()


def test_a_further_fit_is_no_warning():
    """It may train more layers, or longer texts."""
    hello = dataclasses.replace(HELLO, fit=1)

    assert severity(dataclasses.replace(slowed(0.5), hello=hello)) is Severity.INFO


def test_without_a_plan_what_is_lost_counts():
    """Nothing is known of what is still to come."""
    assert severity(slowed(0.5).with_plan(None)) is Severity.WARNING


def test_a_client_that_sends_no_times_is_not_judged():
    """All nan."""
    verdict = judge(SlowSteps(), last_view(timed(np.full(STEPS, np.nan))))

    assert verdict == Abstain(Reason.SIGNAL_NOT_SENT)


def test_one_step_without_a_time_hides_nothing():
    """The first of an incarnation has none."""
    seconds = slowed(0.5).seconds.copy()
    seconds[[210, -3]] = np.nan

    assert isinstance(judge(SlowSteps(), last_view(timed(seconds))), Finding)
