"""Dense classifiers trained in other ways than by one plain call of fit; they learn."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import callbacks, layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import Pair, blobs, moons, table
from tests.gallery.nets import classifier, dense, softmax


@healthy
def goes_on_from_a_trained_model(seed: int, callback: MonitorCallback) -> None:
    """A model that was trained before is trained on: its loss is low from the first step."""
    x, y = blobs(1_000, 20, 4, seed)
    model = softmax(20, 4, 32)
    model.fit(x, y, epochs=15, verbose=0)
    model.fit(x, y, epochs=8, verbose=0, callbacks=[callback])


@healthy
def ten_fits_of_one_epoch(seed: int, callback: MonitorCallback) -> None:
    """A loop around fit, as one who wants to see something after each epoch writes it."""
    x, y = blobs(900, 12, 6, seed)
    model = softmax(12, 6, 32, optimizer=optimizers.Adam(0.003))
    accuracies = []
    for _ in range(10):
        model.fit(x[:800], y[:800], epochs=1, verbose=0, callbacks=[callback])
        accuracies.append(model.evaluate(x[800:], y[800:], verbose=0)[1])


@healthy
def two_models_one_after_the_other(seed: int, callback: MonitorCallback) -> None:
    """A small and a wide network are compared, both with the same callback."""
    x, y = moons(500, seed)
    for units in (16, 64):
        model = classifier(2, units, optimizer=optimizers.Adam(0.02))
        model.fit(
            *(x, y), batch_size=50, epochs=20, validation_split=0.2, verbose=0, callbacks=[callback]
        )


@healthy
def three_classes_batch_by_batch(seed: int, callback: MonitorCallback) -> None:
    """train_on_batch in two loops, over a shuffled order."""
    rng = np.random.default_rng(seed)
    x, y = blobs(640, 10, 3, seed)
    model = softmax(10, 3, 24, optimizer=optimizers.Adam(0.005))
    with callback.watch(model, steps=10 * 20):
        for _ in range(10):
            order = rng.permutation(640)
            for i in range(0, 640, 32):
                model.train_on_batch(x[order[i : i + 32]], y[order[i : i + 32]])


class TwoTowers(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Looks at both halves of the features before it puts them together."""

    def __init__(self) -> None:
        super().__init__()
        self.left = layers.Dense(16, activation="relu")
        self.right = layers.Dense(16, activation="tanh")
        self.head = layers.Dense(4)

    def call(self, inputs: Any) -> Any:
        """Return logits."""
        first, second = self.left(inputs[:, :6]), self.right(inputs[:, 6:])
        return self.head(keras.ops.concatenate([first, second], axis=1))


@healthy
def two_towers(seed: int, callback: MonitorCallback) -> None:
    """A subclassed model that ends in logits, as its loss is told."""
    x, y = blobs(1_600, 12, 4, seed)
    model = TwoTowers()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.Adam(0.002), loss, metrics=["accuracy"])
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


class Careful(keras.Sequential):  # type: ignore[misc]  # Keras has no types
    """Steps as Keras does, but in so many words."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """Take one step."""
        x, y = data
        with tf.GradientTape() as tape:
            outputs = self(x, training=True)
            loss = self.compute_loss(x, y, outputs)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, outputs)
        return {metric.name: metric.result() for metric in self.metrics}


@healthy
def a_step_of_its_own(seed: int, callback: MonitorCallback) -> None:
    """A custom train_step, with plain descent."""
    x, y = blobs(1_024, 16, 3, seed)
    model = Careful([layers.Input((16,)), layers.Dense(32, "relu"), layers.Dense(3, "softmax")])
    model.compile(optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=20, verbose=0, callbacks=[callback])


@healthy
def stopped_when_it_is_good_enough(seed: int, callback: MonitorCallback) -> None:
    """Two hundred epochs are planned; EarlyStopping ends them long before."""
    x, y = blobs(800, 20, 2, seed, apart=0.6)
    model = classifier(20, 16)
    stop = callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    model.fit(*(x, y), epochs=200, validation_split=0.25, verbose=0, callbacks=[callback, stop])


@healthy
def rate_lowered_on_plateaus(seed: int, callback: MonitorCallback) -> None:
    """ReduceLROnPlateau lowers the rate several times."""
    x, y = moons(600, seed, noise=0.25)
    model = classifier(2, 32, 16, optimizer=optimizers.Adam(0.02))
    lower = callbacks.ReduceLROnPlateau(factor=0.3, patience=4)
    model.fit(*(x, y), epochs=40, validation_split=0.25, verbose=0, callbacks=[callback, lower])


@healthy
def data_without_a_length(seed: int, callback: MonitorCallback) -> None:
    """A data set made from a generator: nobody knows how many steps there are."""
    x, y = blobs(2_000, 20, 2, seed)

    def draw() -> Iterator[Pair]:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            some = rng.integers(0, 2_000, 32)
            yield x[some], y[some][:, None]

    shape = (tf.TensorSpec((None, 20)), tf.TensorSpec((None, 1)))
    model = classifier(20, 32)
    model.fit(
        tf.data.Dataset.from_generator(draw, output_signature=shape),
        epochs=6,
        verbose=0,
        callbacks=[callback],
    )


class Enough(callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Presses Ctrl-C after so many epochs."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Press it."""
        del logs
        if epoch + 1 == self.epochs:
            raise KeyboardInterrupt


@healthy
def interrupted_when_learned(seed: int, callback: MonitorCallback) -> None:
    """Somebody has seen enough and presses Ctrl-C at half of the plan."""
    x, y = blobs(1_000, 10, 5, seed)
    model = softmax(10, 5, 32, optimizer=optimizers.Adam(0.005))
    with contextlib.suppress(KeyboardInterrupt):
        model.fit(x, y, epochs=24, verbose=0, callbacks=[callback, Enough(12)])


@healthy
def learned_before_its_validation_fails(seed: int, callback: MonitorCallback) -> None:
    """A model of thirty features, all well, until a table with one column less is validated."""
    del seed
    x, y = table("breast_cancer")
    model = classifier(30, 16, optimizer=optimizers.Adam(0.005))
    model.fit(
        *(x[:400], y[:400]),
        batch_size=10,
        epochs=8,
        validation_data=(x[400:, :29], y[400:]),
        validation_freq=4,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def slow_descent_that_arrives(seed: int, callback: MonitorCallback) -> None:
    """SGD at .01 without momentum: no step does much, all of them do."""
    x, y = blobs(1_500, 20, 2, seed)
    model = dense(20, 16, last=None)
    model.compile(
        optimizers.SGD(0.01), keras.losses.BinaryCrossentropy(from_logits=True), metrics=["auc"]
    )
    model.fit(x, y, batch_size=25, epochs=15, verbose=0, callbacks=[callback])
