"""What happens at each step of a training, worked out without flatline."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from tests.client.models import BATCH, LABELS, Recorded, Recording, X, fit


@dataclass
class Reference:
    """One step of a training by hand."""

    loss: float
    regularization: float
    gradients: list[float]
    weights: list[float]
    updates: list[float]
    prediction: np.ndarray
    arrays: list[np.ndarray] = field(default_factory=list)
    """The gradients themselves, unscaled and before clipping."""
    values: list[np.ndarray] = field(default_factory=list)
    """The variables after the update."""
    probed: Any = None
    """What the probe found before the step."""


def by_hand(
    model: Any, x: np.ndarray, y: np.ndarray, probe: Callable[[Any, Any], Any] | None = None
) -> list[Reference]:
    """Train one epoch with a GradientTape, and return what happened at each step."""
    steps = []
    for i in range(0, len(x), BATCH):
        probed = probe(model, x[i : i + BATCH]) if probe else None
        with tf.GradientTape() as tape:
            y_pred = model(x[i : i + BATCH], training=True)
            loss = model.compute_loss(x, tf.constant(y[i : i + BATCH]), y_pred)
            scaled = model.optimizer.scale_loss(loss)
        regularization = float(sum(model.losses)) if model.losses else 0.0
        weights = model.trainable_weights
        gradients = tape.gradient(scaled, weights)
        if not model.optimizer.built:
            model.optimizer.build(weights)
        scale = float(tf.convert_to_tensor(getattr(model.optimizer, "dynamic_scale", 1.0)))
        arrays = [tf.convert_to_tensor(g).numpy().astype(np.float64) / scale for g in gradients]
        before = [weight.numpy() for weight in weights]
        model.optimizer.apply(gradients, weights)
        after = [weight.numpy() for weight in weights]
        steps.append(
            Reference(
                loss=float(loss),
                regularization=regularization,
                gradients=[norm(array) for array in arrays],
                weights=[norm(weight) for weight in after],
                updates=[norm(new - old) for new, old in zip(after, before, strict=True)],
                prediction=np.asarray(y_pred),
                arrays=arrays,
                values=after,
                probed=probed,
            )
        )
    return steps


def norm(array: np.ndarray) -> float:
    return float(np.linalg.norm(array.astype(np.float64).ravel()))


def zero_share(array: np.ndarray) -> float:
    """Return the share of zeros in a matrix; of a vector, which is not looked at, nan."""
    return float(np.mean(array == 0)) if array.ndim > 1 else math.nan


def assert_close(seen: Any, expected: Any, tolerance: float = 1e-4) -> None:
    np.testing.assert_allclose(seen, expected, rtol=tolerance, atol=1e-6)


def watch(model: Any, x: Any = X, y: Any = LABELS, **arguments: Any) -> Recorded:
    """Fit one epoch with everything sampled; return what the run was given."""
    task = arguments.pop("task", None)
    callback = Recording(allowance_seconds=1e6, task=task)
    fit(model, [callback], x, y, **{"epochs": 1, **arguments})
    return callback.run
