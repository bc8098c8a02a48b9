"""Logs as people publish them, made up: many are short, and some have no validation."""

from collections.abc import Callable, Mapping

import numpy as np

Columns = Mapping[str, np.ndarray]


def csv_of(columns: Columns) -> str:
    """Return the columns as a CSV file."""
    rows = zip(*(np.asarray(column, float) for column in columns.values()), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(repr, map(float, row))) for row in rows)])


def _fall(n: int, high: float, low: float, pace: float) -> np.ndarray:
    return low + (high - low) * np.exp(-np.arange(n) / pace)


def _noise(rng: np.random.Generator, n: int, size: float) -> np.ndarray:
    return rng.normal(0, size, n)


def fine_tuning(rng):
    n = 30
    return {"step": 10 * np.arange(1, n + 1), "loss": _fall(n, 2.5, 1.8, 8) + _noise(rng, n, 0.06)}


def fine_tuning_of_what_is_known(rng):
    n = 40
    return {"step": 10 * np.arange(n), "loss": _fall(n, 1.35, 1.3, 5) + _noise(rng, n, 0.05)}


def three_epochs_of_transfer(rng):
    return {
        "epoch": np.arange(3),
        "loss": np.array([0.8, 0.35, 0.27]),
        "accuracy": np.array([0.7, 0.88, 0.91]),
        "val_loss": np.array([0.4, 0.33, 0.31]),
        "val_accuracy": np.array([0.86, 0.89, 0.9]),
    }


def good_from_the_first_epoch(rng):
    n = 10
    return {
        "epoch": np.arange(n),
        "loss": np.full(n, 0.3) + _noise(rng, n, 0.002),
        "accuracy": np.full(n, 0.93) + _noise(rng, n, 0.002),
    }


def a_second_stage(rng):
    """All layers are trained after the head; the validation is the harder set, and was before."""
    n = 8
    return {
        "epoch": np.arange(n),
        "loss": _fall(n, 0.194, 0.12, 6),
        "accuracy": _fall(n, 0.95, 0.97, 6),
        "val_loss": _fall(n, 0.297, 0.24, 6),
        "val_accuracy": _fall(n, 0.9, 0.912, 6),
    }


def adversaries(rng):
    n = 50
    rising = 0.8 + 0.04 * np.arange(n) + _noise(rng, n, 0.2)
    return {"epoch": np.arange(n), "d_loss": 0.6 + _noise(rng, n, 0.1), "g_loss": rising}


def surer_than_it_should_be(rng):
    """The validation loss rises a little, and the accuracy holds."""
    n, t = 20, np.arange(20)
    return {
        "epoch": t,
        "loss": _fall(n, 0.75, 0.05, 4),
        "accuracy": _fall(n, 0.7, 1.0, 4),
        "val_loss": _fall(n, 0.6, 0.3, 2) + 0.004 * np.maximum(t - 6, 0),
        "val_accuracy": _fall(n, 0.7, 0.9, 3) + _noise(rng, n, 0.004),
    }


def cosine_with_restarts(rng):
    n, t = 60, np.arange(60)
    wave = 0.5 * (1 + np.cos(np.pi * (t % 20) / 20))
    return {
        "epoch": t,
        "loss": _fall(n, 1.7, 0.2, 10) + 0.15 * wave + _noise(rng, n, 0.01),
        "learning_rate": 1e-3 * wave + 1e-6,
        "val_loss": _fall(n, 1.7, 0.4, 10) + 0.2 * wave + _noise(rng, n, 0.02),
    }


def four_decades(rng):
    n = 100
    fall = 10.0 ** (-4 * np.arange(n) / n)
    return {
        "epoch": np.arange(n),
        "loss": fall * rng.lognormal(0, 0.2, n),
        "val_loss": 1.3 * fall * rng.lognormal(0, 0.4, n),
    }


def rewards(rng):
    n = 40
    return {
        "step": 2048 * np.arange(n),
        "rollout/ep_rew_mean": 3.0 * np.arange(n) + _noise(rng, n, 10),
        "train/loss": 50 + _noise(rng, n, 20),
    }


def stops_early(rng):
    n = 6
    loss = _fall(n, 2.3, 0.0, 9) + _noise(rng, n, 0.01)
    return {"epoch": np.arange(n), "loss": loss, "val_loss": _fall(n, 2.3, 0.0, 10)}


def single_batches_with_heavy_tails(rng):
    n = 600
    return {"step": 100 * np.arange(n), "loss": _fall(n, 2.5, 0.5, 100) * rng.lognormal(0, 0.5, n)}


def moving_means_that_lag(rng):
    """Batch normalisation: the first validations are far off, the others are not."""
    n, t = 25, np.arange(25)
    late = t < 3
    return {
        "epoch": t,
        "loss": _fall(n, 1.7, 0.1, 6),
        "accuracy": _fall(n, 0.4, 1.0, 6),
        "val_loss": np.where(late, 8.0 - 2 * t, _fall(n, 1.5, 0.3, 8)),
        "val_accuracy": np.where(late, 0.12, _fall(n, 0.45, 0.85, 6)),
    }


