"""TheDeepChecker (Ben Braiek and Khomh, TOSEM 2022): properties that a training has to have.

Definitions of its repository (deep_checker/hooks.py, checkers.py, settings.yaml); it looks every
ten steps from the third on. Its thresholds are meant for over-fitting one batch, so that what it
says of a whole training is an upper bound of its noise. Where it has tensors a recording has
norms: mean absolute values and ratios of them by norm and size, weights near zero by their norm,
dead and saturated neurons by units that are silent or near their bounds, the spread of
activations as recorded. The F-test of the spread is that of one degree of freedom (2.71), as
most layers are large. Gradients of weights only, not of biases. Not recorded, and left out:
signs of weights, initial weights against He, Glorot and LeCun, numeric gradients, outputs, and
what it trains by itself (a batch, zeroed inputs, corrupted labels, augmentation).
"""

import numpy as np
from numpy.typing import ArrayLike

from flatline_monitor.runs.records import Task
from tests.gallery.rivals.contract import Rival, rule
from tests.gallery.rivals.logs import Array, Logs, after_hits, first

PERIOD, START, WINDOW = 10, 3, 5
VANISHED, EXPLODED, SHRINKS, GROWS = 1e-6, 1e6, 0.5, 2.0
SLOW_UPDATES, FAST_UPDATES = -4.0, -1.0
DEAD_WEIGHT, DIVERGED_WEIGHT = 1e-5, 1e8
NEURON_SHARE = 0.5
LEAST_SPREAD, MOST_SPREAD, F_LIMIT = 0.5, 2.0, 2.71
DEVIATION, BALANCE = 1.0, 0.5
FALL, LOSS_GROWS, SMOOTHNESS, SMOOTHNESS_WINDOW, CORRELATION = 0.05, 2.0, 0.5, 50, 0.5
REGULARISATION, SCALED = 2.0, 0.25


def _periodic(hits: ArrayLike, logs: Logs) -> int | None:
    """Return the first of the hits that is on one of the steps that it looks at."""
    hits = np.asarray(hits)
    count = np.arange(len(hits))
    return first(hits & (count >= START) & (count % PERIOD == 0), logs.sampled)


def _runs_of(hits: Array) -> Array:
    """Return [sampled] whether some variable was hit at each of the last four comparisons."""
    columns = [after_hits(column, WINDOW - 1) for column in hits.T]
    return np.any(columns, axis=0) if columns else np.zeros(len(hits), bool)


