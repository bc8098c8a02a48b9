"""AutoTrainer (Zhang et al., ICSE 2021): looks every three epochs, and speaks in conjunctions.

Definitions and defaults of its repository (utils/monitor.py): beta 1e-3, 1e-4 and 70, gamma .7,
zeta .03, eta .2, delta .01, Theta .6, omega 10. Gradients are those of the last sampled step of
the epoch, in place of the first training batch. A run without accuracy (a regression) is looked
at for non-finite losses alone, as the tool would fail on it; one without validation by its
training accuracy alone. The activation of the last layer is not recorded: of "improper
activation" the loss that does not fit the number of outputs is left, for classifications of one
label. What it says of a training that does not converge is also counted as `stagnation` and
`no_skill`.
"""

from collections.abc import Callable

import numpy as np

from flatline_monitor.runs.records import Task
from tests.gallery.rivals.contract import Rival, Rule, rule
from tests.gallery.rivals.logs import Array, Logs

CHECK_EVERY, JUDGE_FROM = 3, 0.3
BETA_1, BETA_2, BETA_3, GAMMA = 1e-3, 1e-4, 70.0, 0.7
ZETA, ETA, DELTA, THETA, OMEGA = 0.03, 0.2, 0.01, 0.6, 10.0
NOT_CONVERGED = ("stagnation", "no_skill")


def _checks(logs: Logs, *, judged: bool = True) -> list[int]:
    """Return the epochs after which it looks; a verdict waits for 30 % of them."""
    count = len(logs.epochs)
    planned = logs.run.hello.plan_epochs or count
    least = JUDGE_FROM * planned - CHECK_EVERY if judged else 0
    looks = {*range(0, count, CHECK_EVERY), *([count - 1] if count else [])}
    return [epoch for epoch in sorted(looks) if epoch + 1 >= least]


def _fires(logs: Logs, hit: Callable[[int], bool], *, judged: bool = True) -> int | None:
    return next((int(logs.epochs.last[e]) for e in _checks(logs, judged=judged) if hit(e)), None)


def _accuracies(logs: Logs) -> list[Array]:
    both = (logs.epochs.accuracy, logs.epochs.val_accuracy)
    return [column for column in both if np.isfinite(column).any()]


def _trouble(logs: Logs, epoch: int) -> tuple[bool, bool]:
    """Return whether accuracy has stayed below .6, and whether it never rose by a point.

    After one epoch it has not risen, as in the tool: in a run of few epochs it looks that early.
    """
    seen = [each[: epoch + 1] for each in _accuracies(logs)]
    low = [np.nanmax(each, initial=0.0) < THETA for each in seen]
    slow = [np.nanmax(np.diff(each), initial=0.0) < DELTA for each in seen]
    return bool(seen) and all(low), bool(seen) and all(slow)


def _gradients(logs: Logs) -> Array:
    return logs.at_epoch_ends(logs.of("grad_norm", logs.kernels))


def _dead(logs: Logs, epoch: int) -> bool:
    """Of all elements of the gradients looked at, 70 % are zero, at any check so far."""
    zeros = logs.column("grad_zero_share")
    size = np.array([each.size for each in logs.run.variables], float)[: zeros.shape[1]]
    if not zeros.size:
        return False
    size = size * np.isfinite(zeros).any(axis=0)
    share = logs.at_epoch_ends(np.nan_to_num(zeros)) @ size / max(size.sum(), 1)
    return _ever(share >= GAMMA, logs, epoch)


def _ever(hits: Array, logs: Logs, epoch: int) -> bool:
    return any(bool(hits[e]) for e in _checks(logs, judged=False) if e <= epoch)


