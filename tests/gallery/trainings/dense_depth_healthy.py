"""Dense classifiers that are deep, or have layers besides dense ones; they learn."""

import keras
import numpy as np
from keras import layers, optimizers, regularizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import blobs, circles, moons
from tests.gallery.nets import classifier, softmax


@healthy
def eight_layers_of_relu(seed: int, callback: MonitorCallback) -> None:
    """Deep, but begun as He et al. propose."""
    x, y = blobs(1_000, 16, 3, seed)
    model = softmax(16, 3, *[24] * 8, kernel_initializer="he_normal")
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def five_layers_of_tanh(seed: int, callback: MonitorCallback) -> None:
    """Moons by five layers of tanh, Adam at .003."""
    x, y = moons(800, seed)
    model = classifier(2, *[16] * 5, activation="tanh", optimizer=optimizers.Adam(0.003))
    model.fit(x, y, epochs=18, verbose=0, callbacks=[callback])


@healthy
def two_layers_of_sigmoid(seed: int, callback: MonitorCallback) -> None:
    """Sigmoids, but few: they learn after a flat beginning."""
    x, y = blobs(1_000, 10, 2, seed)
    model = classifier(10, 16, 16, activation="sigmoid", optimizer=optimizers.Adam(0.01))
    model.fit(x, y, epochs=14, verbose=0, callbacks=[callback])


@healthy
def dropout_and_batch_norm(seed: int, callback: MonitorCallback) -> None:
    """Blocks of dense, normalisation, relu and dropout: training looks worse than validation."""
    x, y = blobs(1_500, 20, 5, seed)
    blocks: list[layers.Layer] = [layers.Input((20,))]
    for units in (64, 32):
        blocks += [layers.Dense(units, use_bias=False), layers.BatchNormalization()]
        blocks += [layers.ReLU(), layers.Dropout(0.5)]
    model = keras.Sequential([*blocks, layers.Dense(5, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def a_little_weight_decay(seed: int, callback: MonitorCallback) -> None:
    """L2 of a thousandth on all kernels, L1 of a ten thousandth on the first."""
    x, y = circles(800, seed)
    model = keras.Sequential(
        [
            layers.Input((2,)),
            layers.Dense(32, "relu", kernel_regularizer=regularizers.L1L2(1e-4, 1e-3)),
            layers.Dense(32, "relu", kernel_regularizer=regularizers.L2(1e-3)),
            layers.Dense(1, "sigmoid", kernel_regularizer=regularizers.L2(1e-3)),
        ]
    )
    model.compile(optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=20, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def wide_and_sparse(seed: int, callback: MonitorCallback) -> None:
    """A bag of a hundred words, one in thirty present, and one hidden layer."""
    rng = np.random.default_rng(seed)
    x = (rng.random((1_200, 100)) < 1 / 30).astype("float32")
    y = (x[:, :20].sum(1) > x[:, 20:40].sum(1)).astype(int)
    model = classifier(100, 64, optimizer=optimizers.Adam(0.003))
    model.fit(
        *(x, y), batch_size=24, epochs=6, validation_split=0.2, verbose=0, callbacks=[callback]
    )
