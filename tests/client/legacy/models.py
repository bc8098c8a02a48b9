"""Small models of Keras 2 for the tests of its capture: of `keras` up to 2.15, or of `tf_keras`."""

from collections.abc import Callable
from typing import Any

import keras as installed
import numpy as np
import pytest
import tensorflow as tf

from tests.client.models import BATCH, CLASSES, FEATURES

keras: Any = installed
if int(installed.__version__.partition(".")[0]) >= 3:
    keras = pytest.importorskip("tf_keras", reason="no Keras 2 here: make matrix-keras has it")

layers = keras.layers


def crossentropy() -> Any:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def mlp(out: int = CLASSES, activation: str | None = None, policy: str | None = None) -> Any:
    hidden = layers.Dense(16, activation="relu", dtype=policy, kernel_regularizer="l2")
    return keras.Sequential(
        [layers.Input((FEATURES,)), hidden, layers.Dense(out, activation=activation, dtype=policy)]
    )


def cnn() -> Any:
    return keras.Sequential(
        [
            layers.Input((FEATURES,)),
            layers.Reshape((4, 3, 1)),
            layers.Conv2D(4, 2, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(CLASSES),
        ]
    )


def embedding() -> Any:
    return keras.Sequential(
        [
            layers.Input((7,), dtype="int32"),
            layers.Embedding(50, 8),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def two_outputs() -> Any:
    one = layers.Input((FEATURES,), name="one")
    two = layers.Input((FEATURES,), name="two")
    hidden = layers.Dense(8, activation="relu")(layers.Concatenate()([one, two]))
    heads = {"c": layers.Dense(CLASSES, name="c")(hidden), "r": layers.Dense(1, name="r")(hidden)}
    return keras.Model({"one": one, "two": two}, heads)


class Custom(keras.Model):  # type: ignore[misc]
    """A train step of its own, and a branch that runs only because autograph rewrites it."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(16, activation="relu")
        self.out = layers.Dense(CLASSES)

    def call(self, x: Any) -> Any:
        hidden = self.hidden(x)
        if tf.reduce_mean(hidden) > 0.5:
            hidden = hidden * 2.0
        return self.out(hidden)

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss": loss}


def compiled(
    make: Callable[[], Any] = mlp, optimizer: Callable[[], Any] | None = None, **arguments: Any
) -> Any:
    """A new model with the same weights each time."""
    keras.utils.set_random_seed(5)
    model = make()
    arguments = {"loss": crossentropy(), **arguments}
    model.compile(optimizer=optimizer() if optimizer else keras.optimizers.Adam(0.01), **arguments)
    return model


def fit(model: Any, callbacks: list[Any], x: Any, y: Any, **arguments: Any) -> Any:
    """Fit, in order and silently; return the history."""
    arguments = {"epochs": 2, "batch_size": BATCH, "verbose": 0, **arguments}
    return model.fit(x, y, shuffle=False, callbacks=callbacks, **arguments).history


def state(model: Any) -> list[np.ndarray]:
    """All numbers of a model and of its optimizer."""
    held = model.optimizer.variables
    return [v.numpy() for v in [*model.variables, *(held() if callable(held) else held)]]


class At(keras.callbacks.Callback):  # type: ignore[misc]
    """Does something after one batch of the first epoch."""

    def __init__(self, batch: int, action: Callable[[Any], Any]) -> None:
        super().__init__()
        self.batch, self.action = batch, action

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == self.batch:
            self.action(self.model)
