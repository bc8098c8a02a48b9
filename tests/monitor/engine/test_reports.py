"""What people are shown of a run: verdict and causes, live, closing and after a restart."""

import dataclasses

import pytest

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.verdict import Level
from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.engine.codec import pack, unpack
from flatline_monitor.engine.reports import run_report
from flatline_monitor.runs.records import EndStatus, Stalled
from tests.play import play
from tests.signals import HEALTHY, SICK, STEPS


def report(state):
    return run_report(state, CATALOGUE)


@pytest.mark.parametrize("name", SICK)
def test_each_illness_has_a_cause_with_its_remedy(name):
    """The alert names what probably explains it, and so does the run."""
    told = report(play(SICK[name].records(), SICK[name].hello))
    causes = {alert.detector: alert.causes for alert in told.alerts}[name]

    assert causes
    assert causes[0].remedy.text
    assert causes[0].speaks_for
    assert all(cause in told.causes for cause in causes)
    [severity] = {alert.severity for alert in told.alerts if alert.detector == name}
    assert told.verdict.level is not Level.HEALTHY or severity is Severity.INFO


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_said_to_be(name):
    """While it runs and when it has ended; then with what became of its loss."""
    records = HEALTHY[name].records(end=EndStatus.FINISHED)
    live, closing = (
        report(play(part, HEALTHY[name].hello)).verdict for part in (records[:-1], records)
    )

    assert (live.level, live.closing) == (Level.HEALTHY, False)
    assert (closing.level, closing.closing) == (Level.HEALTHY, True)
    assert "the loss went from" in closing.sentence


def test_the_verdict_follows_the_gravest_alert():
    """And says since when, what else, and probably why."""
    verdict = report(play(SICK["vanishing_gradient"].records())).verdict

    assert verdict.level is Level.SICK
    assert "vanishing_gradient" in verdict.sentence
    assert "since step" in verdict.sentence
    assert "; probably " in verdict.sentence


def test_a_run_that_failed_is_suspicious_at_least():
    """However healthy it was before."""
    verdict = report(play(HEALTHY["learns"].records(end=EndStatus.FAILED))).verdict

    assert (verdict.level, verdict.closing) == (Level.SUSPICIOUS, True)
    assert "it failed with" in verdict.sentence


def test_a_stalled_run_is_judged_as_it_stands():
    """The verdict is no last word: it may come back, and then is as it was."""
    alive = play(SICK["no_skill"].records())
    dead = play([Stalled()], run_so_far=alive)

    assert "it has stopped reporting" in report(dead).verdict.sentence
    assert not report(dead).verdict.closing
    assert report(dead).causes


def test_what_was_learned_of_a_run_outlives_its_rows():
    """An ended run, out of a snapshot, has the same verdict and the same causes."""
    state = play(SICK["class_collapse"].records(end=EndStatus.FINISHED))
    before, after = report(state), report(unpack(pack(state)))

    assert before.causes
    assert after.causes == before.causes
    assert after.verdict == before.verdict


def test_an_alert_that_is_over_still_says_what_it_probably_was():
    """A run that recovers keeps the story on the alert."""
    sick = SICK["class_collapse"]
    recovered = dataclasses.replace(HEALTHY["learns"], first_step=STEPS, validation=())
    state = play([*sick.records(), *recovered.records()[1:]], sick.hello)
    told = {alert.detector: alert for alert in report(state).alerts}["class_collapse"]

    assert told.state is State.RESOLVED
    assert told.causes


def test_a_further_fit_that_learns_is_healthy_again():
    """What was said of the first fit is looked at again soon, and resolved."""
    sick = SICK["no_skill"]
    first = sick.records(end=EndStatus.FINISHED)
    learns = dataclasses.replace(HEALTHY["learns"], first_step=STEPS, validation=())
    further = dataclasses.replace(sick.hello, fit=1, plan_steps=None)
    state = play([*first, further, *learns.records(range(0, STEPS, 7), EndStatus.FINISHED)[1:]])

    assert report(play(first)).verdict.level is Level.SICK
    assert report(state).verdict.level is Level.HEALTHY
    assert "recovered from" in report(state).verdict.sentence
