"""Signs that lie in numbers that cannot be: nan and infinities, and losses below zero."""

from flatline_monitor.diagnosis.case import Case, Sign
from flatline_monitor.diagnosis.signs_of_updates import first_updates_ordinary
from flatline_monitor.runs.records import Task

KERAS = frozenset(
    {
        *("sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"),
        *("categorical_focal_crossentropy", "binary_focal_crossentropy", "kl_divergence"),
        *("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error"),
        *("mean_squared_logarithmic_error", "huber", "log_cosh", "poisson", "hinge"),
        *("squared_hinge", "categorical_hinge", "cosine_similarity", "dice", "tversky", "ctc"),
        *("kldivergence", "circle", "categorical_generalized_cross_entropy"),
    }
)
"""The losses that Keras has, as the client calls them."""
DATA = frozenset({"input", "targets"})
"""Places where numbers are bad before the model has seen them."""
NO_LOSS = frozenset({"", "several"})
CLASSES = frozenset({Task.CLASSIFICATION, Task.MULTILABEL})


def bad_input(case: Case) -> str:
    """The numbers went bad in the data first, in the input or in the targets."""
    facts = case.facts
    if facts.bad_place not in DATA:
        return ""
    were = "input itself was" if facts.bad_place == "input" else "targets themselves were"
    return f"the {were} nan or infinite at step {facts.bad_step}"


def bad_at_once(case: Case) -> str:
    """The loss was bad before any update could have spoiled the model."""
    facts = case.facts
    if facts.bad_place != "loss" or facts.bad_step != 0:
        return ""
    return "the loss of the very first step was bad, before training could have spoiled it"


def bad_elsewhere(case: Case) -> str:
    """The numbers went bad behind the input first."""
    facts = case.facts
    if not facts.bad_place or facts.bad_place in DATA:
        return ""
    if bad_at_once(case) or bad_loss_from_calm(case):
        return ""
    return f"the inputs were finite; the {facts.bad_place} went bad first"


def bad_from_calm(case: Case) -> str:
    """Nothing had grown before they went bad."""
    facts = case.facts
    if not facts.was_calm or facts.bad_place in DATA or bad_at_once(case):
        return ""
    return f"up to step {facts.bad_step} neither the loss nor the updates had grown"


def bad_loss_from_calm(case: Case) -> str:
    """The loss itself, one of Keras', which copes with any answer: then it is the labels."""
    if case.facts.bad_place != "loss" or own_loss(case) or case.facts.bad_step == 1:
        return ""
    return bad_from_calm(case)


def bad_after_one_update(case: Case) -> str:
    """From an ordinary loss one update led to none at all."""
    if case.facts.bad_step != 1 or not bad_from_calm(case):
        return ""
    return "a single update led from an ordinary loss to none: it was not finite itself"


def own_loss_bad(case: Case) -> str:
    """What the program computes itself went bad first."""
    if case.facts.bad_place != "loss" or not own_loss(case):
        return ""
    if not (bad_at_once(case) or case.facts.was_calm):
        return ""
    return f"{own_loss(case)}, and went bad before anything else"


def only_rises(case: Case) -> str:
    """The loss rises from the first step on, by steps of ordinary size: it is climbed."""
    if not case.facts.never_better or not first_updates_ordinary(case):
        return ""
    return "the loss has only risen since the run began, by updates of ordinary size"


def bad_gradient(case: Case) -> str:
    """A finite loss had a gradient that is not."""
    facts = case.facts
    if facts.bad_place != "gradient":
        return ""
    return f"at step {facts.bad_step} the loss was finite, and its gradient was not"


def own_loss(case: Case) -> str:
    """The loss is none of Keras'."""
    name = case.facts.loss_name
    return "" if name in KERAS | NO_LOSS else f"the loss {name} is of the program's own making"


def entropy_below_zero(case: Case) -> str:
    """A loss of probabilities is below zero, which it can be for no label from 0 to 1."""
    facts = case.facts
    if facts.loss is None or facts.loss >= 0 or facts.task not in CLASSES or own_loss(case):
        return ""
    return f"the loss is {facts.loss:.3g}, which needs labels outside of 0..1"


def own_loss_below_zero(case: Case) -> str:
    """A loss of the program's own making is below zero, and falls."""
    facts = case.facts
    if facts.loss is None or facts.loss >= 0 or not own_loss(case):
        return ""
    return f"the loss is below zero, {facts.loss:.3g}"


def penalty_below_zero(case: Case) -> str:
    """Regularisation rewards what it should punish."""
    terms = case.facts.regularization
    if terms is None or terms >= 0:
        return ""
    return f"the regularisation terms are {terms:.3g}: they reward large weights"


SIGNS: tuple[Sign, ...] = (
    bad_input,
    bad_at_once,
    bad_elsewhere,
    bad_from_calm,
    bad_loss_from_calm,
    bad_after_one_update,
    own_loss_bad,
    only_rises,
    bad_gradient,
    entropy_below_zero,
    own_loss_below_zero,
    penalty_below_zero,
)
