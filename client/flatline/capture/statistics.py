"""Statistics of tensors, built into the graph of a sampled step.

All of them have XLA kernels, and none of them fails on bad values: that would end a training.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

MOMENTS = ("finite", "mean", "variance", "minimum", "maximum", "nonfinite")
"""What `moments` returns, in order."""


def plain(value: Any) -> Any:
    """Return the TensorFlow variable or tensor behind a Keras variable."""
    return getattr(value, "value", value)


def float32(tensor: Any) -> Any:
    """Return the tensor as float32, in which half-precision values do not overflow."""
    return tf.cast(tensor, tf.float32)


def square_sums(arrays: Sequence[Any]) -> Any:
    """Return the sum of squares of each array, [array]."""
    return 2.0 * tf.stack([tf.nn.l2_loss(float32(_summed(array))) for array in arrays])


def nonfinite_counts(arrays: Sequence[Any], total: Any) -> Any:
    """Return how many elements of each array are nan or infinite, [array].

    They are counted only when `total`, a sum over all elements, is not finite itself.
    """

    def count() -> Any:
        masks = [tf.math.is_finite(getattr(array, "values", array)) for array in arrays]
        return tf.stack([tf.reduce_sum(float32(~mask)) for mask in masks])

    return tf.cond(tf.math.is_finite(total), lambda: tf.zeros([len(arrays)]), count)


def moments(tensor: Any) -> Any:
    """Return the numbers named in MOMENTS over all elements of a tensor."""
    values = tf.reshape(float32(tensor), [-1])
    return tf.squeeze(column_moments(values[:, None]), 0)


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


def _summed(array: Any) -> Any:
    """Return an array whose squares may be added: duplicate rows of slices are summed first.

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
