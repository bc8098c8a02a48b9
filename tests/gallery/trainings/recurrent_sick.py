"""Recurrent networks and networks of words with a fault."""

import keras
import numpy as np
from keras import initializers, layers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import sequences, waves


@sick(
    "gradient_explosion",
    "non_finite",
    "divergence",
    "init_loss",
    cause=("gradients_not_clipped", "poor_initialization"),
)
def memory_that_explodes(seed: int, callback: MonitorCallback) -> None:
    """A recurrence that is larger than one, over sixty moments, with nothing clipped."""
    x, y = waves(600, 60, seed)
    recurrence = initializers.Orthogonal(gain=1.15)
    model = keras.Sequential(
        [
            layers.Input((60, 1)),
            layers.SimpleRNN(16, activation="linear", recurrent_initializer=recurrence),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(x, y, epochs=5, verbose=0, callbacks=[callback])


@sick(
    *("vanishing_gradient", "no_skill", "stagnation", "plateau"),
    cause="saturating_activations",
)
def memories_of_sigmoids(seed: int, callback: MonitorCallback) -> None:
    """Seven recurrent layers of sigmoids, one on the other."""
    x, y = waves(600, 6, seed)
    options = {"activation": "sigmoid", "unroll": True}
    model = keras.Sequential([layers.Input((6, 1))])
    for _ in range(6):
        model.add(layers.SimpleRNN(8, return_sequences=True, **options))
    model.add(layers.SimpleRNN(8, **options))
    model.add(layers.Dense(1))
    model.compile("adam", "mse")
    model.fit(x, y, epochs=18, verbose=0, callbacks=[callback])


@sick("no_skill", "stagnation", "plateau", "class_collapse", cause="untrained_layers")
def words_that_stay_random(seed: int, callback: MonitorCallback) -> None:
    """Embeddings of two numbers a word that were to be loaded, were not, and are frozen."""
    x, y = sequences(1_200, 20, 300, seed)
    model = keras.Sequential(
        [
            layers.Input((20,)),
            layers.Embedding(300, 2, trainable=False),
            layers.GlobalAveragePooling1D(),
            layers.Dense(8, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    *("no_skill", "stagnation", "class_collapse", "input_scale"),
    cause="no_information",
)
def nothing_but_padding(seed: int, callback: MonitorCallback) -> None:
    """Texts cut to the wrong end of their padding, so that noughts are left."""
    x, y = sequences(1_000, 12, 60, seed)
    texts = keras.utils.pad_sequences(x, maxlen=24, padding="pre")[:, :12]
    model = keras.Sequential(
        [
            layers.Input((12,)),
            layers.Embedding(60, 8),
            layers.LSTM(8),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    model.fit(texts, y, epochs=4, verbose=0, callbacks=[callback])


@sick("no_skill", "stagnation", cause=("noisy_labels", "no_information"))
def texts_with_labels_of_others(seed: int, callback: MonitorCallback) -> None:
    """The texts were shuffled, and the labels were not."""
    x, y = sequences(1_000, 15, 80, seed)
    x = np.random.default_rng(seed).permutation(x)
    inputs = keras.Input((15,))
    hidden = layers.Bidirectional(layers.GRU(6))(layers.Embedding(80, 6)(inputs))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("overfitting", cause=("too_little_data", "regularization_missing"), at_end=True)
def texts_by_heart(seed: int, callback: MonitorCallback) -> None:
    """Eighty short texts of a thousand words, known by heart after ten epochs."""
    x, y = sequences(140, 8, 1_000, seed)
    model = keras.Sequential(
        [
            layers.Input((8,)),
            layers.Embedding(1_000, 16),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    model.fit(
        *(x[:80], y[:80]),
        validation_data=(x[80:], y[80:]),
        epochs=50,
        batch_size=16,
        verbose=0,
        callbacks=[callback],
    )


@sick(
    "update_ratio",
    "no_skill",
    "divergence",
    "init_loss",
    "weight_growth",
    cause=("learning_rate_too_high", "gradients_not_clipped"),
)
def lstm_at_rate_twenty(seed: int, callback: MonitorCallback) -> None:
    """An LSTM by plain descent at a rate of twenty, with nothing clipped."""
    x, y = waves(700, 20, seed)
    model = keras.Sequential([layers.Input((20, 1)), layers.LSTM(10), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(20.0), "mae")
    model.fit(x, y, batch_size=50, epochs=20, verbose=0, callbacks=[callback])
