"""The cheapest way for a row out of a traced function: a variable that nobody else sees."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf


class Side:
    """Keeps the rows of the last sampled call, one for each of its steps."""

    def __init__(self, size: int, steps: int) -> None:
        self._steps = steps
        self._taken = 0
        alone(lambda: self._create(size))

    def _create(self, size: int) -> None:
        with tf.device("CPU:0"):
            self._rows = tf.Variable(tf.zeros([self._steps, size]), trainable=False)
            self._written = tf.Variable(0, dtype=tf.int32, trainable=False)

    def write(self, row: Any) -> None:
        """Add to the graph: store this row, [number]."""
        if self._steps == 1:
            self._rows.assign(row[None, :])
            return
        self._rows.scatter_nd_update(tf.reshape(self._written % self._steps, [1, 1]), row[None, :])
        self._written.assign_add(1)

    def read(self) -> tuple[Any, Any]:
        """Return what was written last, for `rows`: to read is cheap, to convert can wait."""
        rows = value_of(self._rows)
        return rows, None if self._steps == 1 else value_of(self._written)

    def rows(self, read: tuple[Any, Any]) -> np.ndarray:
        """Return the rows written between the reading before this one and it, [step, number]."""
        rows = np.asarray(read[0])
        if self._steps == 1:
            return rows
        written = int(read[1])
        count, self._taken = min(written - self._taken, self._steps), written
        return rows[[(written - count + i) % self._steps for i in range(count)]]


def alone(create: Callable[[], None]) -> None:
    """Create variables in a thread of its own.

    There is no graph there and no scope of the surrounding tf.function, which would notice a new
    variable and trace everything a second time.
    """
    thread = threading.Thread(target=create, name="flatline-variables")
    thread.start()
    thread.join()


def value_of(variable: Any) -> Any:
    """Return a variable's value, in a third of the time that `variable.numpy()` takes."""
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)
