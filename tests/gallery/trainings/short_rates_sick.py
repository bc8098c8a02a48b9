"""Short trainings, of 10 to 130 steps, whose rate, weights, depth or punishment is at fault."""

import contextlib
from typing import Any

import keras
import numpy as np
from keras import callbacks, layers, optimizers, regularizers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import blobs, images, moons, sequences, table
from tests.gallery.nets import classifier, cnn, dense, softmax


@sick(
    *("non_finite", "divergence", "gradient_explosion", "update_ratio", "weight_growth"),
    cause="learning_rate_too_high",
)
def a_line_through_ten_points_at_rate_ten(seed: int, callback: MonitorCallback) -> None:
    """One point at a time, thirty steps, each further away than the one before."""
    del seed
    xs = np.array(range(10), dtype=float)
    ys = np.array([2 * x - 1 for x in range(10)], dtype=float)
    model = keras.Sequential([keras.Input(shape=(1,)), layers.Dense(units=1)])
    model.compile(optimizer=optimizers.SGD(learning_rate=10.0), loss="mean_squared_error")
    model.fit(xs, ys, batch_size=1, epochs=3, verbose=0, callbacks=[callback])


@sick(
    *("frozen_layer", "no_skill", "dead_units", "class_collapse", "stagnation"),
    cause="poor_initialization",
)
def nothing_but_noughts(seed: int, callback: MonitorCallback) -> None:
    """All kernels begin at zero, behind relus: only the last bias can move."""
    x, y = blobs(480, 10, 3, seed, apart=1.5)
    zeros = {"kernel_initializer": "zeros", "bias_initializer": "zeros"}
    model = keras.Sequential([layers.Input((10,))])
    model.add(layers.Dense(32, activation="relu", **zeros))
    model.add(layers.Dense(16, activation="relu", **zeros))
    model.add(layers.Dense(3, activation="softmax", **zeros))
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=60, epochs=3, verbose=0, callbacks=[callback])


@sick(*("update_ratio", "stagnation", "no_skill", "class_collapse"), cause="learning_rate_too_low")
def ten_steps_of_a_ten_millionth(seed: int, callback: MonitorCallback) -> None:
    """Bars at two angles, ten batches, Adam at 0.0000001."""
    x, y = images(640, 10, 2, seed, noise=0.1)
    model = cnn(10, 2, 8, optimizer=optimizers.Adam(1e-7))
    model.fit(x, y, batch_size=64, verbose=0, callbacks=[callback])


@sick(
    *("vanishing_gradient", "stagnation", "no_skill", "class_collapse"),
    cause="saturating_activations",
)
def flowers_behind_nine_sigmoids(seed: int, callback: MonitorCallback) -> None:
    """Iris for a hundred steps, behind nine layers of sigmoids."""
    del seed
    x, y = table("iris")
    model = softmax(4, 3, *[12] * 9, activation="sigmoid", optimizer=optimizers.Adam(0.005))
    model.fit(x, y, batch_size=30, epochs=20, verbose=0, callbacks=[callback])


@sick(
    *("dead_units", "no_skill", "frozen_layer", "class_collapse", "weight_growth"),
    *("update_ratio", "divergence", "gradient_explosion"),
    cause=("learning_rate_too_high", "dead_units"),
)
def first_a_rate_that_kills(seed: int, callback: MonitorCallback) -> None:
    """Six fits of ten steps with one callback: the first at a rate of ten, the others too late."""
    x, y = blobs(400, 10, 2, seed)
    model = classifier(10, 16, 16, optimizer=optimizers.SGD(10.0))
    history = []
    for rate in (10.0, 0.1, 0.05, 0.02, 0.01, 0.01):
        model.optimizer.learning_rate = rate
        fit = model.fit(x, y, batch_size=40, epochs=1, verbose=0, callbacks=[callback])
        history.append(fit.history["loss"][0])


class ControlC(callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Presses it after forty epochs."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Press it."""
        del logs
        if epoch + 1 == 40:
            raise KeyboardInterrupt


@sick("update_ratio", "stagnation", "no_skill", cause="learning_rate_too_low")
def interrupted_as_nothing_moves(seed: int, callback: MonitorCallback) -> None:
    """Full batches by SGD at .000001; Ctrl-C after forty of a hundred."""
    x, y = moons(125, seed)
    model = classifier(2, 20, optimizer=optimizers.SGD(1e-6, momentum=0.9))
    with contextlib.suppress(KeyboardInterrupt):
        model.fit(
            *(x, y),
            batch_size=100,
            epochs=100,
            validation_split=0.2,
            verbose=0,
            callbacks=[callback, ControlC()],
        )


@sick("over_regularised", "no_skill", "class_collapse", cause="regularization_too_strong")
def words_under_a_punishment(seed: int, callback: MonitorCallback) -> None:
    """L2 of one on all that reads the words, and most of them dropped."""
    x, y = sequences(440, 12, 30, seed)
    strong = regularizers.l2(1.0)
    model = keras.Sequential([layers.Input((12,)), layers.Embedding(30, 8)])
    model.layers[0].embeddings_regularizer = strong
    model.add(layers.GlobalAveragePooling1D())
    model.add(layers.Dropout(0.8))
    model.add(layers.Dense(16, activation="relu", kernel_regularizer=strong))
    model.add(layers.Dense(1, activation="sigmoid", kernel_regularizer=strong))
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=40, epochs=10, verbose=0, callbacks=[callback])


@sick(
    *("update_ratio", "no_skill", "divergence", "loss_spike", "dead_units", "weight_growth"),
    cause="learning_rate_too_high",
)
def moons_by_adam_at_ten(seed: int, callback: MonitorCallback) -> None:
    """Adam at a rate of ten throws two hidden layers about."""
    x, y = moons(325, seed)
    model = classifier(2, 24, 24, optimizer=optimizers.Adam(learning_rate=10.0))
    model.fit(
        *(x, y), batch_size=20, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@sick("saturated_activations", cause="poor_initialization")
def weights_drawn_from_a_wide_normal(seed: int, callback: MonitorCallback) -> None:
    """random_normal with a deviation of three, before layers of tanh and by SGD."""
    x, y = blobs(300, 16, 5, seed)
    model = dense(
        *(16, 32, 32),
        out=5,
        last="softmax",
        activation="tanh",
        kernel_initializer=keras.initializers.RandomNormal(stddev=3.0),
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=30, epochs=14, verbose=0, callbacks=[callback])
