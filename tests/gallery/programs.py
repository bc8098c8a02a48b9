"""Small real trainings, sick and healthy, each as somebody would have written it.

Every program says what a monitor has to find in it: the detectors that must fire, or none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

Callbacks = Sequence[keras.callbacks.Callback]


@dataclass(frozen=True)
class Program:
    """One training and what is true of it."""

    name: str
    title: str
    train: Callable[[Callbacks], Any]
    expected: frozenset[str]
    """Detectors that must fire as a warning or worse; empty: none may."""


def blobs(n: int, features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two separable classes, half of the samples each."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    centre = rng.normal(size=features)
    return (rng.normal(size=(n, features)) + np.outer(2 * y - 1, centre)).astype("float32"), y


def classifier(features: int, *units: int, activation: str = "relu") -> keras.Sequential:
    """A binary classifier of dense layers, compiled as most people do."""
    hidden = [layers.Dense(n, activation=activation) for n in units]
    model = keras.Sequential(
        [layers.Input((features,)), *hidden, layers.Dense(1, activation="sigmoid")]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def healthy(callbacks: Callbacks) -> None:
    """A network that learns two separable classes."""
    x, y = blobs(1_000, 20)
    classifier(20, 32, 16).fit(
        x, y, epochs=20, validation_split=0.2, verbose=0, callbacks=[*callbacks]
    )


def only_one_class(callbacks: Callbacks) -> None:
    """100 samples, the first 90 labelled 0 and the last 10 labelled 1, whatever the features."""
    x = np.random.default_rng(0).uniform(size=(100, 2)).astype("float32")
    y = np.repeat([0, 1], [90, 10])
    classifier(2, 16).fit(x, y, epochs=200, verbose=0, callbacks=[*callbacks])


def random_labels(callbacks: Callbacks) -> None:
    """100 samples of two features in 0..100, labelled by the toss of a coin."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 100, (100, 2)).astype("float32"), rng.integers(0, 2, 100)
    classifier(2, 16).fit(x, y, epochs=200, verbose=0, callbacks=[*callbacks])


def deep_sigmoid(callbacks: Callbacks) -> None:
    """Separable classes behind ten layers of sigmoids."""
    x, y = blobs(1_000, 10)
    deep = classifier(10, *[10] * 10, activation="sigmoid")
    deep.fit(x, y, epochs=20, verbose=0, callbacks=[*callbacks])


def nan_in_a_batch(callbacks: Callbacks) -> None:
    """A training that is fine until the 50th batch holds one nan."""
    x, y = blobs(1_600, 20)
    x[50 * 16, 3] = np.nan
    model = classifier(20, 32)
    model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0, callbacks=[*callbacks])


def imbalanced_but_learns(callbacks: Callbacks) -> None:
    """Nine of ten samples are of one class, and the network tells them apart."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3_000, 20)).astype("float32")
    score = x @ rng.normal(size=20)
    y = (score > np.quantile(score, 0.9)).astype(int)
    classifier(20, 64).fit(x, y, epochs=20, verbose=0, callbacks=[*callbacks])


def _program(train: Callable[[Callbacks], Any], *expected: str) -> Program:
    title = (train.__doc__ or "").splitlines()[0].rstrip(".")
    return Program(train.__name__.replace("_", "-"), title, train, frozenset(expected))


PROGRAMS = (
    _program(healthy),
    _program(only_one_class, "class_collapse"),
    _program(random_labels, "no_skill"),
    _program(deep_sigmoid, "vanishing_gradient"),
    _program(nan_in_a_batch, "non_finite"),
    _program(imbalanced_but_learns),
)


def seeded(program: Program, callbacks: Callbacks, seed: int = 0) -> None:
    """Train a program from a fixed seed, with no state of the one before it."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    program.train(callbacks)
