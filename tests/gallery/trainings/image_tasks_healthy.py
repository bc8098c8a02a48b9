"""Questions of many kinds that are asked of pictures, and answered."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import Pair, digits, images
from tests.gallery.nets import cnn


@healthy
def a_fifth_of_the_angles_is_wrong(seed: int, callback: MonitorCallback) -> None:
    """One label of five is drawn by lot; what can be learned is learned."""
    x, y = images(3_000, 10, 5, seed, noise=0.2)
    rng = np.random.default_rng(seed + 1)
    y = np.where(rng.random(len(y)) < 0.2, rng.integers(0, 5, len(y)), y)
    model = cnn(10, 5, 6, 8)
    model.fit(x, y, batch_size=50, epochs=9, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def upright_bars_are_rare(seed: int, callback: MonitorCallback) -> None:
    """Nine pictures of ten are of one class; one logit, and both classes are told apart."""
    x, y = images(4_000, 10, 2, seed, noise=1.2)
    keep = (y == 0) | (np.cumsum(y) % 9 == 0)
    x, y = x[keep], y[keep].astype("float32")
    model = keras.Sequential(
        [
            layers.Input((10, 10, 1)),
            layers.Conv2D(6, 5, activation="relu"),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss, metrics=["accuracy"])
    model.fit(x, y, epochs=7, validation_split=0.1, verbose=0, callbacks=[callback])


@healthy
def thirty_angles(seed: int, callback: MonitorCallback) -> None:
    """Thirty classes, each of which looks much like its neighbours."""
    x, y = images(4_000, 16, 30, seed, noise=0.4)
    model = keras.Sequential(
        [
            layers.Input((16, 16, 1)),
            layers.Conv2D(8, 5, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(48, activation="relu"),
            layers.Dense(30, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, batch_size=100, epochs=10, verbose=0, callbacks=[callback])


@healthy
def several_marks_on_a_picture(seed: int, callback: MonitorCallback) -> None:
    """Five marks, each of which is there or not."""
    rng = np.random.default_rng(seed)
    marks = (rng.random((5, 12, 12)) < 0.1).astype("float32")
    y = (rng.random((1_500, 5)) < (0.5, 0.4, 0.3, 0.2, 0.1)).astype("float32")
    x = np.einsum("nk,khw->nhw", y, marks) + 0.4 * rng.normal(size=(1_500, 12, 12))
    model = keras.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(5, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["binary_accuracy"])
    model.fit(
        x[..., None],
        y,
        batch_size=100,
        epochs=10,
        validation_split=0.2,
        verbose=0,
        callbacks=[callback],
    )


class Student(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Learns from the labels, and from what another network makes of the pictures."""

    def __init__(self, teacher: Any) -> None:
        super().__init__()
        self.teacher = teacher
        self.teacher.trainable = False
        self.inner = keras.Sequential(
            [layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dense(10)]
        )
        self.seen = keras.metrics.Mean(name="loss")
        self.hits = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    @property
    def metrics(self) -> Any:
        return [self.seen, self.hits]

    def call(self, x: Any, training: bool = False) -> Any:  # noqa: FBT001, FBT002 - Keras's
        return self.inner(x, training=training)

    def train_step(self, data: Any) -> Any:
        x, y = data
        warm = 2.0
        soft = self.teacher(x, training=False) ** (1 / warm)
        soft /= tf.reduce_sum(soft, axis=-1, keepdims=True)
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            hard = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            copied = tf.nn.softmax_cross_entropy_with_logits(soft, logits / warm)
            loss = tf.reduce_mean(0.3 * hard + 0.7 * copied)
        weights = self.inner.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.seen.update_state(loss)
        self.hits.update_state(y, logits)
        return {metric.name: metric.result() for metric in self.metrics}


@healthy
def digits_from_a_teacher(seed: int, callback: MonitorCallback) -> None:
    """Distillation: a small dense network copies a convolutional one."""
    x, y = digits()
    teacher = cnn(8, 10, 16, optimizer=keras.optimizers.Adam(0.01))
    teacher.fit(x, y, epochs=5, verbose=0)
    student = Student(teacher)
    student.compile(keras.optimizers.Adam(0.003))
    student.fit(x, y.astype("int32"), batch_size=64, epochs=12, verbose=0, callbacks=[callback])


def _hand(low: int, high: int) -> Pair:
    x, y = digits()
    keep = (y >= low) & (y < high)
    return x[keep], y[keep] - low


@healthy
def a_new_head_then_everything(seed: int, callback: MonitorCallback) -> None:
    """What was learned of 0..4 serves 5..9: first a new head alone, then all at a low rate."""
    base = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(12, 3, activation="relu"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
        ]
    )
    old = keras.Sequential([base, layers.Dense(5, activation="softmax")])
    old.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    old.fit(*_hand(0, 5), epochs=8, verbose=0)

    x, y = _hand(5, 10)
    base.trainable = False
    new = keras.Sequential([base, layers.Dense(5, activation="softmax")])
    new.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    new.fit(x, y, epochs=8, validation_split=0.2, verbose=0, callbacks=[callback])
    base.trainable = True
    new.compile(
        keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    new.fit(x, y, epochs=8, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def already_knows_its_digits(seed: int, callback: MonitorCallback) -> None:
    """Training goes on from a network that is as good as done."""
    x, y = digits()
    model = cnn(8, 10, 16, optimizer=keras.optimizers.Adam(0.01))
    model.fit(x[:1_500], y[:1_500], epochs=12, verbose=0)
    model.compile(
        keras.optimizers.Adam(3e-5), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(
        *(x[:1_500], y[:1_500]),
        epochs=3,
        validation_data=(x[1_500:], y[1_500:]),
        verbose=0,
        callbacks=[callback],
    )
