"""Dense classifiers of the tables and digits that come with scikit-learn; they learn."""

from typing import Any

import keras
import numpy as np
from keras import layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import digits, table
from tests.gallery.nets import classifier, softmax


@healthy
def cancer_with_validation(seed: int, callback: MonitorCallback) -> None:
    """Breast cancer, standardised, a fifth kept for validation."""
    del seed
    x, y = table("breast_cancer")
    model = classifier(30, 16)
    model.fit(x, y, epochs=25, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def iris_with_labels_one_hot(seed: int, callback: MonitorCallback) -> None:
    """Iris in centimetres, by descent with momentum, labels made one-hot by hand."""
    del seed
    x, species = table("iris", scaled=False)
    y = np.zeros((len(species), 3))
    for row, kind in enumerate(species):
        y[row, kind] = 1
    model = keras.Sequential()
    model.add(layers.Input((4,)))
    model.add(layers.Dense(10, activation="tanh"))
    model.add(layers.Dense(3, activation="softmax"))
    model.compile(
        loss="categorical_crossentropy",
        optimizer=optimizers.SGD(learning_rate=0.05, momentum=0.9),
        metrics=["accuracy"],
    )
    model.fit(x, y, epochs=40, verbose=0, callbacks=[callback])


@healthy
def iris_one_flower_at_a_time(seed: int, callback: MonitorCallback) -> None:
    """Batches of one sample, tested on thirty flowers after each epoch."""
    del seed
    x, y = table("iris")
    model = softmax(4, 3, 8, optimizer=optimizers.SGD(0.02))
    held_out = (x[120:], y[120:])
    model.fit(
        *(x[:120], y[:120]),
        batch_size=1,
        epochs=7,
        validation_data=held_out,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def wine_by_adagrad(seed: int, callback: MonitorCallback) -> None:
    """Three wines, Adagrad at a tenth, small batches."""
    del seed
    x, y = table("wine")
    model = softmax(13, 3, 24, optimizer=optimizers.Adagrad(0.1))
    model.fit(x, y, batch_size=16, epochs=35, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def wine_normalised_by_a_layer(seed: int, callback: MonitorCallback) -> None:
    """Columns from .1 to 1,700 as they are, and a Normalization layer that has seen them."""
    del seed
    x, y = table("wine", scaled=False)
    normal = layers.Normalization()
    normal.adapt(x)
    inputs = keras.Input((13,))
    hidden = layers.Dense(20, activation="elu")(normal(inputs))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(hidden))
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=8, epochs=12, verbose=0, callbacks=[callback])


@healthy
def digits_flat(seed: int, callback: MonitorCallback) -> None:
    """Ten digits of 64 pixels from 0 to 1, with two hidden layers and Adam."""
    del seed
    x, y = digits()
    model = softmax(64, 10, 64, 32)
    model.fit(
        *(x.reshape(-1, 64), y),
        batch_size=64,
        epochs=15,
        validation_split=0.2,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def digits_of_pixels_to_16(seed: int, callback: MonitorCallback) -> None:
    """Pixels as they come, from 0 to 16, by plain descent."""
    del seed
    x, y = digits(pixels=True)
    model = softmax(64, 10, 32, optimizer=optimizers.SGD(0.003))
    model.fit(
        x.reshape(-1, 64), y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@healthy
def digits_of_pixels_to_255(seed: int, callback: MonitorCallback) -> None:
    """Pixels from 0 to 255, a first loss of forty: Adam and dropout get over it."""
    x, y = digits(pixels=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x[order].reshape(-1, 64) * (255 / 16), y[order]
    model = keras.Sequential([layers.Input((64,))])
    for _ in range(2):
        model.add(layers.Dense(128, activation="relu"))
        model.add(layers.Dropout(0.3))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def ones_and_sevens_by_gradient_descent(seed: int, callback: MonitorCallback) -> None:
    """Two digits, all of them in each of 100 steps."""
    del seed
    x, y = digits()
    some = np.isin(y, [1, 7])
    x, y = x[some].reshape(-1, 64), (y[some] == 7).astype("float32")
    model = classifier(64, 16, optimizer=optimizers.SGD(0.3))
    model.fit(x, y, batch_size=len(x), epochs=100, verbose=0, callbacks=[callback])


@healthy
def even_or_odd_by_squared_error(seed: int, callback: MonitorCallback) -> None:
    """A sigmoid and the squared error on 0 and 1: not what books say, but it learns."""
    del seed
    x, y = digits()
    inputs = keras.Input((8, 8, 1))
    flow: Any = layers.Flatten()(inputs)
    for units in (48, 24):
        flow = layers.Dense(units, activation="relu")(flow)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(flow))
    model.compile(optimizers.Nadam(), "mse", metrics=["accuracy"])
    model.fit(x, y % 2, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])
