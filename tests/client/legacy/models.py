"""Small models of Keras 2 for the tests of its capture: of `keras` up to 2.15, or of `tf_keras`."""

from collections.abc import Callable
from typing import Any

import keras as installed
import numpy as np
import pytest
import tensorflow as tf

from tests.client.models import CLASSES, Builders

keras: Any = installed
if int(installed.__version__.partition(".")[0]) >= 3:
    keras = pytest.importorskip("tf_keras", reason="no Keras 2 here: make matrix-keras has it")

layers = keras.layers


_build = Builders(keras)
crossentropy, compiled = _build.crossentropy, _build.compiled
mlp, cnn, embedding, two_outputs = _build.mlp, _build.cnn, _build.embedding, _build.two_outputs


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
