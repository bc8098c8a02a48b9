"""The noisy-or over findings and signs."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.diagnosis.case import Case
from flatline_monitor.diagnosis.causes import CAUSES
from flatline_monitor.diagnosis.infer import LEAST, causes_of, diagnose
from flatline_monitor.diagnosis.safe import explain
from flatline_monitor.diagnosis.signs import present
from tests.monitor.diagnosis.cases import BLIND, facts, found

NAMES = sorted(detector.name for detector in CATALOGUE)


@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_a_weight_is_the_noisy_or_of_what_speaks_for_it_less_what_speaks_against_it(names):
    """Computed the long way, and ranked by it."""
    findings, known = found(*names), facts()
    case = Case(findings, known)
    ranked = diagnose(findings, known)

    table = {entry.name: entry for entry in CAUSES}
    for cause in ranked:
        entry, no_cause, not_inhibited = table[cause.name], 1.0, 1.0
        for name, weight in entry.speaks_for.items():
            no_cause *= 1 - weight if present(case, name) else 1
        for name, weight in entry.speaks_against.items():
            not_inhibited *= 1 - weight if present(case, name) else 1
        assert math.isclose(cause.weight, (1 - no_cause) * not_inhibited)
        assert cause.weight >= LEAST or any(
            causes_of(name, ranked)[0] is cause for name in cause.explains
        )
    assert [c.weight for c in ranked] == sorted((c.weight for c in ranked), reverse=True)


def test_without_a_finding_there_is_nothing_to_explain():
    """However odd the facts are."""
    assert diagnose({}, facts(began_at=100.0, first_update_ratio=1.0)) == ()
    assert explain("run-1", found("no_skill"), None) == ()


def test_a_cause_explains_only_what_was_found():
    """An alert is shown the causes that explain it, in the order of the run's."""
    causes = diagnose(found("no_skill", "class_collapse"), facts(labels=(9_000, 1_000)))

    assert {name for cause in causes for name in cause.explains} == {"class_collapse", "no_skill"}
    own = causes_of("class_collapse", causes)
    assert own
    assert [cause for cause in causes if cause in own] == list(own)


def test_a_sentence_holds_the_numbers_of_the_run():
    """A reader sees on what the belief rests, the weightiest first, and what speaks against it."""
    cause = diagnose(found("overfitting"), facts(skill=0.99, samples=140, parameters=270_000))[0]

    assert cause.speaks_for[0].startswith("overfitting: it is so")
    assert "270,000 parameters for about 140 samples" in cause.speaks_for


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_sent_nothing_but_its_loss_can_be_diagnosed(name):
    """Nothing fails for want of a number, in any cause or remedy."""
    for cause in diagnose(found(name), BLIND):
        assert cause.title
        assert cause.remedy.text


def test_a_fault_of_ours_is_logged_and_nothing_is_said(caplog):
    """The service goes on, and the alert stands without causes."""
    assert explain("run-1", found("no_skill"), facts(inputs=((1.0,),))) == ()
    assert "run-1" in caplog.text
