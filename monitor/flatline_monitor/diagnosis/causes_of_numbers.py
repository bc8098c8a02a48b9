"""Causes that lie in what is computed: numbers that overflow, signs, moving means."""

from flatline_monitor.diagnosis import remedies_of_numbers as remedies
from flatline_monitor.diagnosis.entry import Entry

CAUSES: tuple[Entry, ...] = (
    Entry(
        "numerical_error",
        "a computation leaves the numbers that its type can hold",
        {
            "non_finite": 0.1,
            "bad_gradient": 0.3,
            "bad_from_calm": 0.3,
            "own_loss_bad": 0.6,
            "bad_after_one_update": 0.5,
        },
        remedies.find_bad_numbers,
        "Micikevicius et al. (2018), section 3.2: float16 overflows at 65,504; logarithms, roots "
        "and quotients at the edge of where they are defined",
        {
            "bad_input": 0.9,
            "first_updates_large": 0.6,
            "labels_outside": 0.8,
            "targets_wide": 0.5,
            "inputs_changed": 0.7,
            "input_outlier": 0.7,
        },
    ),
    Entry(
        "sign_error",
        "something is rewarded that should be punished: a sign is wrong",
        {
            "penalty_below_zero": 0.85,
            "own_loss_below_zero": 0.5,
            "weight_growth": 0.1,
            "divergence": 0.05,
            "no_skill": 0.02,
            "update_ratio": 0.02,
            "loss_accuracy_inconsistency": 0.02,
            "worse_than_chance": 0.6,
            "stagnation": 0.02,
            "only_rises": 0.5,
            "loss_spike": 0.02,
            "gradient_explosion": 0.02,
        },
        remedies.turn_signs,
        "a penalty cannot be below zero, nor a squared error",
    ),
    Entry(
        "normalisation_wrong",
        "batch normalisation goes by other numbers in validation than in training",
        {
            "means_lag": 0.5,
            "tiny_batches_normalised": 0.4,
            "suspicious_validation": 0.05,
            "overfitting": 0.05,
        },
        remedies.mend_normalisation,
        "Ioffe and Szegedy (2015), section 3.1: inference goes by moving means, which take "
        "1 / (1 - momentum) steps; Wu and He (2018) on batches of a few samples",
    ),
)
