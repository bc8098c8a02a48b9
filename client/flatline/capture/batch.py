"""Statistics of what a step was given and what it predicted, built into its graph."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from flatline.capture.head import Head
from flatline.capture.layout import Column
from flatline.capture.statistics import column_moments, float32, moments

CLASSES_MAX = 256
"""Classes, labels and outputs for which columns are sent."""
_ONE_HOT_MAX = 4_000_000
"""Elements of a one-hot matrix; a language model's vocabulary would take gigabytes."""
_MATRIX_MAX = 16
"""Classes up to which one product of matrices counts everything, in fewer operations."""
_IN_BUCKETS = 4096
"""Samples of a batch that are put into buckets."""


def dense_inputs(x: Any) -> list[Any]:
    """Return the inputs that are arrays of numbers, flattened in Keras's order."""
    return [tensor for tensor in tf.nest.flatten(x) if _is_dense(tensor)]


def input_columns(inputs: Sequence[Any]) -> list[Column]:
    """Return the size of the batch and the moments of each input, [input, moment]."""
    if not inputs:
        return []
    count = tf.shape(inputs[0])[0]
    return [
        Column("sample_count", count, "sum"),
        Column("input", tf.stack([moments(tensor) for tensor in inputs]), "pool"),
    ]


def target_columns(head: Head, y: Any, y_pred: Any) -> list[Column]:
    """Return what the head allows to be counted or averaged; nothing where it does not fit."""
    y, y_pred = _only(y), _only(y_pred)
    if not _is_dense(y) or not _is_dense(y_pred) or y_pred.shape.rank is None:
        return []
    width = 1 if y_pred.shape.rank == 1 else y_pred.shape[-1]
    if head.kind == "numbers":
        return _regression(head, y)
    if width is None:
        return []
    if head.kind == "softmax" and width > 1:
        return _softmax(head, y, y_pred, width)
    if head.kind == "sigmoid" and (width == 1 or head.task == "classification"):
        return _binary(head, y, y_pred) if width == 1 else []
    if head.kind == "sigmoid" and width <= CLASSES_MAX:
        positive = float32(tf.reshape(float32(y), [-1, width]) > 0.5)  # noqa: PLR2004 - a label
        return [Column("positive_count", tf.reduce_sum(positive, 0), "sum")]
    return []


def _only(values: Any) -> Any:
    """Return what a structure of one output holds; anything else as it is."""
    flat = tf.nest.flatten(values)
    return flat[0] if len(flat) == 1 else values


def _regression(head: Head, y: Any) -> list[Column]:
    """Return the moments of each target; of all together where a sample has very many."""
    width = y.shape[1:].num_elements()
    wide = width is None or width > CLASSES_MAX
    targets = tf.reshape(float32(y), [-1, 1 if wide else width])
    columns = [Column("target", column_moments(targets), "pool")]
    if head.loss_kind == "absolute_error":
        middle = tf.shape(targets)[0] // 2
        # A slice and not an index: a batch may be empty.
        median = tf.sort(targets, 0)[middle : middle + 1]
        deviation = tf.reduce_mean(tf.abs(targets - median), 0)
        columns.append(Column("target_deviation", deviation, "mean"))
    return columns


def _softmax(head: Head, y: Any, y_pred: Any, width: int) -> list[Column]:
    """Count classes by the largest of the predictions."""
    predicted = tf.reshape(tf.argmax(y_pred, -1, output_type=tf.int32), [-1])
    one_hot = y.shape.rank == y_pred.shape.rank and y.shape[-1] == width
    labels = tf.argmax(y, -1, output_type=tf.int32) if one_hot else tf.cast(y, tf.int32)
    labels, mask = tf.reshape(labels, [-1]), _mask(y_pred)
    if head.ignored is not None and not one_hot:
        known = labels != head.ignored
        mask = known if mask is None else known & tf.reshape(tf.cast(mask, tf.bool), [-1])
    if width > CLASSES_MAX:
        columns = _buckets(labels, predicted, mask)
    else:
        columns = _counts(labels, predicted, width, mask)
    if (y_pred.shape.num_elements() or 0) <= _ONE_HOT_MAX and width <= CLASSES_MAX:
        chances = tf.nn.softmax(float32(y_pred)) if head.from_logits else float32(y_pred)
        columns.append(_confidence(tf.reduce_max(chances, -1), mask))
    return columns