def _ratio(logs: Logs) -> tuple[Array, Array]:
    """Return [epoch] the first kernel's gradient over the last one's, and the first's."""
    norms = _gradients(logs)
    if norms.shape[1] < 2:
        return np.full(len(norms), np.nan), np.full(len(norms), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return norms[:, 0] / norms[:, -1], norms[:, 0]


@rule("explode", "non_finite", "gradient_explosion", "divergence", "loss_spike")
def not_finite(logs: Logs) -> int | None:
    """A loss, gradient or weight is not finite."""
    if not len(logs.lost):
        return None
    return _fires(logs, lambda e: bool(logs.lost[0] <= logs.epochs.last[e]), judged=False)


@rule("dying ReLU", "dead_units", *NOT_CONVERGED)
def dying_relu(logs: Logs) -> int | None:
    """Gradients are mostly zero in a training that does not converge."""
    return _fires(logs, lambda e: any(_trouble(logs, e)) and _dead(logs, e))


@rule("gradient explode", "gradient_explosion", "divergence", "non_finite", *NOT_CONVERGED)
def gradient_explode(logs: Logs) -> int | None:
    """The first layer's gradient is 70 times the last one's, and the training does not converge."""
    ratio, _ = _ratio(logs)
    return _fires(logs, lambda e: any(_trouble(logs, e)) and _ever(ratio > BETA_3, logs, e))


@rule("gradient vanish", "vanishing_gradient", *NOT_CONVERGED)
def gradient_vanish(logs: Logs) -> int | None:
    """It is a thousandth, and below 1e-4, and the training does not converge."""
    ratio, norm = _ratio(logs)
    hits = (ratio < BETA_1) & (norm < BETA_2)
    return _fires(logs, lambda e: any(_trouble(logs, e)) and _ever(hits, logs, e))


@rule("not converge", "plateau", *NOT_CONVERGED)
def not_converge(logs: Logs) -> int | None:
    """Accuracy stays below .6, and never rose by a point from one epoch to the next."""
    return _fires(logs, lambda e: all(_trouble(logs, e)))


@rule("unstable", "oscillation", "loss_spike")
def unstable(logs: Logs) -> int | None:
    """Accuracy falls by .03 from a peak to the trough of its number, in a fifth of the epochs."""
    accuracy = logs.epochs.accuracy
    return _fires(logs, lambda e: _oscillates(accuracy[: e + 1]))


def _oscillates(accuracy: Array) -> bool:
    middle, before, after = accuracy[1:-1], accuracy[:-2], accuracy[2:]
    peaks = middle[(middle >= before) & (middle >= after)]
    troughs = middle[(middle <= before) & (middle <= after)]
    pairs = min(len(peaks), len(troughs))
    swings = int(np.count_nonzero(peaks[:pairs] - troughs[:pairs] >= ZETA))
    return len(accuracy) > 2 and swings > 0 and swings >= ETA * len(accuracy)


@rule("improper loss", "loss_accuracy_inconsistency", "init_loss", *NOT_CONVERGED)
def improper_loss(logs: Logs) -> int | None:
    """The loss does not fit the number of outputs; or it is below zero."""
    hello, loss = logs.run.hello, logs.epochs.loss
    kernels = [logs.run.variables[i] for i in logs.kernels]
    if hello.task is Task.CLASSIFICATION and kernels and "crossentropy" in hello.loss_name:
        outputs = kernels[-1].shape[-1]
        if ("binary" in hello.loss_name) != (outputs == 1):
            return _fires(logs, lambda _: True, judged=False)
    return _fires(logs, lambda e: bool(np.nanmin(loss[: e + 1], initial=0.0) < 0))


@rule("abnormal data", "input_scale", "weight_growth", "init_loss")
def abnormal_data(logs: Logs) -> int | None:
    """The outputs of a hidden layer have a mean of ten or more."""
    mean = np.abs(logs.at_epoch_ends(logs.column("activation_mean"))) >= OMEGA
    return _fires(logs, lambda e: bool(mean[e].any()), judged=False)


RULES: tuple[Rule, ...] = (
    *(not_finite, dying_relu, gradient_explode, gradient_vanish, not_converge, unstable),
    *(improper_loss, abnormal_data),
)
RIVAL = Rival("AutoTrainer", "Zhang et al., ICSE 2021; utils/monitor.py", RULES)
