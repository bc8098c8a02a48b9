"""Autoencoders and adversaries with a fault."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import digits
from tests.gallery.parts import Adversaries, Sampling, players


@sick(
    *("dead_units", "frozen_layer", "no_skill"),
    cause=("dead_units", "poor_initialization"),
)
def bottleneck_of_dead_relus(seed: int, callback: MonitorCallback) -> None:
    """Six numbers in the middle whose biases begin at -10, and which nothing ever wakes."""
    x = digits()[0].reshape(-1, 64)
    cold = keras.initializers.Constant(-10.0)
    model = keras.Sequential(
        [
            layers.Input((64,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(6, activation="relu", bias_initializer=cold),
            layers.Dense(32, activation="relu"),
            layers.Dense(64),
        ]
    )
    model.compile("adam", "mse")
    model.fit(x, x, epochs=10, batch_size=50, verbose=0, callbacks=[callback])


@sick(
    "dead_units",
    "frozen_layer",
    "no_skill",
    "loss_spike",
    "gradient_explosion",
    "update_ratio",
    "weight_growth",
    "plateau",
    cause=("learning_rate_too_high", "inputs_not_scaled"),
)
def pixels_to_sixteen_at_a_high_rate(seed: int, callback: MonitorCallback) -> None:
    """Two faults: raw pixels, and momentum at a rate that kills the units at once."""
    x = digits(pixels=True)[0].reshape(-1, 64)
    model = keras.Sequential([layers.Input((64,))])
    for units in (24, 8, 24):
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(64))
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), "mse")
    model.fit(x, x, epochs=10, verbose=0, callbacks=[callback])


@sick(
    *("over_regularised", "no_skill", "plateau", "dead_units"),
    cause="regularization_too_strong",
)
def divergence_times_a_thousand(seed: int, callback: MonitorCallback) -> None:
    """A variational autoencoder whose code must be pure noise, as nothing else is cheap enough."""
    x = digits()[0].reshape(-1, 64)
    inputs = keras.Input((64,))
    hidden = layers.Dense(24, activation="relu")(inputs)
    code = Sampling(1_000.0)([layers.Dense(4)(hidden), layers.Dense(4)(hidden)])
    back = layers.Dense(24, activation="relu")(code)
    model = keras.Model(inputs, layers.Dense(64, activation="sigmoid")(back))
    model.compile(keras.optimizers.Adam(0.003), "mse")
    model.fit(x, x, epochs=20, batch_size=100, verbose=0, callbacks=[callback])


@sick("frozen_layer", cause="untrained_layers")
def generator_that_is_not_trained(seed: int, callback: MonitorCallback) -> None:
    """The gradients of the generator are computed, and nobody applies them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2_000, 2)) @ np.array([[1.0, 0.8], [0.0, 0.3]]) + np.array([3.0, -2.0])

    class Forgetful(Adversaries):
        def improve_generator(self, gradients):
            """Do nothing: whoever wrote this meant to come back."""

    model = Forgetful(*players(2))
    model.compile(
        keras.optimizers.Adam(0.002, beta_1=0.5), keras.optimizers.Adam(0.002, beta_1=0.5)
    )
    batches = tf.data.Dataset.from_tensor_slices(x.astype("float32")).shuffle(2_000).batch(50)
    model.fit(batches, epochs=12, verbose=0, callbacks=[callback])
