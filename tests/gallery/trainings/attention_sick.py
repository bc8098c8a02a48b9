"""Attention and tiny transformers with a fault."""

import keras
import numpy as np
from keras import layers, ops

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import sequences
from tests.gallery.parts import Places, encoder


class Unscaled(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Attention by hand, without the division by the root of the width."""

    def __init__(self, width, spread):
        super().__init__()
        options = {"kernel_initializer": keras.initializers.RandomNormal(stddev=spread)}
        self.query, self.key = layers.Dense(width, **options), layers.Dense(width, **options)
        self.value = layers.Dense(width)

    def call(self, tokens):
        scores = ops.matmul(self.query(tokens), ops.transpose(self.key(tokens), (0, 2, 1)))
        return ops.matmul(ops.softmax(scores), self.value(tokens))


@sick("stagnation", "no_skill", "plateau", cause=("poor_initialization", "saturating_activations"))
def attention_that_looks_at_one(seed: int, callback: MonitorCallback) -> None:
    """Queries and keys that begin so large that each place sees one other, for ever."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1_500, 12, 4)).astype("float32")
    marked = rng.integers(0, 12, 1_500)
    x[..., 3] = 0
    x[np.arange(1_500), marked, 3] = 1
    y = x[np.arange(1_500), marked, 0]
    inputs = keras.Input((12, 4))
    seen = layers.GlobalAveragePooling1D()(Unscaled(16, spread=6.0)(inputs))
    model = keras.Model(inputs, layers.Dense(1)(seen))
    model.compile("adam", "mse")
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("update_ratio", "weight_growth", "oscillation", "plateau", cause="learning_rate_too_high")
def transformer_at_a_high_rate(seed: int, callback: MonitorCallback) -> None:
    """A block of attention by Adam at .3, without a warm-up."""
    x, y = sequences(1_000, 16, 50, seed)
    inputs = keras.Input((16,))
    tokens = encoder(Places(16, 50, 16)(inputs), 16, 2, 24)
    tokens = layers.GlobalAveragePooling1D()(tokens)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(tokens))
    model.compile(keras.optimizers.Adam(0.3), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=10, verbose=0, callbacks=[callback])
