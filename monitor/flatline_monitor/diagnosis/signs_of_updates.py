"""Signs that lie in the gradients, the updates and the learning rate."""

from flatline_monitor.detectors.contract import Side
from flatline_monitor.detectors.update_ratio import UpdateRatio
from flatline_monitor.detectors.vanishing_gradient import VanishingGradient
from flatline_monitor.diagnosis.case import Case, Sign

UPDATES = UpdateRatio()
LARGE_UPDATE, SMALL_UPDATE = UPDATES.ceiling, UPDATES.floor
ORDINARY_UPDATE = 1e-4  # TheDeepChecker
LARGE_FIRST_UPDATE = UPDATES.first_ceiling
GAP = VanishingGradient().gap_decades
UNEVEN, EVEN = GAP - 1, 0.5  # decades
LEAST_USUAL_RATE, USUAL_RATE = 1e-3, 0.01  # Adam's default, SGD's
HIGH_RATE = 0.05  # few models bear, by Adam
CUT = 0.1  # of the norm: ours, a limit ten times below what gradients are
PLAIN = 10.0  # times as much, by plain descent


def update_ratio_high(case: Case) -> str:
    """Of late a layer is changed too much with each step."""
    return _found(case, "largest_update_ratio", Side.ABOVE)


def update_ratio_low(case: Case) -> str:
    """No layer is changed as much as it should be."""
    return "" if gradients_all_gone(case) else _found(case, "largest_update_ratio", Side.BELOW)


def _found(case: Case, statistic: str, side: Side) -> str:
    finding = case.findings.get("update_ratio")
    if finding is None:
        return ""
    evidence = finding.evidence[0]
    return finding.gist if (evidence.statistic, evidence.fires) == (statistic, side) else ""


def first_updates_large(case: Case) -> str:
    """The first steps swept the initial weights away."""
    ratio = case.facts.first_update_ratio
    if ratio is None or ratio <= LARGE_FIRST_UPDATE:
        return ""
    return f"the first steps changed a layer by {ratio:.2g} of its size each"


def first_updates_ordinary(case: Case) -> str:
    """The learning rate suited the initial weights."""
    ratio = case.facts.first_update_ratio
    if ratio is None or not ORDINARY_UPDATE < ratio <= LARGE_UPDATE:
        return ""
    return f"the first updates were of ordinary size, {ratio:.2g} of the weights"


def first_updates_small(case: Case) -> str:
    """The learning rate hardly moves the initial weights."""
    ratio = case.facts.first_update_ratio
    if ratio is None or not ratio < ORDINARY_UPDATE:
        return ""
    return f"the first steps changed no layer by more than {ratio:.2g} of its size; usual is 0.001"


def updates_ordinary(case: Case) -> str:
    """All layers are updated, and none too much."""
    ratios = case.facts.update_ratio
    if ratios is None or ratios[0] < SMALL_UPDATE or ratios[1] > LARGE_UPDATE:
        return ""
    return f"updates are of ordinary size, {ratios[0]:.1g} to {ratios[1]:.1g} of the weights"


def gradients_healthy(case: Case) -> str:
    """The gradient reaches every layer."""
    facts = case.facts
    if facts.gradient_gap is None or facts.kernels_without_gradient or facts.bad_place:
        return ""
    gap = abs(facts.gradient_gap)
    if facts.gradient_gap >= UNEVEN:
        return ""
    near = "of about the same size" if gap < EVEN else f"within {gap:.1f} decades"
    return f"gradients reach every layer, {near}"


def gradients_shrink(case: Case) -> str:
    """The gradient shrinks towards the first layers, though not so far that they are lost."""
    gap = case.facts.gradient_gap
    if gap is None or not UNEVEN <= gap < GAP:
        return ""
    return f"the gradient shrinks by {gap:.1f} decades towards the first layers"


def no_updates(case: Case) -> str:
    """Nothing moves although there are gradients."""
    facts = case.facts
    if facts.update_ratio is None or facts.update_ratio[1] > 0 or facts.gradient_gap is None:
        return ""
    rate = "" if facts.learning_rate is None else f" at a learning rate of {facts.learning_rate:g}"
    return f"no step changes any layer{rate}, although there are gradients"


def gradients_gone(case: Case) -> str:
    """Some layers get no gradient at all."""
    facts = case.facts
    if not facts.kernels_without_gradient:
        return ""
    share = f"{facts.kernels_without_gradient} of {facts.depth}"
    return f"{share} kernels have a gradient of exactly 0"


def gradients_all_gone(case: Case) -> str:
    """No layer gets any gradient."""
    facts = case.facts
    gone = facts.kernels_without_gradient == facts.depth > 0
    return "no kernel has any gradient" if gone else ""


def rate_usual(case: Case) -> str:
    """The learning rate is one that most models bear."""
    rate = case.facts.learning_rate
    return f"a learning rate of {rate:g} is usual" if rate and rate <= USUAL_RATE * 1.001 else ""


def rate_high(case: Case) -> str:
    """It is one that few models bear."""
    rate = case.facts.learning_rate
    limit = HIGH_RATE * (PLAIN if plain_descent(case) else 1)
    if rate is None or rate < limit:
        return ""
    return f"the learning rate is {rate:g}; 0.001 is Adam's default, 0.01 SGD's"


def optimizer_timid(case: Case) -> str:
    """The optimizer makes hardly anything of a rate with which others learn."""
    facts = case.facts
    if not first_updates_small(case) or plain_descent(case) or gradients_cut(case):
        return ""
    if facts.learning_rate is None or facts.learning_rate < LEAST_USUAL_RATE:
        return ""
    return f"at a rate of {facts.learning_rate:g} most optimizers would move more"


def rate_zero(case: Case) -> str:
    """It was never above zero."""
    return "the learning rate is 0 from the beginning" if case.facts.learning_rate == 0 else ""


def gradients_cut(case: Case) -> str:
    """Clipping leaves next to nothing of a gradient, and so sets the size of the steps."""
    left = case.facts.clip_ratio
    return f"clipping leaves {left:.2g} of the norm of a gradient" if left and left < CUT else ""


def plain_descent(case: Case) -> str:
    """Neither momentum nor a rate for each weight."""
    told = "each update is the gradient times the learning rate: plain gradient descent"
    return told if case.facts.plain_descent else ""


SIGNS: tuple[Sign, ...] = (
    update_ratio_high,
    update_ratio_low,
    first_updates_large,
    first_updates_ordinary,
    first_updates_small,
    updates_ordinary,
    gradients_healthy,
    gradients_shrink,
    no_updates,
    gradients_gone,
    gradients_all_gone,
    rate_usual,
    rate_high,
    rate_zero,
    optimizer_timid,
    gradients_cut,
    plain_descent,
)
