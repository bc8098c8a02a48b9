"""The arrays that a fit was given, in numbers: a few samples are looked at, none is kept."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from flatline.model import ARRAYS_MOST, CLASSES_MOST, FEATURES_MOST, Array, Feature, Feeding

_SAMPLES, _ELEMENTS, _SORTED = 4096, 2**18, 1024
"""Samples and elements that are looked at, and samples among which different ones are counted."""
_ON_DISK = 64
"""Samples that are looked at of an array that is a file: its first ones."""


def read_arrays(given: Any, name: str) -> tuple[Array, ...]:
    """Return what a fit was given as `x` or `y`; nothing of what is no array, as a dataset."""
    named = {name: given}
    if isinstance(given, Mapping):
        named = {str(key): value for key, value in given.items()}
    elif isinstance(given, list | tuple):
        named = {f"{name}_{i}": value for i, value in enumerate(given)}
    arrays = [_array(key, each) for key, each in list(named.items())[:ARRAYS_MOST]]
    return tuple(array for array in arrays if array is not None)


def read_feeding(own: Mapping[str, Any], inputs: tuple[Array, ...]) -> Feeding:
    """Return how a fit feeds its arrays, from the variables of `fit` itself."""
    x, weights = own.get("x"), own.get("class_weight")
    array = bool(inputs) or isinstance(x, Mapping | list | tuple)
    shuffle = own.get("shuffle")
    return Feeding(
        shuffle=bool(shuffle) if array and shuffle is not None else None,
        class_weight=_class_weight(weights),
        sample_weight=own.get("sample_weight") is not None,
        validation_split=float(own.get("validation_split") or 0.0) or None,
        validation=own.get("validation_data") is not None,
        source=type(x).__name__,
    )


def _class_weight(weights: Any) -> dict[int, float]:
    if not isinstance(weights, Mapping):
        return {}
    return {int(k): float(v) for k, v in list(weights.items())[:CLASSES_MOST] if int(k) >= 0}


def _array(name: str, value: Any) -> Array | None:
    """Return what one array is; None: it is none."""
    shape = getattr(value, "shape", None)
    dtype = getattr(getattr(value, "dtype", None), "name", None) or getattr(value, "dtypes", None)
    if isinstance(value, tf.data.Dataset) or shape is None or dtype is None:
        return None
    if not len(shape) or not all(isinstance(size, int) for size in shape):
        return None  # a ragged one
    sizes = tuple(shape)
    samples, elements = sizes[0], int(np.prod(sizes[1:], dtype=np.int64))
    if not samples or not elements:
        return None
    taken = _taken(value, samples, elements)
    return Array(
        name=name,
        shape=sizes[1:],
        dtype=dtype if isinstance(dtype, str) else "mixed",
        samples=samples,
        features=() if taken is None else _features(taken),
        one_hot=taken is not None and _is_one_hot(taken),
    )


def _taken(value: Any, samples: int, elements: int) -> np.ndarray | None:
    """Return some of the samples, evenly spread, [sample, element]; None: they are no numbers."""
    most = max(min(_SAMPLES, _ELEMENTS // elements), 1)
    some = slice(min(most, _ON_DISK)) if _is_mapped(value) else slice(0, None, -(-samples // most))
    try:
        rows = np.asarray(getattr(value, "iloc", value)[some])  # a table of pandas has no other way
    except Exception:  # noqa: BLE001 - a sparse array, or one of foreign make, may raise anything
        return None
    if rows.dtype.kind not in "fiub":
        return None
    return rows.reshape(len(rows), -1)


def _is_mapped(value: Any) -> bool:
    """Say whether an array is a file: samples spread over it would be as many reads of a disk."""
    while value is not None and not isinstance(value, np.memmap):
        value = getattr(value, "base", None)
    return value is not None


def _features(rows: np.ndarray) -> tuple[Feature, ...]:
    """Return one for each column of few, else one of all elements together."""
    if rows.shape[1] > FEATURES_MOST:
        return (_feature(rows.ravel()),)
    return tuple(_feature(rows[:, i]) for i in range(rows.shape[1]))


def _feature(values: np.ndarray) -> Feature:
    values = values.astype(np.float64)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Feature(np.nan, np.nan, np.nan, np.nan, whole=False, distinct=0, nonfinite_share=1.0)
    some = finite[:: -(-finite.size // _SORTED)]
    return Feature(
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        mean=float(finite.mean()),
        std=float(finite.std()),
        whole=bool(np.all(finite == np.floor(finite))),
        distinct=int(np.unique(some).size),
        nonfinite_share=1.0 - finite.size / values.size,
    )


def _is_one_hot(rows: np.ndarray) -> bool:
    return rows.shape[1] > 1 and bool(np.all((rows != 0).sum(1) == 1) and np.all(rows.sum(1) == 1))
