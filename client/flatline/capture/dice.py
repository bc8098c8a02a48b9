"""Random numbers that a second trace of a step would draw differently."""

from typing import Any

import tensorflow as tf

_DICE = {
    *("RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal"),
    *("RandomGamma", "RandomPoissonV2", "RandomShuffle", "Multinomial"),
    *("ParameterizedTruncatedNormal",),
}
"""Operations that keep their state in the traced function."""


class DiceError(Exception):
    """The step draws from tf.random: each traced function has dice of its own."""

    def __init__(self, operation: str = "") -> None:
        super().__init__(f"the training step draws random numbers by {operation}")


def refuse_dice(graph: Any) -> None:
    """Raise DiceError where a second trace of the step would draw other random numbers.

    The layers of Keras 3 draw from a seed that is a variable of the model, and are not concerned;
    those of Keras 2 are, in a program that sets a seed.
    """
    if not isinstance(graph, tf.Graph) or tf.executing_eagerly():
        return
    for operation in graph.get_operations():
        if operation.type in _DICE and _is_seeded(operation.node_def):
            raise DiceError(operation.type)


def draws_here() -> bool:
    """Say whether what is being traced has drawn seeded random numbers so far."""
    graph = tf.compat.v1.get_default_graph()
    while isinstance(graph, tf.Graph):
        if draws_seeded(graph.as_graph_def()):
            return True
        graph = getattr(graph, "outer_graph", None)
    return False


def draws_seeded(definition: Any) -> bool:
    """Say whether a graph draws random numbers that another trace of it would draw again.

    Operations of tf.random keep their state in the traced function. With a seed, which any of
    them may have, two traces draw the same numbers; without one, none are anybody's to keep.
    """
    functions = definition.library.function
    return any(map(_is_seeded, (*definition.node, *(n for f in functions for n in f.node_def))))


def _is_seeded(node: Any) -> bool:
    """Say whether an operation draws the same numbers in each run: else none are ours to keep."""
    return any(node.attr[name].i for name in ("seed", "seed2") if name in node.attr)
