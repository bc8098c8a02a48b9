"""Data that the gallery trains on: generated, or shipped by scikit-learn."""

from typing import TypeAlias

import numpy as np
from sklearn import datasets

Pair: TypeAlias = tuple[np.ndarray, np.ndarray]


def blobs(n: int, features: int, classes: int, seed: int, apart: float = 1.0) -> Pair:
    """Return normal samples around a centre for each class; centres lie `apart` deviations out."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    centres = apart * rng.normal(size=(classes, features))
    return (rng.normal(size=(n, features)) + centres[y]).astype("float32"), y


def linear(n: int, features: int, seed: int, noise: float = 0.1) -> Pair:
    """Return samples, and targets that are linear in them but for some noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, features)).astype("float32")
    y = x @ rng.normal(size=features) / np.sqrt(features) + noise * rng.normal(size=n)
    return x, y.astype("float32")


def curved(n: int, seed: int, noise: float = 0.1) -> Pair:
    """Return one feature, and a sine of it with noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, (n, 1)).astype("float32")
    return x, (np.sin(2 * x[:, 0]) + noise * rng.normal(size=n)).astype("float32")


def moons(n: int, seed: int, noise: float = 0.2) -> Pair:
    """Return two interleaved half circles."""
    x, y = datasets.make_moons(n, noise=noise, random_state=seed)
    return x.astype("float32"), y


def circles(n: int, seed: int, noise: float = 0.1) -> Pair:
    """Return two rings, one in the other."""
    x, y = datasets.make_circles(n, noise=noise, factor=0.5, random_state=seed)
    return x.astype("float32"), y


def imbalanced(n: int, features: int, share: float, seed: int) -> Pair:
    """Return two classes that a plane divides, the second with that share of the samples."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, features)).astype("float32")
    score = x @ rng.normal(size=features)
    return x, (score > np.quantile(score, 1 - share)).astype(int)


def digits(*, pixels: bool = False) -> Pair:
    """Return scikit-learn's 1,797 digits as 8 x 8 x 1, from 0 to 1, or 0 to 16 as they are."""
    x, y = datasets.load_digits(return_X_y=True)
    x = x.reshape(-1, 8, 8, 1).astype("float32")
    return (x if pixels else x / 16), y


def table(name: str, *, scaled: bool = True) -> Pair:
    """Return `iris`, `wine`, `breast_cancer` (classes) or `diabetes` (numbers), shuffled."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order].astype("float32"), y[order]
    return ((x - x.mean(0)) / x.std(0) if scaled else x), y


def images(n: int, size: int, classes: int, seed: int, noise: float = 0.3) -> Pair:
    """Return pictures from 0 to 1 with a bright bar, whose angle is the class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    place = np.mgrid[:size, :size] - (size - 1) / 2
    angle = np.pi * y / classes
    across = np.abs(
        np.sin(angle)[:, None, None] * place[0] + np.cos(angle)[:, None, None] * place[1]
    )
    x = (across < size / 8) + noise * rng.normal(size=(n, size, size))
    return np.clip(x, 0, 1)[..., None].astype("float32"), y


def sequences(n: int, length: int, words: int, seed: int) -> Pair:
    """Return rows of words, and whether those of the first half of the vocabulary are more."""
    rng = np.random.default_rng(seed)
    lean = rng.uniform(0.25, 0.75, (n, 1))
    low = rng.uniform(size=(n, length)) < lean
    x = np.where(
        low, rng.integers(1, words // 2, low.shape), rng.integers(words // 2, words, low.shape)
    )
    return x.astype("int32"), (low.mean(1) > 0.5).astype(int)


def waves(n: int, length: int, seed: int) -> Pair:
    """Return noisy sines as [sample, moment, 1], and the value that follows each of them."""
    rng = np.random.default_rng(seed)
    start, pace = rng.uniform(0, 2 * np.pi, (n, 1)), rng.uniform(0.2, 0.5, (n, 1))
    wave = np.sin(start + pace * np.arange(length + 1)) + 0.05 * rng.normal(size=(n, length + 1))
    return wave[:, :-1, None].astype("float32"), wave[:, -1].astype("float32")
