"""How a run is, all in all, in one sentence."""

import dataclasses

import pytest

from flatline_monitor.alerts.book import Page
from flatline_monitor.alerts.lifecycle import Alert, State
from flatline_monitor.alerts.verdict import Level, RunVerdict, conclude
from flatline_monitor.detectors.contract import Finding, Severity
from flatline_monitor.diagnosis.contract import Cause, Remedy
from flatline_monitor.diagnosis.facts import facts_of
from tests.signals import run
from tests.views import last_view

HEALTHY, SUSPICIOUS, SICK = Level
INFO, WARNING, CRITICAL = Severity
CAUSE = Cause(
    "few_units", "the model is too small", 0.8, (), (), Remedy("Add a layer."), ("no_skill",)
)
OTHER = Cause("noise", "the labels are noise", 0.5, (), (), Remedy("Look at the data."))
FACTS = dataclasses.replace(
    facts_of(last_view(run(steps=60))),
    first_loss=0.7,
    loss=0.1,
    skill=0.8,
    improving=0.0,
    best_epoch=None,
    last_epoch=None,
)


def page(severity, summary="It is odd: very", *, state=State.FIRING, since=40):
    finding = Finding(severity, summary, ())
    reached = severity if state is State.FIRING else None
    return Page(Alert(state, since=since, severity=reached, finding=finding))


def facts(**changed):
    return dataclasses.replace(FACTS, **changed)


@pytest.mark.parametrize(
    ("severities", "level"),
    [
        ([], HEALTHY),
        ([INFO], HEALTHY),
        ([INFO, WARNING], SUSPICIOUS),
        ([WARNING, WARNING], SUSPICIOUS),
        ([WARNING, CRITICAL, INFO], SICK),
    ],
)
@pytest.mark.parametrize("closing", [False, True])
def test_a_run_is_as_ill_as_its_gravest_alert(severities, level, closing):
    """While it goes on and when it is over; the verdict says which of the two."""
    book = {f"symptom_{i}": page(severity) for i, severity in enumerate(severities)}
    verdict = conclude(book, (), FACTS, closing=closing)

    assert (verdict.level, verdict.closing) == (level, closing)


@pytest.mark.parametrize("state", [State.INACTIVE, State.PENDING, State.RESOLVED])
def test_only_what_fires_counts(state):
    """What is over, or not sure yet, is no illness."""
    verdict = conclude({"no_skill": page(CRITICAL, state=state)}, (), FACTS)

    assert verdict == RunVerdict(HEALTHY, "the loss went from 0.7 to 0.1")


def test_the_worst_comes_first_and_the_others_by_name():
    """In the order of the catalogue among equals; what is only information is left out."""
    book = {
        "input_scale": page(INFO),
        "init_loss": page(WARNING),
        "stagnation": page(WARNING),
        "no_skill": page(CRITICAL, "The model guesses: accuracy 50 %; loss 0.69", since=79),
        "class_collapse": page(CRITICAL),
    }
    verdict = conclude(book, (OTHER, CAUSE), FACTS)  # of the two one explains the worst

    assert verdict.sentence == (
        "the model guesses (no_skill since step 79, also class_collapse, init_loss, stagnation); "
        "probably the model is too small"
    )


def test_a_cause_that_is_hardly_believed_is_not_named():
    """Below three tenths "probably" would be too much."""
    doubted = dataclasses.replace(CAUSE, weight=0.29)
    verdict = conclude({"no_skill": page(CRITICAL, "The model guesses")}, (doubted,), FACTS)

    assert "probably" not in verdict.sentence


def test_an_illness_that_nothing_explains_is_told_without_a_cause():
    """And one alone has no others."""
    verdict = conclude({"divergence": page(CRITICAL, "The loss rises")}, (), None)

    assert verdict == RunVerdict(SICK, "the loss rises (divergence since step 40)")


def test_a_healthy_run_says_how_far_it_came():
    """And what was noted on the way; a cause of a note is not worth a sentence."""
    book = {"input_scale": page(INFO), "init_loss": page(INFO)}
    verdict = conclude(book, (CAUSE,), FACTS)

    assert verdict.sentence == "the loss went from 0.7 to 0.1; of note: input_scale, init_loss"


