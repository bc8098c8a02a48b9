"""UMLAUT (Schoop et al., CHI 2021): heuristics after every epoch, each with advice in words.

Definitions of its repository (umlaut/heuristics.py; the limits of the learning rate and of the
validation accuracy from umserver/errors.py). Not recorded, and left out: what it reads from the
source of the program (softmax, from_logits, activations, dropout above .5) and the type of the
inputs.
"""

import numpy as np

from tests.gallery.rivals.contract import Rival, rule
from tests.gallery.rivals.logs import Logs, first

LOWEST_INPUT, HIGHEST_INPUT = -1.0, 1.0
HIGHEST_RATE, LOWEST_RATE = 0.01, 1e-7
HIGH_ACCURACY, ACCURACY_MARGIN, ACCURACY_FROM_EPOCH = 0.95, 0.05, 3


@rule("Input data exceeds typical limits", "input_scale")
def input_limits(logs: Logs) -> int | None:
    """An input is below -1 or above 1."""
    with np.errstate(invalid="ignore"):
        beyond = (logs.column("input_min") < LOWEST_INPUT) | (
            logs.column("input_max") > HIGHEST_INPUT
        )
    at = first(beyond.any(axis=1), logs.sampled)
    return None if at is None else first(logs.epochs.last >= at, logs.epochs.last)


@rule("NaN in loss", "non_finite", "divergence")
def nan_in_loss(logs: Logs) -> int | None:
    """The loss of an epoch is not a number."""
    return first(np.isinf(logs.epochs.loss), logs.epochs.last)


@rule(
    "Learning rate is high",
    *("lr_schedule", "update_ratio", "divergence", "gradient_explosion"),
    *("loss_spike", "oscillation", "weight_growth", "update_spike"),
)
def high_rate(logs: Logs) -> int | None:
    """It is above .01."""
    return first(logs.epochs.rate > HIGHEST_RATE, logs.epochs.last)


@rule("Learning rate is low", "lr_schedule", "update_ratio", "stagnation", "no_skill")
def low_rate(logs: Logs) -> int | None:
    """It is below 1e-7."""
    return first(logs.epochs.rate < LOWEST_RATE, logs.epochs.last)


@rule("Possible overfitting", "overfitting")
def possible_overfitting(logs: Logs) -> int | None:
    """From one epoch to the next the validation loss rises and the training loss does not."""
    epochs = logs.epochs
    with np.errstate(invalid="ignore"):
        hits = (np.diff(epochs.val_loss) > 0) & (np.diff(epochs.loss) <= 0)
    return first(hits, epochs.last[1:])


@rule("Check validation accuracy", "suspicious_validation")
def validation_accuracy(logs: Logs) -> int | None:
    """From the fourth epoch on, it is above .95, or .05 above the training accuracy."""
    epochs = logs.epochs
    high = epochs.val_accuracy > HIGH_ACCURACY
    higher = epochs.val_accuracy > epochs.accuracy + ACCURACY_MARGIN
    return first((high | higher)[ACCURACY_FROM_EPOCH:], epochs.last[ACCURACY_FROM_EPOCH:])


RULES = (
    *(input_limits, nan_in_loss, high_rate, low_rate),
    *(possible_overfitting, validation_accuracy),
)
RIVAL = Rival("UMLAUT", "Schoop et al., CHI 2021; umlaut/heuristics.py", RULES)
