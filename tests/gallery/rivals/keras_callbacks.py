"""What people add to `fit`: TerminateOnNaN, EarlyStopping and ReduceLROnPlateau, as signs.

Defaults of Keras's documentation, and the patience of its example of EarlyStopping (3 epochs;
the default of 0 stops at the first epoch that is not better). Where there is no validation the
training loss is watched. They say that something stopped improving, which is right for any
family of that kind.
"""

import numpy as np

from tests.gallery.rivals.contract import Rival, rule
from tests.gallery.rivals.logs import Array, Logs, first, unimproved

STOP_PATIENCE = 3
REDUCE_PATIENCE, REDUCE_DELTA = 10, 1e-4


def _watched(logs: Logs) -> Array:
    validation = logs.epochs.val_loss
    return validation if np.isfinite(validation).any() else logs.epochs.loss


@rule("TerminateOnNaN", "non_finite", "divergence")
def terminate_on_nan(logs: Logs) -> int | None:
    """The loss of a batch is not finite."""
    return int(logs.run.lost[0]) if len(logs.run.lost) else None


@rule(
    "EarlyStopping",
    *("overfitting", "plateau", "stagnation", "no_skill", "divergence", "oscillation"),
)
def early_stopping(logs: Logs) -> int | None:
    """The loss has not improved for three epochs."""
    return first(unimproved(_watched(logs), 0.0) >= STOP_PATIENCE, logs.epochs.last)


@rule("ReduceLROnPlateau", "plateau", "stagnation", "no_skill", "divergence", "overfitting")
def reduce_on_plateau(logs: Logs) -> int | None:
    """The loss has not improved by 1e-4 for ten epochs."""
    waited = unimproved(_watched(logs), REDUCE_DELTA)
    return first(waited >= REDUCE_PATIENCE, logs.epochs.last)


RULES = (terminate_on_nan, early_stopping, reduce_on_plateau)
RIVAL = Rival("Keras callbacks", "Keras API documentation, callbacks", RULES)
