"""How the facts of a run are measured. Each returns None, or nothing, for what was not sent."""

import itertools
import math

import numpy as np

from flatline_monitor.detectors.frozen_layer import WEIGHTS
from flatline_monitor.detectors.statistics import finite_median, finite_medians, mean_loss
from flatline_monitor.detectors.trend import loss_trend
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.firsts import glorot_norm
from flatline_monitor.runs.records import ActivationKind, Evaluation, Role
from flatline_monitor.runs.view import RunView

WINDOW = 100
CLASSES_KEPT = 64
PATHS_KEPT = 8
FIRST = 5
IN_A_STACK = {Role.KERNEL, Role.BIAS, Role.GAMMA, Role.BETA}


def recent_loss(view: RunView) -> float | None:
    """Return the mean data loss over the last quarter, of the whole loss where that is not sent."""
    loss, _ = mean_loss(view, view.since(view.step - view.step // 4))
    if not math.isfinite(loss):
        loss = finite_median(view.loss_since(view.step - view.scaled(WINDOW) + 1))
    return known(loss)


def samples(view: RunView) -> int | None:
    """Return the samples of an epoch: its steps times the mean size of the sampled batches."""
    steps, counted = view.steps_in_an_epoch, view.coarse.total("data_count")
    if steps is None or not (counted.size and counted):
        return view.samples_in_an_epoch
    return round(float(view.coarse.total("samples") / counted) * steps)


def improving(view: RunView) -> float | None:
    """Return the share of its loss that the run gains with each epoch; 0: it does not surely."""
    trend = loss_trend(view)
    if trend is None:
        return None
    return known(trend.share_per_epoch) if trend.falls else 0.0


def best_evaluation(view: RunView) -> Evaluation | None:
    """Return the evaluation with the lowest loss."""
    seen = [e for e in view.evaluations if math.isfinite(e.metrics.get("loss", math.nan))]
    return min(seen, key=lambda e: e.metrics["loss"], default=None)


def began_at(view: RunView, terms: float | None) -> float | None:
    """Return the loss of the first step less the regularisation; the first steps are not sampled.

    What regularisation, of late `terms`, adds is told by the first sampled steps.
    """
    losses, data = view.firsts.loss, view.firsts.data_loss
    if not len(losses):
        return None
    added = finite_median(losses[: FIRST + 1]) - finite_median(data[:FIRST]) if len(data) else 0.0
    return known(float(losses[0]) - (max(0.0, added) if terms and terms > 0 else 0.0))


def first(values: np.ndarray) -> float | None:
    """Return the first value."""
    return float(values[0]) if len(values) else None


def update_ratios(view: RunView) -> tuple[float, float] | None:
    """Return the smallest and the largest of the kernels' median ratios of late."""
    updates, weights = _of_kernels(view, "update_norm"), _of_kernels(view, "weight_norm")
    if updates is None or weights is None or not updates.size:
        return None
    with np.errstate(invalid="ignore"):
        ratios = updates / np.maximum(weights, 1e-30)
    middle = finite_medians(ratios)
    finite = middle[np.isfinite(middle)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def gradients(view: RunView) -> tuple[float | None, int]:
    """Return the gap from the last kernel to the first half in decades; kernels without any."""
    norms = _of_kernels(view, "grad_norm")
    if norms is None:
        return None, 0
    norms = norms[np.isfinite(norms).all(axis=1)]
    if not norms.size:
        return None, 0
    middle = np.median(norms, axis=0).astype(np.float64)
    without = int((middle == 0).sum())
    early = middle[: max(1, len(middle) // 2)].max()
    if not (middle[-1] > 0 and early > 0):
        return None, without
    return float(np.log10(middle[-1] / early)), without


def kernel_norm(view: RunView) -> float | None:
    """Return the norm of all kernels together at the last sampled step."""
    norms = _of_kernels(view, "weight_norm")
    if norms is None or not len(norms):
        return None
    return known(float(np.sqrt((norms[-1].astype(np.float64) ** 2).sum())))


def usual_kernel_norm(view: RunView) -> float:
    """Return the norm that all kernels together begin with by Glorot's rule."""
    kernels = view.dense
    return math.hypot(*(glorot_norm(view.variables[i].shape) for i in kernels))


def is_stack(view: RunView) -> bool:
    """Say whether the model is a stack of dense layers, with normalisation between at the most."""
    if not {variable.role for variable in view.variables} <= IN_A_STACK:
        return False
    shapes = [view.variables[i].shape for i in view.kernels]
    matrices = bool(shapes) and all(len(shape) == len("io") for shape in shapes)
    return matrices and all(a[1] == b[0] for a, b in itertools.pairwise(shapes))


def rectified_output(view: RunView) -> bool:
    """Say whether the layer of the last kernel ends in a ReLU."""
    if not view.kernels:
        return False
    last = view.variables[view.kernels[-1]].layer
    return any(each.layer == last for each in view.activations_of(ActivationKind.RECTIFIER))


def zero_kernels(view: RunView) -> int:
    """Return how many kernels before the last are all zero, as they began."""
    norms = _of_kernels(view, "weight_norm")
    return 0 if norms is None or not len(norms) else int((norms[-1, :-1] == 0).sum())


def untrained(view: RunView) -> tuple[str, ...]:
    """Return the paths of the first weights that should be trained and have no gradient."""
    paths = (each.path for each in view.untrained if each.trainable)
    return tuple(itertools.islice((path for path in paths if path.endswith(WEIGHTS)), PATHS_KEPT))


def fixed(view: RunView) -> int:
    """Return how many weights the program has frozen."""
    return sum(not u.trainable and u.path.endswith(WEIGHTS) for u in view.untrained)


def recent(view: RunView, column: str) -> float | None:
    """Return the median of a column of numbers over the last steps."""
    if not view.has(column):
        return None
    return known(finite_median(_latest(view, column)))


def regularization_share(view: RunView, terms: float | None) -> float | None:
    """Return the largest share of the loss that regularisation, of late `terms`, ever had."""
    data = recent(view, "data_loss")
    if terms is None or data is None:
        return None
    shares = [terms / (terms + data)] if terms + data > 0 else []
    begun = min(len(view.firsts.loss), len(view.firsts.data_loss), FIRST)
    whole, alone = view.firsts.loss[:begun], view.firsts.data_loss[:begun]
    if begun and terms > 0 and float(np.median(whole)) > 0:
        shares.append(1 - float(np.median(alone)) / float(np.median(whole)))
    return known(max(shares, default=math.nan))


def inputs(view: RunView) -> tuple[tuple[float, float, float, float], ...]:
    """Return smallest, largest, mean and standard deviation of each input over the last steps."""
    names = ("input_min", "input_max", "input_mean", "input_std")
    embedded = bool(view.variables) and view.variables[0].role is Role.EMBEDDING
    if embedded or not all(view.has(name) for name in names):
        return ()  # indices into an embedding are names, and have no size
    low, high, mean, std = (_latest(view, name) for name in names)
    if not len(low):
        return ()
    smallest = np.where(np.isfinite(low), low, np.inf).min(axis=0)
    largest = np.where(np.isfinite(high), high, -np.inf).max(axis=0)
    rows = zip(smallest, largest, mean.T, std.T, strict=True)
    return tuple((float(a), float(b), finite_median(m), finite_median(s)) for a, b, m, s in rows)


def are_whole(view: RunView) -> bool:
    """Say whether the smallest and largest elements of all batches of late are whole numbers.

    To be asked where `inputs` are known.
    """
    ends = np.concatenate([_latest(view, name) for name in ("input_min", "input_max")])
    finite = ends[np.isfinite(ends)]
    return bool(finite.size and (finite == np.round(finite)).all())


def counts(blocks: Blocks, name: str) -> tuple[int, ...]:
    """Return a histogram over classes, of the first classes where there are many."""
    return tuple(int(n) for n in np.atleast_1d(blocks.total(name))[:CLASSES_KEPT])


def known(value: float) -> float | None:
    """Return a finite value, None for any other."""
    return value if math.isfinite(value) else None


def _of_kernels(view: RunView, column: str) -> np.ndarray | None:
    """Return the kernels' columns over the last steps, embeddings apart."""
    kernels = view.dense
    return _latest(view, column)[:, kernels] if kernels and view.has(column) else None


def _latest(view: RunView, column: str) -> np.ndarray:
    """Return the column at the last sampled steps, however long ago they were."""
    return np.asarray(view.rows.sampled.columns[column][-view.scaled(WINDOW) :])
