"""Regressions that learn by other losses than the squared error, and in other precisions."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import curved, digits, linear
from tests.gallery.nets import dense, regressor


@healthy
def absolute_error_and_heavy_tails(seed: int, callback: MonitorCallback) -> None:
    """Noise of Student's t with two degrees of freedom, learned by the absolute error."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2_400, 8)).astype("float32")
    y = (x @ rng.normal(size=8) + 0.4 * rng.standard_t(2, 2_400)).astype("float32")
    model = regressor(8, 32, optimizer=keras.optimizers.RMSprop(0.003), loss="mae")
    model.fit(x, y, epochs=8, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def squared_error_and_heavy_tails(seed: int, callback: MonitorCallback) -> None:
    """Targets that are now and then ten deviations out, learned by the squared error."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3_000, 6)).astype("float32")
    y = (2 * x @ rng.normal(size=6) + 0.5 * rng.standard_t(3, 3_000)).astype("float32")
    model = regressor(6, 24, 12)
    model.fit(x, y, epochs=7, verbose=0, callbacks=[callback])


@healthy
def huber_and_mistyped_targets(seed: int, callback: MonitorCallback) -> None:
    """Three in a hundred targets have their decimal point misplaced, and Huber's loss bears it."""
    x, y = linear(2_000, 10, seed)
    wrong = np.random.default_rng(seed + 1).random(2_000) < 0.03
    y = np.where(wrong, 10 * y, y)
    model = regressor(10, 32, loss=keras.losses.Huber(), optimizer=keras.optimizers.Adam(0.003))
    model.fit(x, y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def log_cosh_by_momentum(seed: int, callback: MonitorCallback) -> None:
    """The logarithm of the hyperbolic cosine, by SGD with momentum."""
    x, y = curved(800, seed, noise=0.2)
    model = regressor(
        1, 30, 30, loss="log_cosh", optimizer=keras.optimizers.SGD(0.05, 0.9, nesterov=True)
    )
    model.fit(x, y, epochs=25, verbose=0, callbacks=[callback])


@healthy
def percentage_error_of_prices(seed: int, callback: MonitorCallback) -> None:
    """Prices from 10 to 100, whose relative error counts."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (1_500, 3)).astype("float32")
    y = np.exp(3.4 + x @ np.array([0.6, 0.3, -0.3]) + 0.05 * rng.normal(size=1_500))
    model = regressor(3, 32, loss="mape", optimizer=keras.optimizers.Adam(0.02))
    model.fit(x, y.astype("float32"), epochs=3, verbose=0, callbacks=[callback])


@healthy
def counts_of_poisson(seed: int, callback: MonitorCallback) -> None:
    """Visitors in an hour, as a rate that is an exponential."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3_000, 4)).astype("float32")
    y = rng.poisson(np.exp(0.5 + x @ np.array([0.6, -0.4, 0.3, 0.0]))).astype("float32")
    model = dense(4, 16, last="exponential")
    model.compile("adam", "poisson")
    model.fit(x, y, batch_size=50, epochs=6, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def halves_of_precision(seed: int, callback: MonitorCallback) -> None:
    """A policy of mixed_float16, with the loss scaling that belongs to it."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    x, y = linear(2_000, 10, seed)
    body = [layers.Dense(64, activation="relu"), layers.Dense(32, activation="relu")]
    model = keras.Sequential([keras.Input((10,)), *body, layers.Dense(1, dtype="float32")])
    model.compile(keras.optimizers.Adam(0.005), "mse")
    model.fit(x, y, epochs=2, verbose=0, callbacks=[callback])


@healthy
def pairs_of_digits(seed: int, callback: MonitorCallback) -> None:
    """Siamese towers and a contrastive loss: the same digit near, others a margin away."""

    def contrastive(y_true, distance):
        near = y_true * tf.square(distance)
        return tf.reduce_mean(near + (1 - y_true) * tf.square(tf.maximum(1.0 - distance, 0.0)))

    x, y = digits()
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(x), 2_000)
    same = rng.random(2_000) < 0.5
    second = np.array(
        [rng.choice(np.flatnonzero((y == y[i]) == s)) for i, s in zip(first, same, strict=True)]
    )
    tower = keras.Sequential(
        [layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(8)]
    )
    a, b = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    gap = layers.Lambda(
        lambda both: tf.sqrt(tf.reduce_sum(tf.square(both[0] - both[1]), -1, keepdims=True) + 1e-6)
    )
    model = keras.Model([a, b], gap([tower(a), tower(b)]))
    model.compile(keras.optimizers.Adam(0.002), contrastive)
    model.fit(
        [x[first], x[second]],
        same[:, None].astype("float32"),
        epochs=10,
        verbose=0,
        callbacks=[callback],
    )
