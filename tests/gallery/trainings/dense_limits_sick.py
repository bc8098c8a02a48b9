"""Dense classifiers that may not learn: held down by regularisation, or too small."""

import keras
import numpy as np
from keras import layers, optimizers, regularizers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import blobs, circles, digits
from tests.gallery.nets import classifier, softmax


@sick(*("over_regularised", "no_skill", "init_loss"), cause="regularization_too_strong")
def decay_of_a_half(seed: int, callback: MonitorCallback) -> None:
    """L2 of .5 on each kernel."""
    x, y = blobs(1_000, 16, 2, seed, apart=0.5)
    penalty = regularizers.L2(0.5)
    model = classifier(16, 32, 16, kernel_regularizer=penalty)
    model.fit(x, y, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(*("over_regularised", "no_skill", "class_collapse"), cause="regularization_too_strong")
def absolute_weights_punished(seed: int, callback: MonitorCallback) -> None:
    """L1 of .05 on everything, biases and activities too, for seven classes."""
    x, y = blobs(900, 12, 7, seed)
    model = keras.Sequential([layers.Input((12,))])
    for units in (32, 32):
        layer = layers.Dense(
            units,
            activation="relu",
            kernel_regularizer="l1",
            bias_regularizer=regularizers.L1(0.05),
            activity_regularizer=regularizers.L1(0.05),
        )
        model.add(layer)
    model.add(layers.Dense(7, activation="softmax", kernel_regularizer=regularizers.L1(0.05)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=12, verbose=0, callbacks=[callback])


@sick(*("no_skill", "init_loss"), cause="regularization_too_strong")
def dropout_of_ninety_five(seed: int, callback: MonitorCallback) -> None:
    """Nineteen of twenty units are dropped in each of three layers."""
    x, y = blobs(1_200, 20, 4, seed, apart=0.6)
    model = keras.Sequential([layers.Input((20,))])
    for _ in range(3):
        model.add(layers.Dense(32, activation="relu"))
        model.add(layers.Dropout(0.95))
    model.add(layers.Dense(4, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("no_skill", "stagnation", cause="capacity_too_small")
def a_line_for_two_rings(seed: int, callback: MonitorCallback) -> None:
    """Logistic regression on one ring within another."""
    x, y = circles(500, seed)
    model = classifier(2, optimizer=optimizers.Adam(0.02))
    model.fit(x, y, batch_size=25, epochs=25, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("no_skill", "stagnation", cause="capacity_too_small")
def xor_without_a_hidden_layer(seed: int, callback: MonitorCallback) -> None:
    """Four points that no line divides."""
    del seed
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([[0], [1], [1], [0]], "float32")
    model = keras.Sequential()
    model.add(layers.Input(shape=(2,)))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x, y, epochs=140, batch_size=4, verbose=0, callbacks=[callback])


@sick(*("class_collapse", "saturated_activations"), cause="capacity_too_small")
def digits_through_one_unit(seed: int, callback: MonitorCallback) -> None:
    """Ten digits have to pass through a single unit."""
    del seed
    x, y = digits()
    model = softmax(64, 10, 32, 1, activation="tanh", optimizer=optimizers.Adam(0.005))
    model.fit(
        *(x.reshape(-1, 64), y),
        batch_size=50,
        epochs=18,
        validation_split=0.2,
        verbose=0,
        callbacks=[callback],
    )
