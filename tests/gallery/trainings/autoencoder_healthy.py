"""Autoencoders, plain and variational, and a pair of adversaries, that learn."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import digits, images
from tests.gallery.parts import Adversaries, Sampling, Variational, players


@healthy
def digits_through_eight_numbers(seed: int, callback: MonitorCallback) -> None:
    """Flat digits squeezed into eight numbers and back, with validation."""
    x = digits()[0].reshape(-1, 64)
    model = keras.Sequential([layers.Input((64,))])
    for units in (32, 8, 32):
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(64, activation="sigmoid"))
    model.compile("adam", "mse")
    model.fit(
        *(x[:1_400], x[:1_400]),
        validation_data=(x[1_400:], x[1_400:]),
        epochs=20,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def pixels_by_cross_entropy(seed: int, callback: MonitorCallback) -> None:
    """Grey values as if they were chances: the loss has a floor far from nought."""
    x = digits()[0].reshape(-1, 64)
    input_img = tf.keras.Input(shape=(64,))
    encoded = tf.keras.layers.Dense(16, activation="relu")(input_img)
    decoded = tf.keras.layers.Dense(64, activation="sigmoid")(encoded)
    autoencoder = tf.keras.Model(input_img, decoded)
    autoencoder.compile(optimizer=tf.keras.optimizers.Adam(0.005), loss="binary_crossentropy")
    autoencoder.fit(x, x, epochs=20, batch_size=100, verbose=0, callbacks=[callback])


@healthy
def noise_taken_out_by_convolutions(seed: int, callback: MonitorCallback) -> None:
    """Noisy bars in, clean bars out: strided convolutions down and transposed ones up."""
    clean, _ = images(700, 12, 4, seed, noise=0.0)
    noisy = clean + 0.4 * np.random.default_rng(seed).normal(size=clean.shape)
    model = keras.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(noisy, clean, epochs=6, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def variational_by_add_loss(seed: int, callback: MonitorCallback) -> None:
    """A variational autoencoder of digits, whose divergence is a loss of a layer."""
    x = digits()[0].reshape(-1, 64)
    inputs = keras.Input((64,))
    hidden = layers.Dense(32, activation="relu")(inputs)
    code = Sampling(0.002)([layers.Dense(4)(hidden), layers.Dense(4)(hidden)])
    back = layers.Dense(32, activation="relu")(code)
    model = keras.Model(inputs, layers.Dense(64, activation="sigmoid")(back))
    model.compile(keras.optimizers.Adam(0.003), "mse")
    model.fit(x, x, epochs=20, batch_size=64, verbose=0, callbacks=[callback])


@healthy
def variational_by_its_own_step(seed: int, callback: MonitorCallback) -> None:
    """A variational autoencoder of a plane in twelve dimensions."""
    rng = np.random.default_rng(seed)
    x = np.tanh(rng.normal(size=(2_000, 2)) @ rng.normal(size=(2, 12))).astype("float32")
    model = Variational(12, 2, weight=0.1)
    model.compile(optimizer=keras.optimizers.Adam(0.003))
    model.fit(x, epochs=12, batch_size=64, verbose=0, callbacks=[callback])


@healthy
def adversaries_on_a_slope(seed: int, callback: MonitorCallback) -> None:
    """A generator that learns where a slanted cloud of points lies."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2_000, 2)) @ np.array([[1.0, 0.8], [0.0, 0.3]]) + np.array([3.0, -2.0])
    model = Adversaries(*players(2))
    model.compile(
        keras.optimizers.Adam(0.002, beta_1=0.5), keras.optimizers.Adam(0.002, beta_1=0.5)
    )
    batches = tf.data.Dataset.from_tensor_slices(x.astype("float32")).shuffle(2_000).batch(50)
    model.fit(batches, epochs=20, verbose=0, callbacks=[callback])
