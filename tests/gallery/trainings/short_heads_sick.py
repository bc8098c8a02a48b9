"""Short trainings, of 25 to 138 steps, whose last layer, loss or labels do not fit."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, losses, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import blobs, circles, curved, digits, imbalanced, table
from tests.gallery.nets import dense, regressor


@sick("class_collapse", cause="wrong_last_layer_or_loss")
def softmax_of_one_number_in_full_batches(seed: int, callback: MonitorCallback) -> None:
    """Rings, twenty-five steps of all samples, and a softmax over a single unit."""
    x, y = circles(240, seed)
    model = keras.Sequential()
    model.add(layers.Input((2,)))
    model.add(layers.Dense(24, activation="relu"))
    model.add(layers.Dense(24, activation="relu"))
    model.add(layers.Dense(1, activation="softmax"))
    model.compile(optimizers.Adam(0.03), loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=240, epochs=25, verbose=0, callbacks=[callback])


@sick("no_skill", "plateau", "class_collapse", cause="wrong_last_layer_or_loss")
def a_digit_between_nought_and_one(seed: int, callback: MonitorCallback) -> None:
    """One epoch: classes 0 to 9 as one number, by squared error, from a sigmoid."""
    del seed
    x, y = digits()
    model = dense(64, 64)
    model.compile(optimizers.Adam(0.005), "mse", metrics=["accuracy"])
    model.fit(x.reshape(-1, 64), y, batch_size=64, verbose=0, callbacks=[callback])


@sick(
    *("init_loss", "no_skill", "loss_accuracy_inconsistency"),
    cause="wrong_last_layer_or_loss",
)
def entropy_of_a_line(seed: int, callback: MonitorCallback) -> None:
    """Binary cross-entropy of a number that nobody has squashed."""
    x, y = blobs(512, 8, 2, seed)
    y = y.reshape(-1, 1).astype("float32")
    model = dense(8, 10, 8, last=None)
    model.compile(loss="binary_crossentropy", optimizer="sgd", metrics=["accuracy"])
    model.fit(x, y, batch_size=32, epochs=4, validation_split=0.1, verbose=0, callbacks=[callback])


@sick(
    *("init_loss", "no_skill", "class_collapse", "frozen_layer", "stagnation", "divergence"),
    cause="wrong_last_layer_or_loss",
)
def yes_or_no_by_a_relu(seed: int, callback: MonitorCallback) -> None:
    """A relu in place of a sigmoid: its answers pass one, and have no gradient there."""
    x, y = imbalanced(200, 6, 0.4, seed)
    model = dense(6, 12, last="relu")
    model.compile(optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=20, epochs=12, verbose=0, callbacks=[callback])


@sick("stagnation", "no_skill", "init_loss", cause=("no_information", "categories_as_numbers"))
def one_hot_with_a_colon_too_many(seed: int, callback: MonitorCallback) -> None:
    """One-hot by hand, but each label marks its column in all rows: all are ones."""
    del seed
    x, names = table("wine")
    words = np.array(["barolo", "grignolino", "barbera"])[names]
    known = sorted(set(words))
    labels = np.zeros((len(x), 3), "float32")
    for word in words:
        labels[:, known.index(word)] = 1.0
    model = dense(13, 20, out=3, last="softmax")
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, labels, batch_size=32, epochs=8, verbose=0, callbacks=[callback])


@sick("plateau", cause=("wrong_last_layer_or_loss", "targets_not_scaled"), at_end=True)
def a_sine_of_five_from_a_tanh(seed: int, callback: MonitorCallback) -> None:
    """Ninety full batches of a wave between -5 and 5; the last layer ends at one."""
    x, y = curved(150, seed)
    model = dense(1, 40, 40, last="tanh", activation="tanh")
    model.compile(optimizers.Adam(0.01), "mse")
    model.fit(x, 5 * y, batch_size=150, epochs=90, verbose=0, callbacks=[callback])


class Answers(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Ends in a softmax of its own making."""

    def __init__(self):
        super().__init__()
        self.flat = layers.Flatten()
        self.hidden = layers.Dense(48, activation="relu")
        self.head = layers.Dense(10)

    def call(self, inputs: Any) -> Any:
        """Return probabilities."""
        raised = tf.exp(self.head(self.hidden(self.flat(inputs))))
        return raised / tf.reduce_sum(raised, axis=-1, keepdims=True)


@sick("loss_accuracy_inconsistency", "starved_class", cause="wrong_last_layer_or_loss")
def logits_that_were_exponentiated(seed: int, callback: MonitorCallback) -> None:
    """from_logits=True, and a subclassed model that has made them probabilities by hand."""
    del seed
    x, y = digits()
    model = Answers()
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.Adam(0.01), loss, metrics=["accuracy"])
    model.fit(
        *(x, y), batch_size=64, epochs=6, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@sick("stagnation", "no_skill", "update_ratio", cause="targets_not_scaled")
def six_houses_in_dollars(seed: int, callback: MonitorCallback) -> None:
    """One unit and six prices up to 350,000, to which thirty steps of a tenth do not lead."""
    del seed
    rooms = np.array([1, 2, 3, 4, 5, 6], dtype=float).reshape(6, 1)
    price = np.array([100_000, 150_000, 200_000, 250_000, 300_000, 350_000], dtype=float)
    model = regressor(1, optimizer=optimizers.Adam(0.1), loss="mean_squared_error")
    model.fit(rooms, price, epochs=30, verbose=0, callbacks=[callback])
