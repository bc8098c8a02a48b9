"""Signs that lie in the model: its size, weights, gradients and updates."""

from flatline_monitor.detectors.contract import Side
from flatline_monitor.detectors.init_loss import InitLoss
from flatline_monitor.detectors.update_ratio import UpdateRatio
from flatline_monitor.detectors.vanishing_gradient import VanishingGradient
from flatline_monitor.diagnosis.case import Case, Sign

UPDATES = UpdateRatio()
LARGE_UPDATE, SMALL_UPDATE = UPDATES.ceiling, UPDATES.floor
ORDINARY_UPDATE = 1e-4  # TheDeepChecker
LARGE_FIRST_UPDATE = UPDATES.first_ceiling
GAP = VanishingGradient().gap_decades
UNEVEN, EVEN = GAP - 1, 0.5  # decades
DEEP = 5  # kernels; our galleries' sigmoid stacks begin to fail there
ORDINARY_BEGIN = 2.0  # He initialisation reaches twice ln K
HIGH_BEGIN = InitLoss().factor
LARGE_BEGIN = 5.0  # times Glorot's; He's of a first layer of two inputs reaches twice
SHRUNK = 0.5  # ours: a norm that halves; healthy weight decay of the gallery keeps 0.75
REGULARIZED = 0.5  # share of the loss
FEW_PARAMETERS = 20


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


def deep(case: Case) -> str:
    """The model is deep."""
    depth = case.facts.depth
    return f"the model is {depth} layers deep" if depth >= DEEP else ""


def shallow(case: Case) -> str:
    """The model is shallow."""
    depth = case.facts.depth
    return f"the model has only {depth} layers with weights" if 0 < depth < len("abc") else ""


def began_high(case: Case) -> str:
    """The very first loss was far above that of a constant answer."""
    facts = case.facts
    if facts.began_at is None or not facts.null_loss:
        return ""
    if facts.began_at <= HIGH_BEGIN * facts.null_loss + 1:
        return ""
    return (
        f"the loss of the first step was {facts.began_at:.3g}, before any update; a constant "
        f"answer loses {facts.null_loss:.3g}"
    )


def began_ordinary(case: Case) -> str:
    """The very first loss was not."""
    facts = case.facts
    if facts.began_at is None or not facts.null_loss:
        return ""
    if facts.began_at > ORDINARY_BEGIN * facts.null_loss:
        return ""
    return f"the first step's loss was ordinary, {facts.began_at:.3g}"


def began_at_zero(case: Case) -> str:
    """The weights began at zero, or nearly so."""
    norm, usual = case.facts.first_kernel_norm, case.facts.usual_kernel_norm
    if n := case.facts.zero_kernels:
        return f"{n} kernel{'s' * (n > 1)} before the last {'are' if n > 1 else 'is'} all zero"
    if norm is None or norm >= 0.1 * usual:
        return ""
    return f"the weights began at zero: their norm was {norm:.2g}, usual is {usual:.2g}"


def began_large(case: Case) -> str:
    """The weights began far larger than usual."""
    norm, usual = case.facts.first_kernel_norm, case.facts.usual_kernel_norm
    if norm is None or norm <= LARGE_BEGIN * usual or first_updates_large(case):
        return ""
    return f"the weights began large: their norm was {norm:.2g}, usual is {usual:.2g}"


def no_hidden_layer(case: Case) -> str:
    """The model is linear."""
    facts = case.facts
    if facts.depth != 1 or facts.untrained or facts.fixed:
        return ""
    return f"only one layer is trained, of {facts.parameters} parameters: the model is linear"


def few_parameters(case: Case) -> str:
    """The model is tiny."""
    n = case.facts.parameters
    return f"the model has {n} parameters" if 0 < n < FEW_PARAMETERS else ""


def hidden_layers(case: Case) -> str:
    """The model is not linear."""
    units = case.facts.hidden_units
    return f"there are hidden layers, of {', '.join(map(str, units[:6]))} units" if units else ""


def more_parameters_than_samples(case: Case) -> str:
    """The model could learn its samples by heart."""
    n, samples = case.facts.parameters, case.facts.samples
    if not samples or n <= samples:
        return ""
    return f"{n:,} parameters for about {samples:,} samples"


def regularization_dominates(case: Case) -> str:
    """Regularisation outweighed the data."""
    share = case.facts.regularization_share
    if share is None or share < REGULARIZED:
        return ""
    return f"regularisation was up to {share:.0%} of the loss"


def no_regularization(case: Case) -> str:
    """The loss holds no regularisation."""
    share = case.facts.regularization_share
    return "the loss holds no regularisation" if share is None or share <= 0 else ""


def weights_shrunk(case: Case) -> str:
    """The weights have lost most of their size."""
    left = case.facts.shrunk_to
    return (
        f"the weights shrank to {left:.0%} of their size"
        if left is not None and left < SHRUNK
        else ""
    )


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
    deep,
    shallow,
    began_high,
    began_ordinary,
    began_at_zero,
    began_large,
    no_hidden_layer,
    few_parameters,
    hidden_layers,
    more_parameters_than_samples,
    regularization_dominates,
    no_regularization,
    weights_shrunk,
)
