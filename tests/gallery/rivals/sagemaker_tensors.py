"""SageMaker Debugger's built-in rules over tensors: gradients, weights, activations, inputs.

Defined in AWS's developer guide, "List of Debugger Built-in Rules", with the defaults given
there. Left out are rules over XGBoost's trees, two runs or tokens, TensorVariance, which has no
default, and StalledTrainingRule, whose half an hour is longer than any run of the gallery.

A recording has norms in place of tensors. These stand in:
    a mean of absolute values by norm, size and share of zeros (`Logs.gradient`);
    a ratio of means by the ratio of norms; percentiles of a gradient as of a normal variable;
    equality of all elements by an update below the tolerance and a norm that stays put;
    inputs of ReLUs by their outputs: of a centred normal input both have variances in proportion;
    the bounds of saturated units (an input beyond 9.5) by units whose output stays near its
    bounds, which is so much sooner;
    the activity of a ReLU by units that were silent on the samples of fifty steps.
Rules look at kernels and embeddings, where the collections would hold biases too: biases begin
at zero, and would fire in healthy runs.
"""

import numpy as np

from flatline_monitor.runs.records import ActivationKind
from tests.gallery.rivals.contract import rule
from tests.gallery.rivals.logs import GAUSSIAN_MEAN, Array, Logs, after_hits, first, unimproved

SMALLEST_GRADIENT = 1e-7
LARGEST_RATIO, SMALLEST_RATIO, EPSILON = 10.0, 1e-8, 1e-9
RTOL, ATOL, UNCHANGED_STEPS = 1e-5, 1e-8, 3
LAYER_SHARE = 0.5
FIRST_STEPS, VARIANCE_RATIO, GRADIENT_RANGE, LOSS_PATIENCE = 10, 10.0, 0.001, 5
P5_TO_P95 = 3.29
"""Standard deviations of a normal variable from its 5th to its 95th percentile."""
ACTIVITY_STEPS = 50
IMAGES, IMAGE_MEAN = 500, 0.2


@rule("VanishingGradient", "vanishing_gradient", "frozen_layer", "dead_units")
def vanishing_gradient(logs: Logs) -> int | None:
    """The mean absolute gradient of a tensor is below 1e-7."""
    small = (
        logs.gradient[:, logs.kernels] < SMALLEST_GRADIENT if logs.gradient.size else logs.gradient
    )
    return first((small != 0).any(axis=1), logs.sampled)


@rule("ExplodingTensor", "non_finite", "gradient_explosion", "divergence")
def exploding_tensor(logs: Logs) -> int | None:
    """A value is not finite."""
    return int(logs.lost[0]) if len(logs.lost) else None


@rule("WeightUpdateRatio", "update_ratio", "frozen_layer", "update_spike", "lr_schedule")
def weight_update_ratio(logs: Logs) -> int | None:
    """An update is above ten times the weights, or below 1e-8 of them."""
    update, weight = logs.of("update_norm", logs.kernels), logs.of("weight_norm", logs.kernels)
    if update.shape != weight.shape:
        return None
    ratio = update / (weight + EPSILON)
    return first(((ratio > LARGEST_RATIO) | (ratio < SMALLEST_RATIO)).any(axis=1), logs.sampled)


@rule("UnchangedTensor", "frozen_layer", "stagnation", "lr_schedule", "update_ratio")
def unchanged_tensor(logs: Logs) -> int | None:
    """Weights are numpy.allclose over three saved steps."""
    update, weight = logs.of("update_norm", logs.kernels), logs.of("weight_norm", logs.kernels)
    if update.shape != weight.shape or not update.size:
        return None
    size = np.array([logs.run.variables[i].size for i in logs.kernels], float)
    near = RTOL * weight + ATOL * np.sqrt(size)
    moved = np.abs(np.diff(weight, axis=0, prepend=np.inf))
    still = (update <= near) & (moved <= near)
    hits = [after_hits(column, UNCHANGED_STEPS - 1) for column in still.T]
    return first(np.any(hits, axis=0), logs.sampled)


@rule("AllZero", "frozen_layer", "dead_units", "vanishing_gradient")
def all_zero(logs: Logs) -> int | None:
    """All of a weight or of a gradient is zero."""
    zero = [logs.of(name, logs.kernels) == 0 for name in ("grad_norm", "weight_norm")]
    return first(np.concatenate(zero, axis=1).any(axis=1), logs.sampled)


@rule("SaturatedActivation", "saturated_activations")
def saturated_activation(logs: Logs) -> int | None:
    """More than half of a layer's tanh or sigmoid units stay at their bounds."""
    share = logs.column("saturated_unit_share") > LAYER_SHARE
    return first(share.any(axis=1), logs.sampled)


@rule("DeadRelu", "dead_units")
def dead_relu(logs: Logs) -> int | None:
    """More than half of a layer's ReLUs are active less than 1 % of the time."""
    share = np.asarray((logs.column("dead_unit_share") > LAYER_SHARE).any(axis=1))
    share[: min(ACTIVITY_STEPS, len(share)) - 1] = False
    return first(share, logs.sampled)


@rule(
    "PoorWeightInitialization",
    *("init_loss", "vanishing_gradient", "gradient_explosion"),
    *("saturated_activations", "dead_units"),
)
def poor_weight_initialization(logs: Logs) -> int | None:
    """In the first ten saved steps the loss stops falling, and layers or gradients are uneven.

    The guide names the three tests and not how they are joined; together they are quieter.
    """
    steps, loss = (column[:FIRST_STEPS] for column in logs.loss)
    stuck = first(unimproved(loss, 0.0) >= LOSS_PATIENCE, steps)
    uneven = (_variance_ratio(logs) > VARIANCE_RATIO) | (_gradient_range(logs) < GRADIENT_RANGE)
    ill = first(uneven[:FIRST_STEPS], logs.sampled[:FIRST_STEPS])
    return None if stuck is None or ill is None else max(stuck, ill)


def _variance_ratio(logs: Logs) -> Array:
    relus = [
        i
        for i, kind in enumerate(each.kind for each in logs.run.activations)
        if kind is ActivationKind.RECTIFIER
    ]
    spread = logs.column("activation_std")
    if len(relus) < 2 or spread.shape[1] <= max(relus):
        return np.full(len(logs.sampled), np.nan)
    variance = spread[:, relus] ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(variance.max(axis=1) / variance.min(axis=1))


def _gradient_range(logs: Logs) -> Array:
    gradient = logs.gradient[:, logs.kernels] if logs.gradient.size else logs.gradient
    if not gradient.shape[1]:
        return np.full(len(logs.sampled), np.nan)
    return np.asarray(gradient.min(axis=1) / GAUSSIAN_MEAN * P5_TO_P95)


@rule("CheckInputImages", "input_scale")
def check_input_images(logs: Logs) -> int | None:
    """The mean of five hundred images is further than .2 from zero; only where there are images."""
    first_layer = logs.run.variables[0].layer_class if logs.run.variables else ""
    if not first_layer.startswith("Conv"):
        return None
    seen = np.cumsum(np.nan_to_num(logs.number("sample_count")))
    mean = logs.number("input_mean")
    average = np.cumsum(mean) / np.arange(1, len(mean) + 1)
    return first((seen >= IMAGES) & (np.abs(average) > IMAGE_MEAN), logs.sampled)


RULES = (
    *(vanishing_gradient, exploding_tensor, weight_update_ratio, unchanged_tensor, all_zero),
    *(saturated_activation, dead_relu, poor_weight_initialization, check_input_images),
)
