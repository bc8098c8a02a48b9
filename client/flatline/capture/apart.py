"""Lets a tensor be measured without being used: the program's own graph is optimised as ever."""

from typing import Any

import tensorflow as tf

_ARITHMETIC: dict[str, Any] = {
    name: getattr(tf.raw_ops, name) for name in ("Add", "AddV2", "Mul", "Neg", "RealDiv", "Sub")
}
_MARK = "_flatline"
_MOST = 64
"""Operations that are done twice at most for the sake of one tensor."""


def apart(tensor: Any) -> Any:
    """Return the same numbers, by operations of ours where the tensor is a sum or a product.

    TensorFlow reorders products and sums, `(a * b) * rate` to `a * (b * rate)` say, where nobody
    else uses what is in between. Using a gradient would prevent it, and change the last bit.
    """
    if isinstance(tensor, tf.IndexedSlices):
        return tf.IndexedSlices(apart(tensor.values), tensor.indices, tensor.dense_shape)
    if tf.executing_eagerly() or _MARK in tensor.op.node_def.attr:
        return tensor
    # An attribute keeps TensorFlow from finding that the same is computed twice.
    mark = {_MARK: tf.compat.v1.AttrValue(b=True)}
    with tensor.graph._attr_scope(mark):  # noqa: SLF001 - there is no public way
        return _copied(tensor, {})


def _copied(tensor: Any, known: dict[str, Any]) -> Any:
    operation = tensor.op
    if operation.type not in {*_ARITHMETIC, "AddN"} or len(known) >= _MOST:
        return tensor
    if operation.name not in known:
        inputs = [_copied(each, known) for each in operation.inputs]
        if operation.type == "AddN":
            copy = tf.raw_ops.AddN(inputs=inputs)
        elif len(inputs) == 1:
            copy = _ARITHMETIC[operation.type](x=inputs[0])
        else:
            copy = _ARITHMETIC[operation.type](x=inputs[0], y=inputs[1])
        known[operation.name] = copy
    return known[operation.name]
