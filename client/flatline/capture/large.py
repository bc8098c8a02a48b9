"""Variables that are so large that some of their rows speak for all of them."""

from typing import Any

import numpy as np
import tensorflow as tf

from flatline.capture.statistics import float32, plain

LARGE = 2**20
"""Elements from which on an array is measured on some of its rows: a pass over it costs more."""
_LOOKED_AT = 2**18
"""Elements of a large array that are looked at."""
_ROWS_LEAST = 64
"""Rows of which a part can speak for the rest."""


def is_large(variable: Any) -> bool:
    """Say whether the norms of a variable and of its update are estimated from some rows."""
    return size_of(variable) >= LARGE and int(variable.shape[0]) >= _ROWS_LEAST


def size_of(variable: Any) -> int:
    """Return the number of elements of a variable."""
    return int(np.prod([int(size) for size in variable.shape], dtype=np.int64))


def factor_of(variable: Any) -> float:
    """Return what the sum over the rows looked at is to be multiplied by."""
    return int(variable.shape[0]) / len(_rows(variable)) if is_large(variable) else 1.0


def looked_at(variable: Any) -> Any:
    """Return the value of a variable as it is now; of a large one, of some rows alone.

    Reading a whole variable keeps its buffer, so that the next change has to copy it.
    """
    value = plain(variable)
    if not is_large(variable):
        return tf.convert_to_tensor(value)
    handle = getattr(value, "handle", None)
    if handle is None:
        return tf.gather(tf.convert_to_tensor(value), _rows(variable))
    rows = tf.constant(_rows(variable))
    return tf.raw_ops.ResourceGather(resource=handle, indices=rows, dtype=value.dtype)


def rows_of(variable: Any, ordered: Any) -> Any:
    """Return an ordered change; of a large variable, of the rows looked at alone."""
    if not is_large(variable):
        return ordered
    if not isinstance(ordered, tf.IndexedSlices):
        return tf.gather(ordered, _rows(variable))
    # Few rows are changed, and all of them are here: the factor is taken out again.
    scale = float32(1.0 / np.sqrt(factor_of(variable)))
    return tf.IndexedSlices(float32(ordered.values) * scale, ordered.indices)


def _rows(variable: Any) -> np.ndarray:
    """Return the rows of a large variable that are looked at."""
    count = int(variable.shape[0])
    width = size_of(variable) // count
    stride = max(count * width // _LOOKED_AT, 1)
    # An odd stride: an even one may go by the period of a layout.
    return np.arange(0, count, min(stride | 1, count), dtype=np.int32)
