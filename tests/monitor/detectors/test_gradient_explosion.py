"""The line between exploding gradients and spikes."""

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatline_monitor.alerts.suppression import weigh
from flatline_monitor.detectors.contract import (
    Abstain,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
)
from flatline_monitor.detectors.gradient_explosion import GradientExplosion
from flatline_monitor.detectors.judge import judge
from flatline_monitor.runs.firsts import Firsts
from flatline_monitor.runs.records import Sampled
from tests.signals import SICK, exploding, run
from tests.views import last_view

FOUND = Finding(Severity.CRITICAL, "the loss rises", ())


@functools.cache
def healthy():
    return last_view(run())


def view_of(norms):
    """The picture of a run whose sampled global gradient norms are all these."""
    norms = np.asarray(norms, np.float32)
    sampled = Sampled(np.arange(len(norms)), 1, {"global_grad_norm": norms})
    rows = dataclasses.replace(healthy().rows, sampled=sampled)
    first = Firsts(grad_norm=norms[np.isfinite(norms)][:20])
    return dataclasses.replace(healthy(), rows=rows, firsts=first)


def fires(*norms):
    return GradientExplosion().check(view_of(np.concatenate(norms))) is not None


def steps(n, norm=1.0):
    return np.full(n, norm)


@pytest.mark.parametrize(("factor", "expected"), [(99, False), (101, True)])
def test_a_hundred_times_what_it_was_before(factor, expected):
    """The median of the steps before the last twenty is the measure."""
    assert fires(steps(80), steps(20, factor)) == expected


@pytest.mark.parametrize(("hits", "expected"), [(1, False), (2, False), (3, True)])
def test_single_spikes_are_ordinary(hits, expected):
    """Heavy-tailed data and recurrent networks have them; three of twenty are more."""
    assert fires(steps(80), steps(20 - hits), steps(hits, 1e9)) == expected


@pytest.mark.parametrize(("back", "expected"), [(1.0, False), (9.9, False), (10.1, True)])
def test_gradients_that_shrank_may_come_back(back, expected):
    """A converging run stays below ten times what it began with, whatever it was in between."""
    assert fires(steps(20), steps(80, 1e-4), steps(20, back)) == expected


@pytest.mark.parametrize(("now", "expected"), [(101.0, False), (9_999.0, False), (10_100.0, True)])
def test_gradients_that_grew_are_measured_by_their_recent_past(now, expected):
    """The other way round: a hundred times of a hundred."""
    assert fires(steps(20), steps(80, 100.0), steps(20, now)) == expected


def test_what_is_not_finite_counts_as_above():
    """And is no size: the finite ones are told."""
    finding = GradientExplosion().check(view_of([*steps(97), np.inf, np.nan, 500.0]))

    assert finding is not None
    assert finding.evidence[0].value == 500.0
    assert not fires(steps(98), [np.inf, np.nan])


@pytest.mark.parametrize("n", [10, 20])
def test_the_first_steps_have_no_past(n):
    """They are measured against the first norms, which are their own."""
    assert not fires(steps(n))
    assert not fires(steps(n - 3), steps(3, 9.9))
    assert fires(steps(n - 3), steps(3, 101.0))


def test_fewer_than_ten_samples_are_too_few():
    """It abstains, as it does when no norm was ever finite."""
    for norms in (steps(9), steps(50, np.nan)):
        with pytest.raises(NotMeasurableError):
            fires(norms)


def test_no_gradient_anywhere_is_no_explosion():
    """Zero is not above a hundred times zero, and of nothing there is no hundredfold."""
    assert not fires(steps(100, 0.0))
    assert not fires(steps(80, 0.0), steps(20))


def test_a_run_of_twenty_steps_is_judged_from_its_tenth():
    """A tenth of its plan is over before ten norms are there."""
    signals = exploding().with_plan(20)

    assert judge(GradientExplosion(), last_view(signals, steps=9)) == Abstain(Reason.TOO_FEW_POINTS)
    assert not isinstance(judge(GradientExplosion(), last_view(signals, steps=10)), Abstain)


def test_a_run_without_a_plan_is_judged_after_fifty_steps_or_at_its_end():
    """At its end it is no longer than it was."""
    signals = run().with_plan(None)

    assert judge(GradientExplosion(), last_view(signals, steps=40)) == Abstain(Reason.WARMING_UP)
    ended = last_view(signals, steps=40, final=True)
    assert not isinstance(judge(GradientExplosion(), ended), Abstain)


def test_it_is_critical_together_with_a_divergence():
    """Alone it is a warning: the run may get over it."""
    finding = judge(GradientExplosion(), last_view(SICK["gradient_explosion"]))
    alone = weigh({"gradient_explosion": finding}, 400, 1.0)
    both = weigh({"gradient_explosion": finding, "divergence": FOUND}, 400, 1.0)

    assert alone["gradient_explosion"].severity is Severity.WARNING
    assert both["gradient_explosion"].severity is Severity.CRITICAL


def test_the_finding_says_how_large():
    """With the usual size, and how many steps were above the limit."""
    finding = GradientExplosion().check(view_of([*steps(80, 2.0), *steps(20, 400.0)]))

    assert finding.summary == (
        "The gradient explodes: its norm reaches 400, 200 times what it was before"
    )
    assert [e.value for e in finding.evidence] == [400.0, 2.0, 20.0]
    assert finding.evidence[0].limit == 200.0


norms_of_a_run = st.lists(st.sampled_from([0.0, 1e-3, 1.0, 9.0, 150.0, 1e6, np.inf]), min_size=21)


@settings(deadline=None)
@given(norms_of_a_run)
def test_counting_by_hand_finds_the_same(norms):
    """The obvious form: two medians, and a count of the last twenty."""
    finite = [norm for norm in norms if np.isfinite(norm)]
    past = [norm for norm in norms[:-20] if np.isfinite(norm)]
    if not past:
        return
    limit = max(100 * float(np.median(past)), 10 * float(np.median(finite[:20])))
    above = sum(norm > limit for norm in norms[-20:])

    assert fires(norms) == (above >= 3 and limit > 0)
