"""Networks that many trainings of the gallery share; others are written where they are used."""

from typing import Any

import keras
from keras import layers


def dense(
    features: int,
    *units: int,
    out: int = 1,
    last: str | None = "sigmoid",
    activation: str = "relu",
    **options: Any,
) -> keras.Sequential:
    """Return dense layers of these units, and an output layer; `options` are of the hidden ones."""
    hidden = [layers.Dense(n, activation=activation, **options) for n in units]
    return keras.Sequential(
        [layers.Input((features,)), *hidden, layers.Dense(out, activation=last)]
    )


def classifier(features: int, *units: int, optimizer: Any = "adam", **options: Any) -> Any:
    """Return a compiled binary classifier."""
    model = dense(features, *units, **options)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def softmax(
    features: int, classes: int, *units: int, optimizer: Any = "adam", **options: Any
) -> Any:
    """Return a compiled classifier of several classes."""
    model = dense(features, *units, out=classes, last="softmax", **options)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def regressor(
    features: int, *units: int, optimizer: Any = "adam", loss: Any = "mse", **options: Any
) -> Any:
    """Return a compiled model of one number, without metrics."""
    model = dense(features, *units, last=None, **options)
    model.compile(optimizer, loss)
    return model


def cnn(size: int, classes: int, *filters: int, optimizer: Any = "adam", **options: Any) -> Any:
    """Return a compiled network of convolutions and poolings."""
    body = [
        layer
        for n in filters
        for layer in (
            layers.Conv2D(n, 3, padding="same", activation="relu", **options),
            layers.MaxPooling2D(),
        )
    ]
    model = keras.Sequential(
        [
            layers.Input((size, size, 1)),
            *body,
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
