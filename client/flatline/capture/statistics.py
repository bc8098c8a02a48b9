"""Statistics of tensors, built into the graph of a sampled step.

All of them have XLA kernels, and none of them fails on bad values: that would end a training.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

Item = TypeVar("Item")
MOMENTS = ("finite", "mean", "variance", "minimum", "maximum", "nonfinite")
"""What `moments` returns, in order; where there is no finite element, only the counts hold."""
_SHORT, _TOGETHER = 1024, 16
"""Elements of a vector that is short, and how many of them are worth doing together."""
_MATRICES = 24
"""Matrices whose share of zeros is counted, at most."""
_NARROW = 512
"""Elements of a sample up to which an input is masked in any case."""


def plain(value: Any) -> Any:
    """Return the TensorFlow variable or tensor behind a Keras variable, or what is one itself."""
    held = getattr(value, "value", value)
    return value if callable(held) else held  # a tf.Variable has a method of that name


def float32(tensor: Any) -> Any:
    """Return the tensor as float32, in which half-precision values do not overflow."""
    return tf.cast(tensor, tf.float32)


def thinned(items: list[Item], most: int) -> list[Item]:
    """Return at most that many of some items: of more, every so many-th."""
    return items[:: -(-len(items) // most) or 1]


def square_sums(arrays: Sequence[Any]) -> Any:
    """Return the sum of squares of each array, [array]; of slices, after `summed`."""
    return _square_sums([float32(array) for array in arrays])


def zero_shares(arrays: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Return the share of each array's elements that are 0, [array]; of slices, after `summed`.

    Rows that `summed` has left out are 0; nan makes nan. Vectors are not looked at, nor are all
    of many matrices, but every so many-th: nan.
    """
    matrices = [i for i, array in enumerate(arrays) if (array.shape.rank or 0) > 1]
    looked_at = thinned(matrices, _MATRICES)
    if not looked_at:
        return tf.fill([len(arrays)], float("nan"))
    others = 2.0 * tf.stack([tf.nn.l2_loss(tf.sign(float32(arrays[i]))) for i in looked_at])
    size = np.array([max(sizes[i], 1) for i in looked_at], np.float32)
    shares = 1.0 - others * (1.0 / size)
    shares = tf.where(shares < 0.0, 0.0, shares)  # nan stays
    places = np.full(len(arrays), len(looked_at))
    places[looked_at] = range(len(looked_at))
    return tf.gather(tf.concat([shares, [float("nan")]], 0), places)


def _square_sums(arrays: Sequence[Any]) -> Any:
    """Return the sum of squares of each array, [array].

    Short vectors, which are half of all arrays, are done together: an operation on a handful of
    numbers takes a microsecond, whatever it does.
    """
    short = [i for i, array in enumerate(arrays) if _is_short(array)]
    if len(short) < _TOGETHER:
        return 2.0 * tf.stack([tf.nn.l2_loss(array) for array in arrays])
    joined = tf.concat([arrays[i] for i in short], 0)
    places = np.repeat(np.arange(len(short)), [int(arrays[i].shape[0]) for i in short])
    together = tf.math.unsorted_segment_sum(tf.square(joined), places, len(short))
    long = sorted(set(range(len(arrays))) - set(short))
    if not long:
        return together
    alone = 2.0 * tf.stack([tf.nn.l2_loss(arrays[i]) for i in long])
    return tf.gather(tf.concat([together, alone], 0), np.argsort([*short, *long]))


def _is_short(array: Any) -> bool:
    shape = getattr(array, "shape", None)
    return shape is not None and shape.rank == 1 and (shape[0] or _SHORT + 1) <= _SHORT


def moments(tensor: Any) -> Any:
    """Return the numbers named in MOMENTS over all elements of a tensor."""
    values = tf.reshape(float32(tensor), [-1])
    if not tensor.dtype.is_floating:
        return _moments_of_finite(values)
    width = tensor.shape[1:].num_elements()
    if width is not None and width <= _NARROW:
        return _moments_of_any(values)
    # A masked pass over an image costs as much as the rest together, a cond some 20 us.
    finite = tf.math.is_finite(tf.reduce_sum(values))
    return tf.cond(finite, lambda: _moments_of_finite(values), lambda: _moments_of_any(values))


def _moments_of_finite(values: Any) -> Any:
    mean = tf.reduce_mean(values)
    count = float32(tf.size(values))
    variance = 2.0 * tf.nn.l2_loss(values - mean) / count
    low, high = tf.reduce_min(values), tf.reduce_max(values)
    return tf.stack([count, mean, variance, low, high, 0.0])


def _moments_of_any(values: Any) -> Any:
    finite = tf.math.is_finite(values)
    count = tf.reduce_sum(float32(finite))
    mean = tf.reduce_sum(tf.where(finite, values, 0.0)) / count
    # What is not finite is taken for the mean, which changes none of the following.
    known = tf.where(finite, values, mean)
    variance = 2.0 * tf.nn.l2_loss(known - mean) / count
    low, high = tf.reduce_min(known), tf.reduce_max(known)
    return tf.stack([count, mean, variance, low, high, float32(tf.size(values)) - count])


def column_moments(values: Any) -> Any:
    """Return the numbers named in MOMENTS for each column of a matrix, [column, moment].

    The variance takes two passes: the mean of the squares minus the square of the mean would
    be noise for inputs like pixels or years.
    """
    finite = tf.math.is_finite(values)
    count = tf.reduce_sum(float32(finite), 0)
    some = count > 0
    divisor = tf.maximum(count, 1.0)
    mean = tf.reduce_sum(tf.where(finite, values, 0.0), 0) / divisor
    deviation = tf.where(finite, values - mean, 0.0)
    variance = tf.reduce_sum(tf.square(deviation), 0) / divisor
    infinity = float("inf")
    minimum = tf.reduce_min(tf.where(finite, values, infinity), 0)
    maximum = tf.reduce_max(tf.where(finite, values, -infinity), 0)
    known = [tf.where(some, v, float("nan")) for v in (mean, variance, minimum, maximum)]
    return tf.stack([count, *known, tf.reduce_sum(float32(~finite), 0)], 1)


def summed(array: Any) -> Any:
    """Return a dense array as it is, and of slices the rows that are there, duplicates added up.

    Sorting does what tf.unique would do, which has no XLA kernel.
    """
    if not isinstance(array, tf.IndexedSlices):
        return array
    indices = tf.reshape(array.indices, [-1])
    order = tf.argsort(indices)
    ordered = tf.gather(indices, order)
    new = tf.concat([[0], tf.cast(ordered[1:] != ordered[:-1], tf.int32)], 0)
    count = tf.shape(ordered)[0]
    values = tf.reshape(tf.gather(float32(array.values), order), [count, -1])
    return tf.math.unsorted_segment_sum(values, tf.cumsum(new), count)
