"""How the facts that lie in the model are measured: its beginning, its ends, its layers."""

import math

import numpy as np

from flatline_monitor.detectors.statistics import finite_median
from flatline_monitor.diagnosis.measures import is_stack
from flatline_monitor.runs.firsts import glorot_norm
from flatline_monitor.runs.records import LossKind, Role
from flatline_monitor.runs.view import RunView

LATE = 100
FAR_OFF = 3.0
"""Times the null model's loss from which on most of a squared error is that of the mean."""
CALM_LOSS, CALM_UPDATE = 3.0, 0.3
"""Of what a run may lose, in first losses, and change a kernel by, right before it goes bad."""
LAST = 3
FRESH = 20
RISE = 0.5  # of the first loss
STEADY = 0.3
SAME = 0.01


def largest_beginning(view: RunView) -> float | None:
    """Return the largest norm that a kernel began with, in those of Glorot's or He's rule.

    Whichever is larger: He's is for a layer of one input.
    """
    kernels = view.dense
    began = view.firsts.weight_norm
    if not kernels or len(began) != len(kernels):
        return None
    shapes = [view.variables[i].shape for i in kernels]
    usual = np.array([max(glorot_norm(shape), math.sqrt(2 * shape[-1])) for shape in shapes])
    known = (usual > 0) & np.isfinite(began)
    return float((began[known] / usual[known]).max()) if known.any() else None


def error_returned(view: RunView, loss: float | None) -> float | None:
    """Return how much of the mean error comes back through the bias of a regression's last layer.

    1 without an activation behind it: the gradient of a squared error by the bias is twice the
    mean error, which is known from the loss where the answers are nearly constant and far off.
    """
    null, late = view.null_loss, view.since(view.step - view.step // 4)["loss_median"]
    if view.hello.loss_kind is not LossKind.SQUARED_ERROR or not null or loss is None:
        return None
    if not view.kernels or not view.has("grad_norm") or loss < FAR_OFF * null:
        return None
    if not len(late) or not np.ptp(late) < STEADY * loss:
        return None  # the answers are not constant
    last = view.variables[view.kernels[-1]]
    bias = [
        i
        for i, each in enumerate(view.variables)
        if each.layer == last.layer and each.role is Role.BIAS
    ]
    if not bias:
        return None
    norm = finite_median(view.last_samples("grad_norm", LATE)[:, bias[0]])
    share = norm / (2 * math.sqrt((loss - null) / last.shape[-1]))
    return share if math.isfinite(share) else None


def masked_share(view: RunView) -> float | None:
    """Return the largest share of a kernel that had no gradient of late, the first kernel apart.

    Not all kernels are measured.
    """
    kernels = view.dense[1:]
    if not kernels or not view.has("grad_zero_share"):
        return None
    shares = view.last_samples("grad_zero_share", LATE)[:, kernels]
    shares = shares[:, np.isfinite(shares).any(axis=0)]
    finite = shares[np.isfinite(shares).all(axis=1)]
    return float(np.median(finite, axis=0).max()) if finite.size else None


def moves_means(view: RunView) -> bool:
    """Say whether the model normalises by moving means, as far as its variables tell."""
    return any("BatchNorm" in each.layer_class for each in view.variables)


def is_linear(view: RunView) -> bool:
    """Say whether several dense layers follow one another without a nonlinearity between them."""
    if view.activations or len(view.kernels) < 2:  # noqa: PLR2004 - one layer has none behind it
        return False
    return is_stack(view) and all(each.layer_class == "Dense" for each in view.variables)


def training_excess(view: RunView, loss: float | None) -> float | None:
    """Return by how much training of late loses more than validation, as a share of the null."""
    late = [
        each.metrics["loss"]
        for each in view.evaluations
        if each.step > view.step - view.step // 4 and "loss" in each.metrics
    ]
    if len(late) < 2 or loss is None or not view.null_loss:  # noqa: PLR2004 - one may be luck
        return None
    excess = (loss - max(late)) / view.null_loss
    return excess if math.isfinite(excess) else None


def was_never_better(view: RunView) -> bool:
    """Say whether the loss has only risen since the run began."""
    first, now = view.first_loss, finite_median(view.loss_since(view.step - FRESH))
    if not first > 0 or math.isnan(view.best_loss):
        return False
    return view.best_loss >= (1 - RISE / 10) * first and now > (1 + RISE) * first


def was_calm(view: RunView) -> bool:
    """Say whether nothing had grown before the numbers went bad: no loss, and no update.

    The first step is not sampled. It takes more than one to grow from an ordinary loss beyond
    all numbers, and so the loss alone tells when the second was bad.
    """
    if view.bad is None or not view.bad.step or not view.firsts.loss.size:
        return False
    before = view.rows.loss_known & np.isfinite(view.rows.loss) & (view.rows.step < view.bad.step)
    losses = np.abs(view.rows.loss[before][-LAST:])
    usual = max(abs(float(view.firsts.loss[0])), view.null_loss or 0.0)
    ordinary = view.null_loss is None or usual <= CALM_LOSS * view.null_loss
    if not ordinary or (losses.size and float(losses.max()) > CALM_LOSS * usual):
        return False
    ratios = _update_ratios_before(view, view.bad.step)
    return bool((ratios < CALM_UPDATE).all()) if ratios.size else view.bad.step == 1


def _update_ratios_before(view: RunView, step: int) -> np.ndarray:
    """Return the kernels' update ratios at the last sampled steps before this one."""
    kernels = view.dense
    if not (kernels and view.has("update_norm") and view.has("weight_norm")):
        return np.zeros(0)
    updates, weights = (
        view.rows.sampled.columns[name][:, kernels] for name in ("update_norm", "weight_norm")
    )
    at = view.rows.sampled.step[-len(updates) :]
    updates, weights = updates[at < step][-LAST:], weights[at < step][-LAST:]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.asarray(updates / weights)
    return ratios[np.isfinite(ratios)]


def is_plain_descent(view: RunView) -> bool:
    """Say whether each update of late was the gradient times the rate, and nothing else."""
    kernels = view.dense
    if not (kernels and view.has("update_norm") and view.has("grad_norm") and view.learning_rate):
        return False
    rate = list(view.learning_rate.values())[-1]
    updates, gradients = (
        view.last_samples(name, LAST)[:, kernels].astype(np.float64)
        for name in ("update_norm", "grad_norm")
    )
    n = min(len(updates), len(gradients))
    updates, gradients = updates[-n:], rate * gradients[-n:]
    some = (gradients > 0) & np.isfinite(gradients)
    if not n or not some.any():
        return False
    return bool((np.abs(updates[some] / gradients[some] - 1) < SAME).all())
