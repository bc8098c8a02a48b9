"""Custom training loops in TensorFlow for the tests of watch, and what they should report."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import flatline
from flatline.tensorflow import watch
from tests.client.models import LABELS, X, crossentropy, mlp
from tests.client.peer import Peer
from tests.client.told import Told, told

STEPS = 6


class Loop:
    """A loop as people write it; the same weights each time."""

    def __init__(
        self,
        mode: str = "graph",
        optimizer: Callable[[], Any] = lambda: keras.optimizers.Adam(0.01),
        make: Callable[[], Any] = mlp,
    ) -> None:
        keras.utils.set_random_seed(3)
        self.model, self.optimizer, self.loss = make(), optimizer(), crossentropy()
        self.step: Callable[..., Any] = self.train_step
        if mode != "eager":
            self.step = tf.function(self.train_step, jit_compile=mode == "xla")

    def train_step(self, x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = self.loss(y, self.model(x, training=True))
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        return loss

    def train(self, run: Any = None, steps: int = STEPS, x: Any = X, y: Any = LABELS) -> None:
        """Take steps, and log them."""
        x, y = tf.constant(x), tf.constant(y)
        for step in range(steps):
            loss = self.step(x, y)
            if run is not None:
                run.log(step, loss=loss)

    @property
    def state(self) -> list[np.ndarray]:
        """All numbers of the model and its optimizer."""
        held = [*self.model.variables, *self.optimizer.variables]
        return [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in held]

    @property
    def names(self) -> list[str]:
        return [variable.path for variable in self.model.trainable_variables]


def rows(mode: str, every: int = 1, steps: int = STEPS) -> list[int]:
    """Which steps of a loop are measured: the first call of a tf.function is the program's own."""
    return list(range(0 if mode == "eager" else 1, steps, every))


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    """Whether all numbers are the same bit for bit."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def reference(loop: Loop, steps: int = STEPS) -> list[dict[str, list[float]]]:
    """What each step does to the variables, computed by hand, in float64."""

    def norms(arrays: Any) -> list[float]:
        return [float(np.linalg.norm(np.asarray(a, np.float64).ravel())) for a in arrays]

    def values() -> list[np.ndarray]:
        return [keras.ops.convert_to_numpy(v).copy() for v in loop.model.trainable_variables]

    rows = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = loop.loss(LABELS, loop.model(tf.constant(X), training=True))
        gradients = tape.gradient(loss, loop.model.trainable_variables)
        before = values()
        loop.optimizer.apply(gradients, loop.model.trainable_variables)
        after = values()
        moved = [new.astype(np.float64) - old for new, old in zip(after, before, strict=True)]
        rows.append(
            {
                "grad_norm": norms([tf.convert_to_tensor(g).numpy() for g in gradients]),
                "weight_norm": norms(after),
                "update_norm": norms(moved),
            }
        )
    return rows


def lines_of_watch(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said of what is not measured."""
    return [line for line in caplog.messages if "watch" in line]


def both(peer: Peer, make: Any, steps: int = STEPS, **arguments: Any) -> tuple[bool, Told]:
    """Train two loops, the second one watched; return whether they are the same, and what is told.

    `make` returns an optimizer, a list of variables and a step.
    """
    states: list[list[np.ndarray]] = []
    for optimizer, variables, step in (make(), make()):
        if states:
            with flatline.Run(peer.target) as run, watch(optimizer, run=run, **arguments):
                for number in range(steps):
                    run.log(number, loss=step(number))
        else:
            for number in range(steps):
                step(number)
        states.append([np.asarray(v) for v in [*variables, *optimizer.variables]])
    return same(*states), told(peer.memory)