@pytest.mark.parametrize("known", [None, facts(loss=None), facts(first_loss=None)])
def test_before_anything_is_known_nothing_was_found(known):
    """A run of a few steps, or one whose losses were never sent."""
    assert conclude({}, (), known) == RunVerdict(HEALTHY, "nothing was found so far")


@pytest.mark.parametrize(
    ("severity", "level", "sentence"),
    [
        (None, SUSPICIOUS, "it failed with ValueError"),
        (INFO, SUSPICIOUS, "it failed with ValueError"),
        (WARNING, SUSPICIOUS, "it failed with ValueError; it is odd (symptom since step 40)"),
        (CRITICAL, SICK, "it failed with ValueError; it is odd (symptom since step 40)"),
    ],
)
def test_trouble_comes_first_and_makes_it_suspicious_at_least(severity, level, sentence):
    """A run that failed is not healthy, however its loss looked."""
    book = {} if severity is None else {"symptom": page(severity)}
    verdict = conclude(book, (), FACTS, closing=True, trouble="it failed with ValueError")

    assert verdict == RunVerdict(level, sentence, closing=True)


LONGER = "the loss went from 0.7 to 0.1; it still improved by 5.0% an epoch: train longer"


@pytest.mark.parametrize(
    ("known", "level"),
    [
        ({"skill": 0.49}, SUSPICIOUS),
        ({"skill": 0.51}, HEALTHY),
        ({"skill": None, "first_loss": 0.19}, SUSPICIOUS),
        ({"skill": None}, HEALTHY),
        ({"skill": 0.1, "best_epoch": 9, "last_epoch": 9}, SUSPICIOUS),
    ],
    ids=[
        "little skill",
        "much skill",
        "skill not known, half of the first loss left",
        "skill not known, most of the first loss gone",
        "validation at its best",
    ],
)
def test_a_run_that_ended_while_it_improved_lacked_epochs(known, level):
    """That is suspicious if it has little skill, and good to know if it has much."""
    told = facts(improving=0.05, **known)
    verdict = conclude({}, (), told, closing=True)

    assert verdict.level is level
    assert verdict.sentence == LONGER.replace("0.7", f"{told.first_loss:.3g}")


def test_a_run_of_which_nobody_knows_what_it_reached_lacked_epochs():
    """Neither a null model nor a first loss."""
    verdict = conclude({}, (), facts(improving=0.05, skill=None, first_loss=None), closing=True)

    assert verdict.level is SUSPICIOUS


@pytest.mark.parametrize(
    "known",
    [
        {"improving": 0.019},
        {"improving": None},
        {"improving": 0.05, "best_epoch": 7, "last_epoch": 9},
    ],
    ids=["hardly improves", "not known", "validation is past its best"],
)
def test_a_run_that_has_come_to_its_end_is_not_told_to_go_on(known):
    """Little skill alone is no verdict: it may be all there is to learn."""
    verdict = conclude({}, (), facts(skill=0.1, **known), closing=True)

    assert verdict == RunVerdict(HEALTHY, "the loss went from 0.7 to 0.1", closing=True)


def test_a_run_that_goes_on_has_time():
    """That it still improves is no reason to say anything."""
    assert conclude({}, (), facts(improving=0.05, skill=0.1)).level is HEALTHY


def test_what_is_ill_is_not_told_to_train_longer():
    """The illness is the news."""
    known = facts(improving=0.05, skill=0.1)
    verdict = conclude({"update_ratio": page(WARNING)}, (), known, closing=True)

    assert verdict.level is SUSPICIOUS
    assert "train longer" not in verdict.sentence


def test_notes_do_not_hide_that_it_lacked_epochs():
    """Both are told, one after the other."""
    known = facts(improving=0.05, skill=0.1)
    verdict = conclude({"no_skill": page(INFO)}, (), known, closing=True)

    assert verdict.level is SUSPICIOUS
    assert verdict.sentence == LONGER.replace("0.1;", "0.1; of note: no_skill;")
