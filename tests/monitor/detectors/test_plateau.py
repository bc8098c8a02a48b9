"""The line between a loss that rests too early and one that is done, or not yet begun."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.alerts.suppression import weigh
from flatline_monitor.detectors.contract import (
    Abstain,
    Clear,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
)
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.plateau import Plateau
from flatline_monitor.runs.records import Evaluation
from tests.signals import STEPS, flat, resting, run
from tests.views import last_view

LN_2 = float(np.log(2))
T = np.arange(STEPS)


def view_of(loss, **changes):
    return dataclasses.replace(last_view(run(loss=loss)), **changes)


def fires(loss, **changes):
    return Plateau().check(view_of(loss, **changes)) is not None


@pytest.mark.parametrize(
    ("skill", "expected"), [(0.03, False), (0.08, True), (0.77, True), (0.83, False)]
)
def test_what_has_not_begun_or_is_done_is_no_plateau(skill, expected):
    """A skill of 0.05 to 0.8 is between."""
    assert fires(flat((1 - skill) * LN_2)) == expected


@pytest.mark.parametrize(("by", "expected"), [(0.0, True), (0.01, True), (0.04, False)])
def test_a_loss_that_still_falls_does_not_rest(by, expected):
    """By a hundredth of its level over the last half; a straight line over all of the run."""
    loss = 0.35 * (1 - by * T / STEPS)

    assert fires(loss) == expected


@pytest.mark.parametrize(("by", "expected"), [(0.1, True), (0.4, False)])
def test_a_loss_that_rises_is_none(by, expected):
    """By more than a tenth over the last half: that is divergence."""
    assert fires(0.35 * (1 + by * T / STEPS)) == expected


@pytest.mark.parametrize(("last", "expected"), [(0.5, True), (0.39, False)])
def test_while_the_validation_improves_it_is_quiet(last, expected):
    """The lowest of the last third of six is lower than all before."""
    losses = (0.6, 0.5, 0.45, 0.4, 0.45, last)
    told = tuple(Evaluation(20 * i, i, 100, {"loss": loss}) for i, loss in enumerate(losses))

    assert fires(resting(), evaluations=told) == expected


@pytest.mark.parametrize(("steps", "expected"), [(116, Abstain), (120, Finding)])
def test_before_thirty_hundredths_of_the_plan_it_is_too_early(steps, expected):
    """A run may rest for a while at its beginning."""
    assert isinstance(judge(Plateau(), last_view(run(loss=flat(0.35)), steps=steps)), expected)


def test_it_is_information_alone_and_a_warning_beside_what_holds_it_up():
    """Nothing tells noise in the labels from a model that is too small."""
    finding = Plateau().check(view_of(resting()))
    dead = Finding(Severity.WARNING, "units are dead", ())

    assert finding is not None
    assert finding.severity is Severity.INFO
    weighed = weigh({"plateau": finding, "dead_units": dead}, 399, 1.0)
    assert weighed["plateau"].severity is Severity.WARNING


@pytest.mark.parametrize("says_more", ["divergence", "stagnation", "no_skill"])
def test_others_say_more(says_more):
    """A loss that rises, never fell or is that of guessing."""
    found = Finding(Severity.WARNING, "it is worse", ())
    weighed = weigh({"plateau": found, says_more: found}, 399, 1.0)

    assert weighed["plateau"] == Abstain(Reason.SUPPRESSED)


def test_a_run_of_four_steps_is_too_short_for_a_line():
    """No verdict, and no failure."""
    with pytest.raises(NotMeasurableError):
        Plateau().check(last_view(run(loss=flat(0.35, 4), steps=4).with_plan(4), final=True))


def test_the_finding_says_where_it_rests():
    """With the steps that were looked at."""
    finding = Plateau().check(view_of(0.35 + 0.0 * T))

    assert finding.summary == (
        "The loss rests at 0.35: it changed by -0.0% over the last 200 steps, and the run has "
        "come 50% of the way"
    )


def test_a_run_that_learns_is_clear():
    """The healthy example."""
    assert judge(Plateau(), last_view(run())) == Clear()