def accuracy_of_a_regression(rng):
    n = 50
    return {
        "epoch": np.arange(n),
        "loss": _fall(n, 0.023, 0.003, 5) + np.abs(_noise(rng, n, 0.0002)),
        "accuracy": np.full(n, 0.0012),
        "val_loss": _fall(n, 0.024, 0.004, 6) + np.abs(_noise(rng, n, 0.002)),
    }


def detection_in_parts(rng):
    n = 50
    return {
        "epoch": np.arange(1, n + 1),
        "train/box_loss": _fall(n, 2.1, 0.6, 20),
        "train/cls_loss": _fall(n, 3.5, 0.5, 6),
        "val/box_loss": _fall(n, 2.5, 0.9, 10),
        "val/cls_loss": _fall(n, 3.7, 0.7, 6) + _noise(rng, n, 0.03),
        "lr/pg0": np.linspace(0.01, 0.0001, n),
    }


def likelihood_below_zero(rng):
    n = 50
    return {
        "epoch": np.arange(n),
        "train_nll": _fall(n, 3.0, -2.0, 10) + _noise(rng, n, 0.05),
        "valid_nll": _fall(n, 3.0, -1.8, 10) + _noise(rng, n, 0.08),
    }


HEALTHY: tuple[Callable[[np.random.Generator], Columns], ...] = (
    *(fine_tuning, fine_tuning_of_what_is_known, three_epochs_of_transfer),
    *(
        good_from_the_first_epoch,
        a_second_stage,
        adversaries,
        surer_than_it_should_be,
        cosine_with_restarts,
    ),
    *(four_decades, rewards, stops_early, single_batches_with_heavy_tails),
    *(moving_means_that_lag, accuracy_of_a_regression, detection_in_parts, likelihood_below_zero),
)


def nan_half_way(rng):
    loss = _fall(20, 1.7, 0.2, 5)
    loss[8:] = np.nan
    return {"epoch": np.arange(20), "loss": loss}


def coin(rng):
    n = 15
    return {
        "epoch": np.arange(n),
        "loss": 0.6931 + _noise(rng, n, 0.0008),
        "accuracy": 0.5 + _noise(rng, n, 0.006),
    }


def commonest_class(rng):
    n = 30
    loss = 0.3255 + _noise(rng, n, 0.0005)
    return {"epoch": np.arange(n), "loss": loss, "accuracy": np.full(n, 0.9)}


def by_heart(rng):
    n, t = 20, np.arange(20)
    return {
        "epoch": t,
        "loss": _fall(n, 0.7, 0.01, 3),
        "accuracy": _fall(n, 0.6, 1.0, 3),
        "val_loss": 0.6 - 0.05 * np.minimum(t, 2) + 0.06 * np.maximum(t - 2, 0),
        "val_accuracy": 0.8 - 0.004 * t,
    }


def diverging(rng):
    t = np.arange(40)
    return {"epoch": t, "loss": _fall(40, 2.0, 0.5, 5) + 0.3 * np.maximum(t - 25, 0)}


def constant(rng):
    loss = np.append(1.01, 1 + _noise(rng, 29, 0.0006))
    return {"epoch": np.arange(30), "loss": loss, "val_loss": 1.02 + _noise(rng, 30, 0.0004)}


def exploding(rng):
    loss = np.append(_fall(40, 2.5, 0.5, 10), 2 + 0.5 * np.arange(20))
    norm = np.append(1 + np.abs(_noise(rng, 40, 0.2)), np.full(20, 1000.0))
    return {"step": 10 * np.arange(60), "loss": loss, "grad_norm": norm}


def swinging(rng):
    loss = 1 + 0.5 * (-1.0) ** np.arange(40) + _noise(rng, 40, 0.02)
    return {"epoch": np.arange(40), "loss": loss}


def prepared_otherwise(rng):
    n = 10
    return {
        "epoch": np.arange(n),
        "loss": _fall(n, 1.3, 0.1, 3),
        "accuracy": _fall(n, 0.57, 0.97, 3),
        "val_loss": 12 + _noise(rng, n, 0.5),
        "val_accuracy": np.full(n, 0.1),
    }


SICK: Mapping[Callable[[np.random.Generator], Columns], tuple[str, str]] = {
    nan_half_way: ("non_finite", "epoch 9"),
    coin: ("no_skill", ""),
    commonest_class: ("no_skill", ""),
    by_heart: ("overfitting", ""),
    diverging: ("divergence", ""),
    constant: ("stagnation", ""),
    exploding: ("gradient_explosion", ""),
    swinging: ("oscillation", ""),
    prepared_otherwise: ("suspicious_validation", ""),
}
"""What must be found, and where, if that is known."""
