"""DeepDiagnosis (Wardat et al., ICSE 2022): looks after every epoch, and stops at what it finds.

Definitions of its repository (callback/callbacks.py): numerical error is a value that is not
finite or a mean of exactly zero; unchanged is the same over five epochs, accuracy over twenty;
saturated is an input beyond 5 in half of a layer; dead is an output of zero in 70 % of one, after
the last epoch; a gradient vanishes below 1e-7. Only Dense layers are looked at for weights.

It stops the training at the first symptom; here every symptom counts that it would have met.
Norms stand for means of weights and gradients; units that stay near their bounds for saturated
values; units that are silent on every sample for values of zero, which spares it most of its
false alarms on sparse layers. "Out of range" compares the last activation with the labels: not
recorded, and left out.
"""

import numpy as np

from tests.gallery.rivals.contract import Rival, rule
from tests.gallery.rivals.logs import Array, Logs, first

UNCHANGED, UNCHANGED_ACCURACY = 5, 20
SMALLEST_GRADIENT = 1e-7
SATURATED_SHARE, DEAD_SHARE = 0.5, 0.7


def _every(count: int, epochs: int) -> Array:
    return np.asarray((np.arange(epochs) + 1) % count == 0)


def _same(values: Array, count: int) -> Array:
    """Return [epoch] whether a value is the same as in all of the epochs since it last looked."""
    hits = np.zeros(len(values), bool)
    for end in range(count, len(values) + 1, count):
        block = values[end - count : end]
        hits[end - 1] = bool(np.isfinite(block).all()) and bool((block == block[0]).all())
    return hits


@rule("numerical error", "non_finite", "divergence", "gradient_explosion")
def not_finite(logs: Logs) -> int | None:
    """A loss, gradient or weight is not finite."""
    return first(logs.epochs.last >= (logs.lost[0] if len(logs.lost) else np.inf), logs.epochs.last)


@rule("numerical error, zero", "frozen_layer", "dead_units", "vanishing_gradient")
def exactly_zero(logs: Logs) -> int | None:
    """The gradient, the weights or the output of a layer are exactly zero."""
    hits = np.zeros(len(logs.epochs), bool)
    for column in (logs.of("grad_norm", logs.dense), logs.of("weight_norm", logs.dense)):
        hits |= (logs.at_epoch_ends(column) == 0).any(axis=1)
    return first(hits, logs.epochs.last)


@rule("invalid accuracy", "no_skill", "class_collapse", "loss_accuracy_inconsistency")
def invalid_accuracy(logs: Logs) -> int | None:
    """The accuracy is zero."""
    return first(logs.epochs.accuracy == 0, logs.epochs.last)


@rule("dead node", "dead_units")
def dead_node(logs: Logs) -> int | None:
    """Most of a layer of ReLUs is zero after the last epoch."""
    share = logs.at_epoch_ends(logs.column("dead_unit_share"))
    hits = np.asarray((share >= DEAD_SHARE).any(axis=1))
    hits[:-1] = False
    return first(hits, logs.epochs.last)


@rule("saturated activation", "saturated_activations")
def saturated_activation(logs: Logs) -> int | None:
    """Most of a layer of sigmoids or tanhs is at its bounds, every fifth epoch."""
    share = logs.at_epoch_ends(logs.column("saturated_unit_share"))
    hits = (share > SATURATED_SHARE).any(axis=1) & _every(UNCHANGED, len(share))
    return first(hits, logs.epochs.last)


@rule("unchanged tensor", "frozen_layer", "stagnation", "update_ratio", "lr_schedule", "dead_units")
def unchanged_tensor(logs: Logs) -> int | None:
    """Weights or outputs of a layer are the same over five epochs."""
    weights = logs.at_epoch_ends(logs.of("weight_norm", logs.dense))
    outputs = logs.at_epoch_ends(logs.column("activation_mean"))
    hits = [_same(column, UNCHANGED) for column in (*weights.T, *outputs.T)]
    return first(np.any(hits, axis=0), logs.epochs.last) if hits else None


@rule("loss not decreasing", "stagnation", "no_skill", "plateau", "lr_schedule")
def loss_not_decreasing(logs: Logs) -> int | None:
    """The loss is the same over five epochs."""
    return first(_same(logs.epochs.loss, UNCHANGED), logs.epochs.last)


@rule("accuracy not increasing", "stagnation", "no_skill", "plateau", "class_collapse")
def accuracy_not_increasing(logs: Logs) -> int | None:
    """The accuracy is the same over twenty epochs."""
    return first(_same(logs.epochs.accuracy, UNCHANGED_ACCURACY), logs.epochs.last)


@rule("vanishing gradient", "vanishing_gradient", "frozen_layer", "dead_units")
def vanishing_gradient(logs: Logs) -> int | None:
    """The mean absolute gradient of a layer is below 1e-7."""
    if not logs.gradient.size:
        return None
    small = logs.at_epoch_ends(logs.gradient[:, logs.dense]) < SMALLEST_GRADIENT
    return first(small.any(axis=1), logs.epochs.last)


RULES = (
    *(not_finite, exactly_zero, invalid_accuracy, dead_node, saturated_activation),
    *(unchanged_tensor, loss_not_decreasing, accuracy_not_increasing, vanishing_gradient),
)
RIVAL = Rival("DeepDiagnosis", "Wardat et al., ICSE 2022; callback/callbacks.py", RULES)
