"""Small real trainings, sick and healthy, each as somebody would have written it.

Every program says what a monitor has to find in it, and why it is so; a seed gives it other data
and other weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, optimizers, regularizers

Callbacks = Sequence[keras.callbacks.Callback]


@dataclass(frozen=True)
class Program:
    """One training and what is true of it."""

    name: str
    title: str
    train: Callable[[int, Callbacks], Any]
    """Takes a seed."""
    finds: frozenset[str]
    """Detectors that must fire as a warning or worse; empty: none may."""
    causes: frozenset[str]
    """Must be among the first three of those detectors' causes."""
    verdict: str
    """Must be in the closing verdict."""


def blobs(n: int, features: int, seed: int, apart: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of half of the samples each, their centres `apart` deviations from the origin."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    centre = apart * rng.normal(size=features)
    return (rng.normal(size=(n, features)) + np.outer(2 * y - 1, centre)).astype("float32"), y


def classifier(
    features: int, *units: int, activation: str = "relu", optimizer: Any = "adam"
) -> keras.Sequential:
    """A binary classifier of dense layers, compiled as most people do."""
    hidden = [layers.Dense(n, activation=activation) for n in units]
    model = keras.Sequential(
        [layers.Input((features,)), *hidden, layers.Dense(1, activation="sigmoid")]
    )
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def healthy(seed: int, callbacks: Callbacks) -> None:
    """A network that learns two separable classes."""
    x, y = blobs(1_000, 20, seed)
    classifier(20, 32, 16).fit(
        x, y, epochs=20, validation_split=0.2, verbose=0, callbacks=[*callbacks]
    )


def imbalanced_but_learns(seed: int, callbacks: Callbacks) -> None:
    """Nine of ten samples are of one class, and the network tells them apart."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3_000, 20)).astype("float32")
    score = x @ rng.normal(size=20)
    y = (score > np.quantile(score, 0.9)).astype(int)
    classifier(20, 64).fit(x, y, epochs=20, verbose=0, callbacks=[*callbacks])


def random_labels(seed: int, callbacks: Callbacks) -> None:
    """100 samples of two features in 0..100, labelled by the toss of a coin."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 100, (100, 2)).astype("float32"), rng.integers(0, 2, 100)
    classifier(2, 16).fit(x, y, epochs=200, verbose=0, callbacks=[*callbacks])


def linear_xor(seed: int, callbacks: Callbacks) -> None:
    """XOR, which a single sigmoid unit cannot represent."""
    del seed  # there is only one XOR; the weights differ
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([0, 1, 1, 0])
    classifier(2).fit(x, y, epochs=200, batch_size=4, verbose=0, callbacks=[*callbacks])


def only_one_class(seed: int, callbacks: Callbacks) -> None:
    """100 samples, the first 90 labelled 0 and the last 10 labelled 1, whatever the features."""
    x = np.random.default_rng(seed).uniform(size=(100, 2)).astype("float32")
    y = np.repeat([0, 1], [90, 10])
    classifier(2, 16).fit(x, y, epochs=200, verbose=0, callbacks=[*callbacks])


def deep_sigmoid(seed: int, callbacks: Callbacks) -> None:
    """Separable classes behind ten layers of sigmoids."""
    x, y = blobs(1_000, 10, seed)
    deep = classifier(10, *[10] * 10, activation="sigmoid")
    deep.fit(x, y, epochs=20, verbose=0, callbacks=[*callbacks])


def learning_rate_high(seed: int, callbacks: Callbacks) -> None:
    """Adam at a learning rate of 1.0, a thousand times its default."""
    x, y = blobs(1_000, 20, seed, apart=0.25)
    model = classifier(20, 32, 16, optimizer=optimizers.Adam(1.0))
    model.fit(x, y, epochs=20, verbose=0, callbacks=[*callbacks])


def learning_rate_low(seed: int, callbacks: Callbacks) -> None:
    """Adam at a learning rate of 0.0000001."""
    x, y = blobs(1_000, 20, seed)
    model = classifier(20, 32, 16, optimizer=optimizers.Adam(1e-7))
    model.fit(x, y, epochs=20, verbose=0, callbacks=[*callbacks])


def over_regularised(seed: int, callbacks: Callbacks) -> None:
    """L2 of 0.1 on every layer and dropout of one half."""
    x, y = blobs(500, 20, seed, apart=0.25)
    model = keras.Sequential([layers.Input((20,))])
    for _ in range(3):
        model.add(layers.Dense(64, activation="relu", kernel_regularizer=regularizers.L2(0.1)))
        model.add(layers.Dropout(0.5))
    model.add(layers.Dense(1, activation="sigmoid", kernel_regularizer=regularizers.L2(0.1)))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=60, verbose=0, callbacks=[*callbacks])


def nan_in_a_batch(seed: int, callbacks: Callbacks) -> None:
    """A training that is fine until the 50th batch holds one nan."""
    x, y = blobs(1_600, 20, seed)
    x[50 * 16, 3] = np.nan
    model = classifier(20, 32)
    model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0, callbacks=[*callbacks])


def overfitting(seed: int, callbacks: Callbacks) -> None:
    """200 samples with a fifth of the labels flipped, and 270 thousand parameters."""
    x, y = blobs(200, 20, seed, apart=0.5)
    flipped = np.random.default_rng(seed + 1_000).random(200) < 0.2
    model = classifier(20, 512, 512)
    model.fit(
        *(x, np.where(flipped, 1 - y, y)),
        epochs=100,
        validation_split=0.3,
        verbose=0,
        callbacks=[*callbacks],
    )


def too_few_epochs(seed: int, callbacks: Callbacks) -> None:
    """Three epochs of small steps, each better than the one before."""
    x, y = blobs(1_000, 20, seed, apart=0.3)
    model = classifier(20, 32, optimizer=optimizers.Adam(1e-4))
    model.fit(x, y, epochs=3, verbose=0, callbacks=[*callbacks])


def _program(
    train: Callable[[int, Callbacks], Any], finds: str = "", causes: str = "", verdict: str = ""
) -> Program:
    title = (train.__doc__ or "").splitlines()[0].rstrip(".")
    name = train.__name__.replace("_", "-")
    return Program(name, title, train, frozenset(finds.split()), frozenset(causes.split()), verdict)


PROGRAMS = (
    _program(healthy, verdict="healthy"),
    _program(imbalanced_but_learns, verdict="healthy"),
    _program(random_labels, "no_skill input_scale", "inputs_not_scaled no_information", "no_skill"),
    _program(linear_xor, "no_skill", "capacity_too_small", "sick"),
    _program(only_one_class, "class_collapse", "class_imbalance no_information", "sick"),
    _program(deep_sigmoid, "vanishing_gradient", "saturating_activations"),
    _program(learning_rate_high, "update_ratio", "learning_rate_too_high"),
    _program(learning_rate_low, "update_ratio", "learning_rate_too_low"),
    _program(over_regularised, "no_skill", "regularization_too_strong", "sick"),
    _program(nan_in_a_batch, "non_finite", "bad_values_in_data", "sick"),
    _program(overfitting, "overfitting", "too_little_data"),
    _program(too_few_epochs, verdict="train longer"),
)


def seeded(program: Program, callbacks: Callbacks, seed: int = 0) -> None:
    """Train a program from a seed, with no state of the one before it."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    program.train(seed, callbacks)
