"""Signs that lie in the answers of a classifier, and in the set that it is validated on."""

import math

from flatline_monitor.detectors.contract import Evidence
from flatline_monitor.detectors.starved_class import StarvedClass
from flatline_monitor.diagnosis.case import Case, Sign
from flatline_monitor.diagnosis.signs_of_model import WORSE

RARE = StarvedClass().rare
CERTAIN = 1 - 1e-6
WRONG, ENOUGH_LABELS = 0.5, 500  # of what guessing among even classes reaches
SOME_SKILL = 0.1  # more than a start that is slow has before it is sure of anything


def softmax_twice(case: Case) -> str:
    """No answer is surer than a softmax over probabilities can be."""
    return _led_by(case, "loss_accuracy_inconsistency", "highest_confidence_of_the_run")


def no_probabilities(case: Case) -> str:
    """The outputs that the loss takes for probabilities are none."""
    return _led_by(case, "loss_accuracy_inconsistency", "mean_of_largest_output")


def loss_of_nothing(case: Case) -> str:
    """The loss is one that no answers to these labels can have."""
    leading = ("loss_beside_wrong_answers", "loss_below_zero", "loss_at_first")
    return _led_by(case, "loss_accuracy_inconsistency", *leading)


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
    return _led_by(case, "suspicious_validation", *statistics)


def validation_of_other_labels(case: Case) -> str:
    """Its labels are others than the training's."""
    return _led_by(case, "suspicious_validation", "unlike_labels")


def validation_better(case: Case) -> str:
    """It is better than the training."""
    return _led_by(case, "suspicious_validation", "accuracy_lower_bound")


def only_answer(case: Case) -> str:
    """A single unit whose answer is 1 whatever comes, as a softmax over it is."""
    facts = case.facts
    if facts.output_units != 1 or facts.lowest_confidence is None or len(facts.predictions) < 2:  # noqa: PLR2004 - two classes
        return ""
    if facts.lowest_confidence < CERTAIN or facts.predictions[0]:
        return ""
    return "the one output was 1 for every sample from the beginning, as a softmax of one is"


def worse_than_chance(case: Case) -> str:
    """The model is right far more seldom than one that guesses: it learns to be wrong."""
    right, chance = case.facts.accuracy, case.facts.commonest
    if right is None or chance is None or sum(case.facts.labels) < ENOUGH_LABELS:
        return ""
    classes = sum(n > 0 for n in case.facts.labels)
    if classes < 2 or not right < WRONG / classes or chance > 1.5 / classes:  # noqa: PLR2004 - even
        return ""
    return f"{right:.1%} of the answers are right, less than by guessing"


def training_worse(case: Case) -> str:
    """Training, with its dropout and noise, loses more than validation."""
    excess = case.facts.training_excess
    if excess is None or excess < WORSE:
        return ""
    return f"training loses more than validation, by {excess:.2g} times a constant answer's loss"


def _evidence(case: Case, detector: str) -> dict[str, Evidence]:
    finding = case.findings.get(detector)
    return {} if finding is None else {each.statistic: each for each in finding.evidence}


def _led_by(case: Case, detector: str, *statistics: str) -> str:
    """Return the gist of a finding whose first evidence is this one, or one of these."""
    finding = case.findings.get(detector)
    return finding.gist if finding and finding.evidence[0].statistic in statistics else ""


SIGNS: tuple[Sign, ...] = (
    softmax_twice,
    no_probabilities,
    loss_of_nothing,
    answers_too_sure,
    answers_capped,
    starved_and_rare,
    starved_and_ordinary,
    validation_worse,
    validation_of_other_labels,
    validation_better,
    only_answer,
    worse_than_chance,
    training_worse,
)

FOUND_BY = {
    "softmax_twice": "loss_accuracy_inconsistency",
    "no_probabilities": "loss_accuracy_inconsistency",
    "loss_of_nothing": "loss_accuracy_inconsistency",
    "answers_too_sure": "loss_accuracy_inconsistency",
    "starved_and_rare": "starved_class",
    "starved_and_ordinary": "starved_class",
    "validation_worse": "suspicious_validation",
    "validation_of_other_labels": "suspicious_validation",
    "validation_better": "suspicious_validation",
}
"""Those that are one side of a detector."""
