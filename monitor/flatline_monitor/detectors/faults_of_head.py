"""Faults where a model ends: its last layer, its loss, and the labels that it is to learn."""

import math

from flatline_monitor.detectors.contract import Evidence, Side
from flatline_monitor.detectors.faults import (
    CROSS_ENTROPIES,
    DISTANCES,
    OF_CLASSES,
    OF_UNITS,
    Broken,
    Rule,
    Setup,
)
from flatline_monitor.runs.model import Feature

_SUMS = {"softmax", "log_softmax", "sparsemax"}
_BOUNDS = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "softplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
    "relu6": (0.0, 6.0),
}
_ROUNDING = 1e-3
_IGNORED = -1
"""A label that people give to what a loss is to leave out."""
_SCORES = {"accuracy", "acc", "binary_accuracy", "categorical_accuracy", "BinaryAccuracy"}


def activation_not_for_loss(setup: Setup) -> Broken | None:
    """The last layer's outputs are not what the loss takes them for.

    Source: NeuraLint (Nikanjam et al., 2021), rules 8 to 11; UMLAUT (Schoop et al., 2021).
    """
    output, loss = setup.output, setup.loss
    if output is None or loss.name not in CROSS_ENTROPIES or not output.activation:
        return None
    name, units = output.activation, output.units or 0
    if loss.from_logits:
        if name in {*_SUMS, "sigmoid", "hard_sigmoid"}:
            return Broken(f"the loss takes logits, and the last layer puts out a {name} of them")
        return None
    if name in {"linear", "relu", "tanh", "leaky_relu", "elu", "selu", "gelu", "softplus"}:
        what = "no nonlinearity" if name == "linear" else f"a {name}"
        return Broken(
            f"{loss.name} takes probabilities, and the last layer ends in {what}; "
            "from_logits is not set"
        )
    if name == "softmax" and units == 1:
        return Broken("a softmax over a single unit is always 1")
    if name == "sigmoid" and loss.name in OF_CLASSES:
        return Broken(f"{loss.name} takes one choice of {units}, the last layer ends in a sigmoid")
    return None


def softmax_of_yes_or_no(setup: Setup) -> Broken | None:
    """A softmax is learned as if its outputs had nothing to do with one another."""
    output = setup.output
    if output is None or setup.loss.name not in OF_UNITS or output.activation != "softmax":
        return None
    if output.units == 1 or setup.loss.from_logits:
        return None
    return Broken(f"{setup.loss.name} takes each unit for itself, and they end in one softmax")


def softmax_over_samples(setup: Setup) -> Broken | None:
    """A softmax sums over something else than the classes."""
    for layer in setup.model.layers:
        if layer.axis == 0:
            return Broken(f'the softmax of "{layer.name}" goes over the batch, axis 0')
    return None


def classes_as_numbers(setup: Setup) -> Broken | None:
    """A distance is to tell classes apart.

    Source: Goodfellow et al. (2016), Deep Learning, section 6.2.2: its gradient vanishes where a
    sigmoid is sure and wrong.
    """
    if setup.loss.name not in DISTANCES or setup.output is None:
        return None
    scored = not _SCORES.isdisjoint(setup.model.metrics)
    if setup.output.activation == "softmax" or (setup.output.activation == "sigmoid" and scored):
        return Broken(f"classes are learned by {setup.loss.name}, which is for numbers")
    return None


def accuracy_of_numbers(setup: Setup) -> Broken | None:
    """An accuracy is asked of a regression, where no answer is ever exactly right."""
    target, head = setup.target, setup.output
    if target is None or _SCORES.isdisjoint(setup.model.metrics) or not target.features:
        return None
    if setup.loss.name not in DISTANCES or all(each.whole for each in target.features):
        return None
    if head is not None and head.activation in {"softmax", "sigmoid"}:
        return None
    return Broken("accuracy says nothing of a regression: no number is exactly right")


def labels_out_of_range(setup: Setup) -> Broken | None:
    """There are labels for which the output has no unit, or targets that it cannot reach."""
    span, output, loss = _span(setup), setup.output, setup.loss.name
    if span is None or output is None or labels_of_other_kind(setup):
        return None
    low, high = span
    if loss.startswith("sparse") and output.units:
        if low < _IGNORED or high > output.units - 1:
            return Broken(
                f"labels go from {low:g} to {high:g}, and the last layer has {output.units} units",
                Evidence("largest_label", high, output.units - 1.0),
            )
        return None
    least, most = (0.0, 1.0) if loss in CROSS_ENTROPIES else _BOUNDS.get(output.activation, (0, 0))
    if (least, most) == (0, 0) or (low >= least - _ROUNDING and high <= most + _ROUNDING):
        return None
    outside = high if high > most + _ROUNDING else low
    side = Side.ABOVE if outside == high else Side.BELOW
    what = loss if loss in CROSS_ENTROPIES else f"a {output.activation}"
    return Broken(
        f"targets go from {low:g} to {high:g}; {what} is for {least:g} to {most:g}",
        Evidence("outermost_target", outside, most if side is Side.ABOVE else least, fires=side),
    )


def labels_of_other_kind(setup: Setup) -> Broken | None:
    """One-hot labels where whole numbers are wanted, or the reverse."""
    target, output, loss = setup.target, setup.output, setup.loss.name
    if target is None or output is None or not target.features:
        return None
    if loss.startswith("sparse") and target.one_hot:
        return Broken("the labels are one-hot, and a sparse loss takes whole numbers")
    single = math.prod(target.shape) == 1
    if loss == "categorical_crossentropy" and single and (output.units or 0) > 1:
        return Broken("the labels are whole numbers, and categorical_crossentropy takes one-hot")
    return None


def _span(setup: Setup) -> tuple[float, float] | None:
    """Return the smallest and the largest of the targets; None: not known."""
    features: tuple[Feature, ...] = () if setup.target is None else setup.target.features
    known = [each for each in features if math.isfinite(each.minimum)]
    if not known:
        return None
    return min(each.minimum for each in known), max(each.maximum for each in known)


RULES: tuple[Rule, ...] = (
    activation_not_for_loss,
    softmax_of_yes_or_no,
    softmax_over_samples,
    classes_as_numbers,
    accuracy_of_numbers,
    labels_out_of_range,
    labels_of_other_kind,
)
