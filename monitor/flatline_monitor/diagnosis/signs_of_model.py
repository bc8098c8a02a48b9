"""Signs that lie in the model: its size, how it began, and what holds its weights down."""

from flatline_monitor.detectors.init_loss import InitLoss
from flatline_monitor.diagnosis.case import Case, Sign
from flatline_monitor.diagnosis.signs_of_updates import LARGE_UPDATE

DEEP = 5  # kernels; our galleries' sigmoid stacks begin to fail there
ORDINARY_BEGIN = 2.0  # He initialisation reaches twice ln K
HIGH_BEGIN = InitLoss().factor
LARGE_BEGIN = 5.0  # times Glorot's; He's of a first layer of two inputs reaches twice
LARGE_LAYER = 3.0  # times either; healthy trainings of the gallery have up to 1.1, trained ones too
SHRUNK = 0.5  # ours: a norm that halves; healthy weight decay of the gallery keeps 0.75
REGULARIZED = 0.5  # share of the loss
FEW_PARAMETERS, NARROW = 20, 2
MASKED, ENOUGH = 0.8, 16  # of a kernel; samples of a batch, of which a ReLU leaves nothing out
WORSE = 0.05  # of the null model's loss; more than batches of an epoch differ


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
    if began_at_zero(case) or began_large(case):
        return ""  # then an ordinary loss tells nothing
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
    """The weights, or those of one layer, began far larger than usual."""
    facts = case.facts
    norm, usual, times = facts.first_kernel_norm, facts.usual_kernel_norm, facts.largest_beginning
    if facts.first_update_ratio is None or facts.first_update_ratio > LARGE_UPDATE:
        return ""  # the first update is not seen, and what it did is not told apart
    if times is None:
        if norm is None or norm <= LARGE_BEGIN * usual:
            return ""
        return f"the weights began large: their norm was {norm:.2g}, usual is {usual:.2g}"
    if times <= LARGE_LAYER:
        return ""
    return f"the weights of a layer began {times:.2g} times as large as usual"


def recurrent(case: Case) -> str:
    """Gradients go through many steps of a recurrent layer, and multiply."""
    return "the model is recurrent" if case.facts.is_recurrent else ""


def narrow_layer(case: Case) -> str:
    """All information goes through a unit or two."""
    units = case.facts.hidden_units
    least = min(units, default=NARROW + 1)
    if least > NARROW:
        return ""
    return f"a hidden layer has only {least} unit{'s' * (least > 1)}"


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


def masked(case: Case) -> str:
    """Most of a layer has no gradient in a batch although its units live, as under dropout."""
    share, size = case.facts.masked_share, case.facts.batch_size
    if share is None or share < MASKED or (size or 0) < ENOUGH:
        return ""
    if "dead_units" in case.findings or case.facts.kernels_without_gradient:
        return ""
    return f"{share:.0%} of a layer get no gradient from a batch, although its units are not dead"


def no_regularization(case: Case) -> str:
    """The loss holds no regularisation, and nothing looks like dropout or decay."""
    if case.facts.is_regularized is not None:
        return "" if case.facts.is_regularized else "there is no dropout, penalty or decay"
    share, excess = case.facts.regularization_share, case.facts.training_excess
    if (share is not None and share > 0) or masked(case) or (excess or 0.0) >= WORSE:
        return ""
    if "over_regularised" in case.findings:
        return ""
    return "the loss holds no regularisation"


def weights_shrunk(case: Case) -> str:
    """The weights have lost most of their size."""
    left = case.facts.shrunk_to
    return (
        f"the weights shrank to {left:.0%} of their size"
        if left is not None and left < SHRUNK
        else ""
    )


SIGNS: tuple[Sign, ...] = (
    deep,
    shallow,
    began_high,
    began_ordinary,
    began_at_zero,
    began_large,
    recurrent,
    narrow_layer,
    no_hidden_layer,
    few_parameters,
    hidden_layers,
    more_parameters_than_samples,
    regularization_dominates,
    masked,
    no_regularization,
    weights_shrunk,
)
