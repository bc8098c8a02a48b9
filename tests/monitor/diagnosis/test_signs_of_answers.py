"""What the answers of a classifier and its validation set tell of a cause."""

import dataclasses

import pytest

from flatline_monitor.detectors.contract import Evidence, Finding, Severity
from flatline_monitor.diagnosis.case import Case
from flatline_monitor.diagnosis.infer import causes_of, diagnose
from flatline_monitor.diagnosis.signs import present
from tests.monitor.diagnosis.cases import BLIND, facts, finding, found


def led_by(detector, statistic, **context):
    """A finding of which the first number is this one, and others stand behind it."""
    numbers = {statistic: 1.0, **context}
    evidence = tuple(Evidence(name, value) for name, value in numbers.items())
    return {detector: Finding(Severity.WARNING, "It is so: 3 of 4.", evidence)}


INCONSISTENT, VALIDATION = "loss_accuracy_inconsistency", "suspicious_validation"


@pytest.mark.parametrize(
    ("findings", "known", "cause"),
    [
        (
            led_by(INCONSISTENT, "highest_confidence_of_the_run"),
            facts(),
            "wrong_last_layer_or_loss",
        ),
        (led_by(INCONSISTENT, "mean_of_largest_output"), facts(), "wrong_last_layer_or_loss"),
        (
            led_by(INCONSISTENT, "loss_above_fano_bound", accuracy=0.8, confidence=0.99),
            facts(began_at=20.0),
            "poor_initialization",
        ),
        (
            found("class_collapse", "no_skill"),
            facts(skill=0.3, highest_confidence=0.65),
            "wrong_last_layer_or_loss",
        ),
        (
            led_by("starved_class", "recall", share_of_even_share=0.1),
            facts(labels=(990, 1_000, 110)),
            "class_imbalance",
        ),
        (led_by("starved_class", "recall", share_of_even_share=1.0), facts(), "noisy_labels"),
        (led_by(VALIDATION, "validation_loss"), facts(), "validation_differs"),
        (led_by(VALIDATION, "accuracy_upper_bound"), facts(), "validation_differs"),
        (led_by(VALIDATION, "unlike_labels"), facts(), "validation_differs"),
        (led_by(VALIDATION, "accuracy_lower_bound"), facts(), "leak"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_side_of_a_finding_tells_the_cause(findings, known, cause):
    """What else is known of the run tells one from the other."""
    assert diagnose(findings, known)[0].name == cause


def test_a_finding_is_explained_by_the_cause_that_its_side_tells():
    """An alert is shown the causes of its own finding."""
    findings = led_by(VALIDATION, "validation_loss")

    assert causes_of(VALIDATION, diagnose(findings, BLIND))[0].name == "validation_differs"


def test_a_validation_that_was_worse_from_the_start_is_no_overfitting():
    """It explains what looks like it; without it there is too little data."""
    known = facts(skill=0.9, samples=200, parameters=9_000, best_epoch=2, last_epoch=20)
    worse = led_by(VALIDATION, "validation_loss") | found("overfitting")

    assert diagnose(found("overfitting"), known)[0].name == "too_little_data"
    assert diagnose(worse, known)[0].name == "validation_differs"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, True),
        ({"highest_confidence": 0.74}, False),
        ({"skill": 0.05}, False),
        ({"skill": None}, False),
        ({"highest_confidence": None}, False),
        ({"labels": ()}, False),
        ({"labels": (10, 10, 10)}, False),
    ],
    ids=[
        "two classes",
        "surer",
        "no skill yet",
        "skill unknown",
        "not sent",
        "no classes",
        "three",
    ],
)
def test_a_model_that_learns_is_sure_of_something(changes, told):
    """With two classes the limit is e / (e + 1), 0.731, with three e / (e + 2), 0.576."""
    known = dataclasses.replace(facts(skill=0.3, highest_confidence=0.7), **changes)

    assert bool(present(Case({}, known), "answers_capped")) is told


def test_labels_of_which_one_class_is_rare_are_not_called_balanced():
    """However even the others are."""
    known = facts(labels=(1_000, 1_000, 1_000, 100))
    rare = led_by("starved_class", "recall", share_of_even_share=0.1)

    assert present(Case({}, known), "labels_balanced")
    assert not present(Case(rare, known), "labels_balanced")


def test_findings_of_another_kind_are_no_signs():
    """Without the numbers that a sign looks for it is not there."""
    case = Case({INCONSISTENT: finding(), "starved_class": finding()}, facts())

    for name in ("softmax_twice", "answers_too_sure", "starved_and_rare", "starved_and_ordinary"):
        assert present(case, name) == ""
