"""The causes that flatline knows: what speaks for and against each, how much, and what to do.

Weights are shares of belief in the sense of a noisy-or (`infer.py`): 0.6 for a sign means that
it alone makes the cause 60 % likely; a weight against means that the sign takes so much away.
They are ours, set on the half of the gallery that is for it, so that most of its runs name their
cause by any one of their findings; the signatures are those of the sources beside them.
"""

from flatline_monitor.diagnosis import (
    causes_of_course,
    causes_of_data,
    causes_of_model,
    causes_of_numbers,
    causes_of_steps,
)
from flatline_monitor.diagnosis.entry import Entry

_ORDER = (
    "bad_values_in_data",
    "learning_rate_too_high",
    "inputs_not_scaled",
    "targets_not_scaled",
    "class_imbalance",
    "saturating_activations",
    "learning_rate_too_low",
    "regularization_too_strong",
    "capacity_too_small",
    "no_information",
    "too_little_data",
    "regularization_missing",
    "noisy_labels",
    "poor_initialization",
    "dead_units",
    "untrained_layers",
    "wrong_last_layer_or_loss",
    "categories_as_numbers",
    "vocabulary_too_small",
    "gradients_not_clipped",
    "clipping_too_strong",
    "data_changed",
    "not_shuffled",
    "validation_differs",
    "leak",
    "too_few_epochs",
    "batch_too_large",
    "schedule_wrong",
    "batch_too_small",
    "numerical_error",
    "sign_error",
    "normalisation_wrong",
    "unsuitable_optimizer",
    "slow_input",
)
"""Of causes that weigh the same the earlier one is named first."""

CAUSES: tuple[Entry, ...] = tuple(
    sorted(
        (
            *(*causes_of_data.CAUSES, *causes_of_model.CAUSES, *causes_of_steps.CAUSES),
            *(*causes_of_course.CAUSES, *causes_of_numbers.CAUSES),
        ),
        key=lambda entry: _ORDER.index(entry.name),
    )
)
