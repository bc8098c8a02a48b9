"""Signs that lie in the answers of a classifier, and in the set that it is validated on."""

import math

from flatline_monitor.detectors.contract import Evidence
from flatline_monitor.detectors.starved_class import StarvedClass
from flatline_monitor.diagnosis.case import Case, Sign

RARE = StarvedClass().rare
SOME_SKILL = 0.1  # more than a start that is slow has before it is sure of anything


def softmax_twice(case: Case) -> str:
    """No answer is surer than a softmax over probabilities can be."""
    return _led_by(case, "loss_accuracy_inconsistency", "highest_confidence_of_the_run")


def no_probabilities(case: Case) -> str:
    """The outputs that the loss takes for probabilities are none."""
    return _led_by(case, "loss_accuracy_inconsistency", "mean_of_largest_output")


def answers_too_sure(case: Case) -> str:
    """The model is surer than it is right."""
    evidence = _evidence(case, "loss_accuracy_inconsistency")
    told = _led_by(case, "loss_accuracy_inconsistency", "loss_above_fano_bound")
    if not told or not {"confidence", "accuracy"} <= evidence.keys():
        return ""
    return told if evidence["confidence"].value >= evidence["accuracy"].value else ""


def answers_capped(case: Case) -> str:
    """The model has learned something, and was never sure of it."""
    facts, classes = case.facts, len(case.facts.labels)
    if facts.highest_confidence is None or facts.skill is None or facts.skill < SOME_SKILL:
        return ""
    cap = math.e / (math.e + classes - 1)
    if classes < 2 or facts.highest_confidence > cap:  # noqa: PLR2004 - one is no choice
        return ""
    return (
        f"no answer was given with more than {facts.highest_confidence:.2f} on average; a softmax "
        f"or sigmoid over probabilities cannot exceed {cap:.2f}"
    )


def starved_and_rare(case: Case) -> str:
    """The class that is not recognised has few of the labels."""
    share = _evidence(case, "starved_class").get("share_of_even_share")
    if share is None or share.value >= RARE:
        return ""
    return f"that class has {share.value:.0%} of an even share of the labels"


def starved_and_ordinary(case: Case) -> str:
    """It has as many as others."""
    share = _evidence(case, "starved_class").get("share_of_even_share")
    if share is None or share.value < RARE:
        return ""
    return f"that class has its share of the labels ({share.value:.0%} of an even one)"


def validation_worse(case: Case) -> str:
    """The validation is worse where the training has not seen its samples before either."""
    statistics = ("accuracy_upper_bound", "validation_loss")
    return next(filter(None, (_led_by(case, "suspicious_validation", s) for s in statistics)), "")


def validation_of_other_labels(case: Case) -> str:
    """Its labels are others than the training's."""
    return _led_by(case, "suspicious_validation", "unlike_labels")


def validation_better(case: Case) -> str:
    """It is better than the training."""
    return _led_by(case, "suspicious_validation", "accuracy_lower_bound")


def _evidence(case: Case, detector: str) -> dict[str, Evidence]:
    finding = case.findings.get(detector)
    return {} if finding is None else {each.statistic: each for each in finding.evidence}


def _led_by(case: Case, detector: str, statistic: str) -> str:
    """Return the gist of a finding whose first evidence is this one."""
    finding = case.findings.get(detector)
    return finding.gist if finding and finding.evidence[0].statistic == statistic else ""


SIGNS: tuple[Sign, ...] = (
    softmax_twice,
    no_probabilities,
    answers_too_sure,
    answers_capped,
    starved_and_rare,
    starved_and_ordinary,
    validation_worse,
    validation_of_other_labels,
    validation_better,
)

FOUND_BY = {
    "softmax_twice": "loss_accuracy_inconsistency",
    "no_probabilities": "loss_accuracy_inconsistency",
    "answers_too_sure": "loss_accuracy_inconsistency",
    "starved_and_rare": "starved_class",
    "starved_and_ordinary": "starved_class",
    "validation_worse": "suspicious_validation",
    "validation_of_other_labels": "suspicious_validation",
    "validation_better": "suspicious_validation",
}
"""Those that are one side of a detector."""
