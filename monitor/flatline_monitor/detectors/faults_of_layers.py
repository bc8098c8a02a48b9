"""Faults in the middle of a model: nonlinearities, first weights, dropout, penalties."""

import math

from flatline_monitor.detectors.contract import Evidence, Side
from flatline_monitor.detectors.faults import Broken, Rule, Setup
from flatline_monitor.runs.model import Layer

_CONSTANT = {"Zeros", "Ones", "Constant"}
_SPREADS = {"RandomNormal": 1.0, "TruncatedNormal": 0.88, "RandomUniform": 1 / math.sqrt(3)}
"""Standard deviation of what is drawn, by the number that the initializer was made with."""
SQUASHERS = {"sigmoid", "hard_sigmoid", "tanh", "hard_tanh"}
_WITHOUT = {"linear", ""}
WIDE, NARROW = 3.0, 0.02
"""Times what is usual, as for weights that are measured (diagnosis/signs_of_model.py)."""
HALF = 0.5
DEEP = 4
"""Squashing layers one upon the other from which on gradients fade in our gallery."""
STRONG = 0.1
"""Factor of a penalty; Keras's default is .01."""


def nothing_but_linear(setup: Setup) -> Broken | None:
    """Dense layers without a nonlinearity between them are no more than one."""
    hidden = setup.hidden
    dense = [layer for layer in hidden if layer.layer_class == "Dense"]
    if not setup.model.chain or setup.output is None or setup.output.layer_class != "Dense":
        return None
    plain = {"Dense", "Dropout", "Flatten", "Reshape", "BatchNormalization", "Normalization"}
    if not dense or any(layer.layer_class not in plain for layer in hidden):
        return None
    if any(layer.activation not in _WITHOUT for layer in hidden):
        return None
    n = len(dense)
    return Broken(
        f"the {n} hidden layer{'s' * (n > 1)} {'have' if n > 1 else 'has'} no nonlinearity: "
        "together they are one linear layer",
        Evidence("hidden_layers_without_nonlinearity", float(n), 0.0),
    )


def deep_and_squashed(setup: Setup) -> Broken | None:
    """Many sigmoids or tanhs one upon the other, and nothing that normalises.

    Source: Glorot and Bengio (2010), section 3.
    """
    if any("Normalization" in layer.layer_class for layer in setup.hidden):
        return None
    squashed = [layer for layer in setup.hidden if _squashes(layer)]
    if len(squashed) < DEEP:
        return None
    name = squashed[0].activation
    return Broken(
        f"{len(squashed)} hidden layers squash their outputs by a {name}",
        Evidence("squashing_layers", float(len(squashed)), DEEP - 1.0),
    )


def softmax_within(setup: Setup) -> Broken | None:
    """A hidden layer's units compete for a sum of 1, and pass on hardly any gradient."""
    found = [
        each
        for each in setup.hidden
        if each.activation == "softmax" and each.layer_class in {"Dense", "Activation", "Softmax"}
    ]
    if not found or not setup.model.chain or setup.output is None:
        return None
    if setup.output.activation == "softmax":
        return Broken(f'"{found[-1].name}" puts out a softmax, and the last layer another of it')
    return Broken(f'the hidden layer "{found[0].name}" ends in a softmax')


def constant_weights(setup: Setup) -> Broken | None:
    """All units of a layer begin the same, and so they remain.

    Source: Goodfellow et al. (2016), Deep Learning, section 8.4: initialisation breaks symmetry.
    """
    same = [layer for layer in setup.hidden if layer.initializer in _CONSTANT and layer.units != 1]
    if not same:
        return None
    value = same[0].initializer_scale or 0.0
    return Broken(
        f'the kernel of "{same[0].name}" begins as {same[0].initializer}: '
        "all of its units are one, and stay so",
        Evidence("first_weights", value),
    )


def weights_drawn_wide(setup: Setup) -> Broken | None:
    """The first weights are drawn from far too wide, or too narrow, a range for their number.

    Sources: He et al. (2015), section 2.2: a standard deviation of the root of 2 by the inputs of
    a layer; Glorot and Bengio (2010), section 4.2.1: by its inputs and outputs.
    """
    for layer in setup.model.layers:
        times = _times_usual(layer, setup.shapes.get(layer.name, ()))
        if not NARROW <= times <= WIDE:
            limit = WIDE if times > WIDE else NARROW
            return Broken(
                f'the kernel of "{layer.name}" is drawn by {layer.initializer}'
                f"({layer.initializer_scale:g}), {times:.2g} times what is usual for its size",
                Evidence(
                    "size_of_first_weights",
                    times,
                    limit,
                    fires=Side.ABOVE if limit == WIDE else Side.BELOW,
                ),
            )
    return None


def dropout_high(setup: Setup) -> Broken | None:
    """More than half of the units are left out. Source: UMLAUT (Schoop et al., 2021)."""
    rates = [layer for layer in setup.model.layers if (layer.rate or 0.0) > HALF]
    if not rates:
        return None
    worst = max(rates, key=lambda layer: layer.rate or 0.0)
    return Broken(
        f'"{worst.name}" leaves out {worst.rate or 0:.0%} of the units',
        Evidence("dropout_rate", worst.rate or 0.0, HALF),
    )


def dropout_before_output(setup: Setup) -> Broken | None:
    """The answers themselves are dropped."""
    output = setup.output
    if output is None or not setup.model.chain or "Dropout" not in output.layer_class:
        return None
    return Broken(
        f'the model ends in "{output.name}", which drops answers',
        Evidence("dropout_rate", output.rate or 0.0, 0.0),
    )


def penalty_high(setup: Setup) -> Broken | None:
    """A penalty is ten times Keras's default or more."""
    largest = max((max(each.l1 or 0, each.l2 or 0) for each in setup.model.layers), default=0.0)
    if largest < STRONG * (1 - 1e-6):
        return None
    return Broken(
        f"a penalty has the factor {largest:g}; 0.01 is Keras's default",
        Evidence("penalty_factor", largest, STRONG),
    )


def nothing_trainable(setup: Setup) -> Broken | None:
    """All layers with weights are frozen."""
    weighty = [layer for layer in setup.model.layers if layer.initializer]
    if not weighty or any(layer.trainable for layer in weighty):
        return None
    return Broken("no layer is trainable", Evidence("frozen_layers", float(len(weighty)), 0.0))


def _times_usual(layer: Layer, shape: tuple[int, ...]) -> float:
    """Return how wide the first weights are drawn, beside the rule that is next to it.

    1 where it lies between both rules, or is not known.
    """
    scale, spread = layer.initializer_scale, _SPREADS.get(layer.initializer)
    if scale is None or spread is None or len(shape) < 2:  # noqa: PLR2004 - inputs and outputs
        return 1.0
    field = math.prod(shape[:-2])
    low = math.sqrt(2 / (field * (shape[-2] + shape[-1])))
    high = math.sqrt(2 / (field * shape[-2]))
    drawn = abs(scale) * spread
    return drawn / high if drawn > high else min(drawn / low, 1.0)


def _squashes(layer: Layer) -> bool:
    return layer.activation in SQUASHERS and not layer.layer_class.endswith("Cell")


RULES: tuple[Rule, ...] = (
    nothing_but_linear,
    deep_and_squashed,
    softmax_within,
    constant_weights,
    weights_drawn_wide,
    dropout_high,
    dropout_before_output,
    penalty_high,
    nothing_trainable,
)