def _growth(column: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = column[1:] / column[:-1]
    return np.vstack([np.full((min(1, len(column)), column.shape[1]), np.nan), ratio])


def _gradient(logs: Logs) -> Array:
    return logs.gradient[:, logs.kernels] if logs.gradient.size else logs.gradient


def _weight(logs: Logs) -> Array:
    """[sampled, variable] root mean square, in place of the mean absolute value."""
    norm = logs.of("weight_norm", logs.kernels)
    size = np.array([logs.run.variables[i].size for i in logs.kernels], float)
    return norm / np.sqrt(size) if norm.shape[1] else norm


@rule("unnormalised features", "input_scale")
def features(logs: Logs) -> int | None:
    """Inputs are neither of mean 0 and deviation 1 nor fill one of [0, 1] and [-1, 1]."""
    mean, std = logs.number("input_mean"), logs.number("input_std")
    low, high = logs.number("input_min"), logs.number("input_max")
    if not np.isfinite(mean).any():
        return None
    bounded = (
        abs(np.nanmax(high) - 1) < SCALED
        and min(abs(np.nanmin(low) - bound) for bound in (0, -1)) < SCALED
    )
    standard = abs(np.nanmean(mean)) < SCALED and abs(np.nanmean(std) - 1) < SCALED
    return None if bounded or standard else int(logs.sampled[0])


@rule("unbalanced labels", "class_collapse", "starved_class")
def labels(logs: Logs) -> int | None:
    """The perplexity of the labels is below half of the number of classes."""
    count = logs.column("label_count").sum(axis=0)
    if len(count) < 2 or not count.sum():
        return None
    share = count[count > 0] / count.sum()
    perplexity = np.exp(-(share * np.log(share)).sum())
    return int(logs.sampled[0]) if perplexity / len(count) < BALANCE else None


@rule("poor initial loss", "init_loss")
def initial_loss(logs: Logs) -> int | None:
    """The first loss is further from ln K than ln K; classifications only."""
    steps, loss = logs.loss
    classes = logs.run.hello.class_count
    if logs.run.hello.task is not Task.CLASSIFICATION or not classes or not len(loss):
        return None
    expected = np.log(max(classes, 2))
    return int(steps[0]) if abs(loss[0] - expected) >= DEVIATION * expected else None


@rule("dead activations", "dead_units")
def dead(logs: Logs) -> int | None:
    """More than half of a layer is silent."""
    return _periodic((logs.column("dead_unit_share") > NEURON_SHARE).any(axis=1), logs)


@rule("saturated activations", "saturated_activations")
def saturated(logs: Logs) -> int | None:
    """More than half of a layer stays at its bounds."""
    return _periodic((logs.column("saturated_unit_share") > NEURON_SHARE).any(axis=1), logs)


@rule("unstable activations", "saturated_activations", "dead_units", "input_scale", "weight_growth")
def spread(logs: Logs) -> int | None:
    """The deviation of a layer's outputs is below .5 or above 2, by more than chance."""
    std = logs.column("activation_std")
    with np.errstate(divide="ignore", invalid="ignore"):
        narrow = (std < LEAST_SPREAD) & ((LEAST_SPREAD / std) ** 2 > F_LIMIT)
        wide = (std > MOST_SPREAD) & ((std / MOST_SPREAD) ** 2 > F_LIMIT)
    return _periodic((narrow | wide).any(axis=1), logs)


@rule("not finite", "non_finite")
def not_finite(logs: Logs) -> int | None:
    """A loss, gradient or weight is not finite."""
    return int(logs.lost[0]) if len(logs.lost) else None


@rule("dead weights", "over_regularised", "frozen_layer")
def dead_weights(logs: Logs) -> int | None:
    """The weights of a layer are below 1e-5."""
    return _periodic((_weight(logs) < DEAD_WEIGHT).any(axis=1), logs)


@rule("diverging weights", "weight_growth", "divergence", "gradient_explosion")
def diverging_weights(logs: Logs) -> int | None:
    """They are above 1e8, or double four times running."""
    weight = _weight(logs)
    huge = (weight > DIVERGED_WEIGHT).any(axis=1)
    return _periodic(huge | _runs_of(_growth(weight) >= GROWS), logs)


@rule("vanishing gradient", "vanishing_gradient", "frozen_layer", "dead_units")
def vanishing(logs: Logs) -> int | None:
    """The mean absolute gradient of a layer is below 1e-6, or halves four times running."""
    gradient = _gradient(logs)
    return _periodic(
        (gradient < VANISHED).any(axis=1) | _runs_of(_growth(gradient) <= SHRINKS), logs
    )


@rule("exploding gradient", "gradient_explosion", "divergence", "non_finite", "update_spike")
def exploding(logs: Logs) -> int | None:
    """It is above 1e6, or doubles four times running."""
    gradient = _gradient(logs)
    return _periodic((gradient > EXPLODED).any(axis=1) | _runs_of(_growth(gradient) >= GROWS), logs)


def _updates(logs: Logs) -> tuple[Array, Array]:
    """Return the mean of the decimal logarithm of update / weight over ten steps, and the steps."""
    update, weight = logs.of("update_norm", logs.kernels), logs.of("weight_norm", logs.kernels)
    whole = len(update) // PERIOD * PERIOD
    if update.shape != weight.shape or not whole:
        return np.zeros((0, 0)), logs.sampled[:0]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log10(update / weight)
    ratio = np.where(np.isfinite(ratio), ratio, 0.0)[:whole]
    means = ratio.reshape(-1, PERIOD, ratio.shape[1]).mean(axis=1)
    return means, logs.sampled[PERIOD - 1 : whole : PERIOD]


@rule("untrained weights", "frozen_layer", "lr_schedule")
def untrained(logs: Logs) -> int | None:
    """Weights of a layer do not change."""
    means, steps = _updates(logs)
    return first((means == 0).any(axis=1), steps)


@rule("fast updates", "update_ratio", "update_spike", "divergence", "weight_growth")
def fast(logs: Logs) -> int | None:
    """Updates are above a tenth of the weights."""
    means, steps = _updates(logs)
    return first((means > FAST_UPDATES).any(axis=1) & (means != 0).any(axis=1), steps)


@rule("slow updates", "update_ratio", "lr_schedule", "stagnation")
def slow(logs: Logs) -> int | None:
    """Updates are below 1e-4 of the weights."""
    means, steps = _updates(logs)
    return first((means < SLOW_UPDATES).any(axis=1), steps)


def _losses(logs: Logs) -> tuple[Array, Array]:
    """Return the mean losses of ten steps each, and the steps at which they are known."""
    steps, loss = logs.loss
    whole = len(loss) // PERIOD * PERIOD
    return loss[:whole].reshape(-1, PERIOD).mean(axis=1), steps[PERIOD - 1 : whole : PERIOD]


@rule("stagnated loss", "stagnation", "no_skill", "plateau")
def stagnated(logs: Logs) -> int | None:
    """The loss falls by less than 5 % four times running."""
    loss, steps = _losses(logs)
    with np.errstate(divide="ignore", invalid="ignore"):
        flat = (loss[:-1] - loss[1:]) / loss[:-1] < FALL
    return first(after_hits(flat, WINDOW - 1), steps[1:])


@rule("diverging loss", "divergence", "loss_spike")
def diverging(logs: Logs) -> int | None:
    """The loss doubles four times running."""
    loss, steps = _losses(logs)
    with np.errstate(divide="ignore", invalid="ignore"):
        rises = loss[1:] / loss[:-1] >= LOSS_GROWS
    return first(after_hits(rises, WINDOW - 1), steps[1:])


@rule("fluctuating loss", "oscillation", "loss_spike")
def fluctuating(logs: Logs) -> int | None:
    """More than half of the last fifty losses turn back."""
    loss, steps = _losses(logs)
    if len(loss) < SMOOTHNESS_WINDOW:
        return None
    turns = np.diff((np.diff(loss) > 0).astype(int)) != 0
    windows = np.lib.stride_tricks.sliding_window_view(turns, SMOOTHNESS_WINDOW - 2)
    smooth = 1 - windows.sum(axis=1) / SMOOTHNESS_WINDOW
    return first(smooth < SMOOTHNESS, steps[SMOOTHNESS_WINDOW - 1 :])


@rule("loss does not represent accuracy", "loss_accuracy_inconsistency", "no_skill")
def unrepresentative(logs: Logs) -> int | None:
    """Loss and accuracy are correlated by less than .5, over the blocks of ten steps so far."""
    right, seen = logs.column("correct_count").sum(axis=1), logs.column("label_count").sum(axis=1)
    known = np.isin(logs.sampled, logs.loss[0]) & (seen > 0)
    loss = logs.run.loss[np.searchsorted(logs.run.step, logs.sampled[known])].astype(float)
    whole = len(loss) // PERIOD * PERIOD
    accuracy = (right[known] / seen[known])[:whole].reshape(-1, PERIOD).mean(axis=1)
    loss = loss[:whole].reshape(-1, PERIOD).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = [abs(_correlation(loss[:n], accuracy[:n])) < CORRELATION for n in _few(len(loss))]
    ends = [logs.sampled[known][n * PERIOD - 1] for n in _few(len(loss))]
    return first(np.array(hits, bool), np.array(ends, np.int64))


def _few(count: int) -> list[int]:
    """Return at how many blocks it is looked at: each of the first hundred, then ever fewer."""
    return sorted({int(n) for n in (*range(3, 101), *np.geomspace(101, 10_000, 60)) if n <= count})


def _correlation(one: Array, other: Array) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


@rule("overwhelming regularisation", "over_regularised")
def over_regularised(logs: Logs) -> int | None:
    """The regularisers' gradient is twice that of the whole loss, five steps running."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = logs.number("regularization_grad_norm") / logs.number("global_grad_norm")
    return first(after_hits(ratio >= REGULARISATION, WINDOW), logs.sampled)


RULES = (
    *(features, labels, initial_loss, dead, saturated, spread, not_finite, dead_weights),
    *(diverging_weights, vanishing, exploding, untrained, fast, slow, stagnated, diverging),
    *(fluctuating, unrepresentative, over_regularised),
)
RIVAL = Rival("TheDeepChecker", "Ben Braiek and Khomh, TOSEM 2022; deep_checker/", RULES)
