"""Regressions whose rate, last layer, loss or regularisation is wrong."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, regularizers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import curved, linear, table
from tests.gallery.nets import dense, regressor


@sick(
    "non_finite",
    "divergence",
    "gradient_explosion",
    "update_ratio",
    "loss_spike",
    "init_loss",
    "weight_growth",
    "update_spike",
    "no_skill",
    cause="learning_rate_too_high",
)
def straight_line_at_rate_three(seed: int, callback: MonitorCallback) -> None:
    """One linear unit whose steps overshoot more each time."""
    x, y = linear(1_000, 10, seed)
    model = regressor(10, optimizer=keras.optimizers.SGD(3.0))
    model.fit(x, y, epochs=3, verbose=0, callbacks=[callback])


@sick(
    "update_ratio",
    "no_skill",
    "divergence",
    "loss_spike",
    "gradient_explosion",
    "dead_units",
    "init_loss",
    "weight_growth",
    cause="learning_rate_too_high",
)
def sine_by_adam_at_one(seed: int, callback: MonitorCallback) -> None:
    """Two hidden layers thrown about by Adam at a rate of one."""
    x, y = curved(800, seed)
    model = regressor(1, 32, 32, optimizer=keras.optimizers.Adam(1.0))
    model.fit(x, y, epochs=7, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("update_ratio", "stagnation", "no_skill", cause="learning_rate_too_low")
def diabetes_at_a_millionth(seed: int, callback: MonitorCallback) -> None:
    """Adam at 0.000001 for sixty epochs."""
    x, y = table("diabetes")
    y = ((y - y.mean()) / y.std()).astype("float32")
    model = regressor(10, 32, 16, optimizer=keras.optimizers.Adam(1e-6))
    model.fit(x, y, epochs=60, batch_size=64, verbose=0, callbacks=[callback])


@sick("oscillation", "update_ratio", "plateau", cause=("learning_rate_too_high", "batch_too_small"))
def one_sample_at_a_high_rate(seed: int, callback: MonitorCallback) -> None:
    """Batches of one at a rate that only larger ones would bear: each undoes the one before."""
    x, y = linear(400, 10, seed, noise=0.5)
    model = regressor(10, optimizer=keras.optimizers.SGD(0.065))
    model.fit(x, y, batch_size=1, epochs=2, verbose=0, callbacks=[callback])


@sick("lr_schedule", "plateau", cause="schedule_wrong")
def rate_gone_after_a_tenth(seed: int, callback: MonitorCallback) -> None:
    """A decay whose steps were counted for a tenth of the epochs; then the rate is nothing."""
    x, y = linear(1_600, 10, seed)
    rate = keras.optimizers.schedules.CosineDecay(0.01, decay_steps=2 * 50)
    model = regressor(10, 16, 16, optimizer=keras.optimizers.SGD(rate))
    model.fit(x, y, epochs=20, verbose=0, callbacks=[callback])


@sick("clip_saturation", "update_ratio", "stagnation", "no_skill", cause="clipping_too_strong")
def norm_clipped_to_a_thousandth(seed: int, callback: MonitorCallback) -> None:
    """Plain descent that may take steps of 0.00001 at most."""
    x, y = linear(1_500, 8, seed)
    optimizer = keras.optimizers.SGD(0.01, global_clipnorm=0.001)
    model = regressor(8, 32, optimizer=optimizer)
    model.fit(x, y, epochs=12, verbose=0, callbacks=[callback])


@sick(
    *("dead_units", "frozen_layer", "stagnation", "no_skill"),
    cause=("wrong_last_layer_or_loss", "dead_units"),
)
def losses_behind_a_relu(seed: int, callback: MonitorCallback) -> None:
    """Targets from -5 to -1, and a last layer that cannot be negative."""
    x, y = linear(1_200, 6, seed)
    y = -3 + np.tanh(y) * 2
    model = dense(6, 24, 24, last="relu")
    model.compile(keras.optimizers.Adam(0.005), "mse", metrics=["mae"])
    model.fit(x, y, epochs=3, verbose=0, callbacks=[callback])


@sick(
    "saturated_activations",
    "stagnation",
    "no_skill",
    "init_loss",
    "update_ratio",
    cause="wrong_last_layer_or_loss",
)
def temperatures_by_tanh(seed: int, callback: MonitorCallback) -> None:
    """Temperatures from 5 to 35, and a last layer that ends at one."""
    x, y = linear(1_000, 5, seed)
    y = 20 + 5 * y
    inputs = keras.Input((5,))
    hidden = layers.Dense(32, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(1, activation="tanh")(hidden))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    model.fit(x, y, epochs=5, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("no_skill", "weight_growth", cause="wrong_last_layer_or_loss")
def stars_by_cross_entropy(seed: int, callback: MonitorCallback) -> None:
    """One to five stars as if they were chances: the loss falls without end, below nought."""
    x, y = linear(1_500, 8, seed)
    stars = np.clip(np.round(3 + 1.2 * y), 1, 5).astype("float32")
    model = dense(8, 32)
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(x, stars, epochs=12, verbose=0, callbacks=[callback])


@sick("non_finite", cause=("numerical_error", "wrong_last_layer_or_loss"))
def logarithm_of_negatives(seed: int, callback: MonitorCallback) -> None:
    """A logarithmic error by hand, which nobody keeps from answers below minus one."""

    def error(y_true, y_pred):
        return tf.reduce_mean((tf.math.log(1 + y_pred) - tf.math.log(1 + y_true)) ** 2)

    x, y = linear(800, 6, seed)
    model = regressor(6, 32, loss=error, optimizer=keras.optimizers.Adam(0.005))
    model.fit(2 * x, np.abs(3 * y), epochs=4, verbose=0, callbacks=[callback])


@sick("over_regularised", "no_skill", "plateau", cause="regularization_too_strong")
def ridge_of_one(seed: int, callback: MonitorCallback) -> None:
    """L2 of one on each layer: the weights shrink to nothing, and the answer is the mean."""
    x, y = linear(1_000, 12, seed)
    options = {"kernel_regularizer": regularizers.L2(1.0)}
    body = [layers.Dense(32, activation="relu", **options) for _ in range(2)]
    model = keras.Sequential([layers.Input((12,)), *body, layers.Dense(1, **options)])
    model.compile("adam", "mse")
    model.fit(x, y, epochs=20, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("over_regularised", "no_skill", "init_loss", cause="regularization_too_strong")
def all_but_a_twentieth_dropped(seed: int, callback: MonitorCallback) -> None:
    """Dropout of .95 after each layer, the input among them."""
    x, y = linear(1_000, 10, seed)
    model = keras.Sequential([layers.Input((10,))])
    for units in (32, 16):
        model.add(layers.Dropout(0.95))
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dropout(0.95))
    model.add(layers.Dense(1))
    model.compile("adam", "mse")
    model.fit(x, y, epochs=15, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("no_skill", "plateau", cause="capacity_too_small")
def a_line_through_a_parabola(seed: int, callback: MonitorCallback) -> None:
    """A curve that no straight line can follow."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (1_200, 1)).astype("float32")
    y = (x[:, 0] ** 2 - 4 / 3 + 0.1 * rng.normal(size=1_200)).astype("float32")
    model = regressor(1, optimizer=keras.optimizers.SGD(0.02))
    model.fit(x, y, epochs=15, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    *("vanishing_gradient", "update_ratio", "stagnation", "no_skill"),
    cause=("saturating_activations", "learning_rate_too_low"),
)
def sigmoids_at_a_tiny_rate(seed: int, callback: MonitorCallback) -> None:
    """Two faults: eight layers of sigmoids, and plain descent at 0.0001."""
    x, y = linear(1_000, 10, seed)
    model = regressor(10, *[12] * 8, activation="sigmoid", optimizer=keras.optimizers.SGD(1e-4))
    model.fit(x, y, epochs=12, verbose=0, callbacks=[callback])
