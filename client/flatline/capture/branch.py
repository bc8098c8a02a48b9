"""Work that a traced function does in some of its calls: where it cannot be traced twice."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


class Branch:
    """Does work where it is due; `due` is a tensor, or True for always."""

    def __init__(self, due: Any) -> None:
        self._due = due
        self._shapes: list[Any] = []

    def made(self, work: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """Do the work; return its tensors, which are empty where it is not due."""
        if self._due is True:
            return work()
        kinds: list[Any] = []

        def yes() -> Sequence[Any]:
            tensors = work()
            self._shapes = [tensor.shape for tensor in tensors]
            kinds.extend(tensor.dtype for tensor in tensors)
            return tensors

        def no() -> Sequence[Any]:
            pairs = zip(self._shapes, kinds, strict=True)
            return [tf.zeros([0] * shape.rank, kind) for shape, kind in pairs]

        return list(_whole(tf.cond(self._due, yes, no)))

    def whole(self, tensors: Sequence[Any]) -> Sequence[Any]:
        """Return, within further work, what was made, of which it is known there that it is."""
        if self._due is True:
            return tensors
        return [tf.ensure_shape(*each) for each in zip(tensors, self._shapes, strict=True)]

    def done(self, work: Callable[[], None]) -> None:
        """Do further work."""
        if self._due is True:
            work()
            return

        def yes() -> Any:
            work()
            return tf.constant(0)

        _whole([tf.cond(self._due, yes, lambda: tf.constant(0))])


def _whole(outputs: Sequence[Any]) -> Sequence[Any]:
    """Let a branch of the graph be a function that is called or not.

    TensorFlow would make single operations of it, each of which costs time also when it is
    skipped. On a GPU it has to.
    """
    operation: Any = outputs[0].op if outputs else None
    for _ in range(4):
        if operation is None or operation.type in {"If", "StatelessIf"}:
            break
        operation = operation.inputs[0].op if operation.inputs else None
    clear = getattr(operation, "_clear_attr", None)
    lowering = "_lower_using_switch_merge"
    on_host = not tf.config.list_logical_devices("GPU")
    if on_host and clear is not None and lowering in operation.node_def.attr:
        clear(lowering)
    return outputs