def _binary(head: Head, y: Any, y_pred: Any) -> list[Column]:
    """Count the two classes of a single unit."""
    scores = tf.reshape(float32(y_pred), [-1])
    predicted = tf.cast(scores > (0.0 if head.from_logits else 0.5), tf.int32)
    labels = tf.cast(tf.reshape(float32(y), [-1]) > 0.5, tf.int32)  # noqa: PLR2004 - a label
    mask = _mask(y_pred)
    chances = tf.sigmoid(tf.abs(scores)) if head.from_logits else 0.5 + tf.abs(scores - 0.5)
    return [*_counts(labels, predicted, 2, mask), _confidence(chances, mask)]


def _confidence(chances: Any, mask: Any) -> Column:
    """Return the mean of the largest probabilities."""
    if mask is None:
        return Column("confidence", tf.reduce_mean(chances), "mean")
    counted = tf.reshape(float32(mask), [-1])
    total = tf.reduce_sum(tf.reshape(chances, [-1]) * counted)
    return Column("confidence", tf.math.divide_no_nan(total, tf.reduce_sum(counted)), "mean")


def _buckets(labels: Any, predicted: Any, mask: Any) -> list[Column]:
    """Return how labels and predictions spread over 256 buckets, of the first samples."""
    columns = []
    counted = labels >= 0  # below are ignored labels: the row of such a one is to be empty
    if mask is not None:
        counted &= tf.reshape(tf.cast(mask, tf.bool), [-1])
    for name, classes in (("label_bucket_count", labels), ("prediction_bucket_count", predicted)):
        some = classes[:_IN_BUCKETS]
        place = tf.where(counted[:_IN_BUCKETS], some % CLASSES_MAX, -1)
        columns.append(Column(name, tf.reduce_sum(tf.one_hot(place, CLASSES_MAX), 0), "sum"))
    return columns


def _counts(labels: Any, predicted: Any, classes: int, mask: Any) -> list[Column]:
    """Return labels, predictions and hits of each class; of few classes as one matrix.

    One-hot rows and not bincounts: a label that is out of range (an ignore index) then counts
    nowhere, where DenseBincount would end the training.
    """
    size = predicted.shape[0]
    fits = labels.shape[0] in (size, None) or size is None
    if not fits or (size or 0) * classes > _ONE_HOT_MAX:
        return []
    truth = tf.one_hot(labels, classes)
    if mask is not None:
        truth = tf.where(tf.reshape(mask, [-1, 1]), truth, 0.0)
    guess = tf.one_hot(predicted, classes)
    if classes <= _MATRIX_MAX:
        return [Column("confusion", tf.matmul(truth, guess, transpose_a=True), "sum")]
    guess *= tf.reduce_sum(truth, 1, keepdims=True)
    return [
        Column("label_count", tf.reduce_sum(truth, 0), "sum"),
        Column("prediction_count", tf.reduce_sum(guess, 0), "sum"),
        Column("correct_count", tf.reduce_sum(truth * guess, 0), "sum"),
    ]


def _mask(y_pred: Any) -> Any:
    """Return Keras's mask of a prediction, which its loss leaves out as well; None: none."""
    return getattr(y_pred, "_keras_mask", None)


def _is_dense(tensor: Any) -> bool:
    """Say whether a value is a plain array of numbers."""
    if not tf.is_tensor(tensor) or isinstance(tensor, tf.RaggedTensor | tf.SparseTensor):
        return False
    dtype = tensor.dtype
    return bool(dtype.is_floating or dtype.is_integer or dtype.is_bool)
