"""Whose an exception is that comes out of a step: the program's own, or ours."""

import tensorflow as tf

END_OF_DATA = (StopIteration, tf.errors.OutOfRangeError)
"""What ends an epoch whose length was not known: no failure at all."""


def is_theirs(error: BaseException, *, eager: bool, xla: bool) -> bool:
    """Say whether the program's own function had raised this too, of a step `eager` or in a graph.

    What is ours fails where a function is traced, or compiled by XLA; what an operation raises
    while it runs is the program's.
    """
    return eager or (isinstance(error, tf.errors.OpError) and not xla)
