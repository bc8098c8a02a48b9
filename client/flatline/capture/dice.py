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
        if operation.type in _DICE and _is_seeded(operation):
            raise DiceError(operation.type)


def _is_seeded(operation: Any) -> bool:
    """Say whether an operation draws the same numbers in each run: else none are ours to keep."""
    return any(operation.node_def.attr[name].i for name in ("seed", "seed2"))
