"""Attention and tiny transformers that learn."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import sequences
from tests.gallery.parts import Places, encoder


@healthy
def one_block_of_attention(seed: int, callback: MonitorCallback) -> None:
    """Words, one block of attention, their mean, two classes."""
    x, y = sequences(1_000, 16, 50, seed)
    inputs = keras.Input((16,))
    tokens = encoder(Places(16, 50, 16)(inputs), 16, 2, 24)
    hidden = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(tokens))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(keras.optimizers.Adam(0.002), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=5, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def transformer_that_reverses(seed: int, callback: MonitorCallback) -> None:
    """Rows of eight digits turned round, by two blocks and a rate that warms up."""

    class WarmUp(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step):
            step = tf.cast(step, tf.float32) + 1
            return 0.05 * tf.minimum(tf.math.rsqrt(step), step * 60**-1.5)

    x = np.random.default_rng(seed).integers(0, 10, (3_000, 8))
    inputs = keras.Input((8,))
    tokens = encoder(Places(8, 10, 24)(inputs), 24, 2, 32)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(tokens))
    optimizer = keras.optimizers.Adam(WarmUp(), beta_2=0.98, epsilon=1e-9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, x[:, ::-1], batch_size=64, epochs=9, verbose=0, callbacks=[callback])


@healthy
def where_the_mark_is(seed: int, callback: MonitorCallback) -> None:
    """The number that stands beside the only mark of a row, by keras.layers.Attention."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1_600, 12, 2)).astype("float32")
    place = rng.integers(0, 12, 1_600)
    x[..., 1] = 0
    x[np.arange(1_600), place, 1] = 1
    y = x[np.arange(1_600), place, 0]
    inputs = keras.Input((12, 2))
    keys, values = layers.Dense(8)(inputs), layers.Dense(8)(inputs)
    query = layers.Dense(8)(layers.GlobalAveragePooling1D()(inputs))
    query = layers.Reshape((1, 8))(query)
    seen = layers.Flatten()(layers.Attention()([query, values, keys]))
    model = keras.Model(inputs, layers.Dense(1)(seen))
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])
