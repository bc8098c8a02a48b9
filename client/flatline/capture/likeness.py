"""Whether a second trace of a function is the same program, but for what we measure in it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

SCOPE = "flatline"
"""Name scope of our operations, by which they are told from the program's own."""

_GIVEN = {"Placeholder", "_Arg"}
"""Stand for what comes from outside, which is more where something is measured."""


def same_program(bare: Any, measuring: Any) -> bool:
    """Say whether two concrete functions are alike, apart from our operations in the second.

    Operations and constants are compared, and the variables they go by. A second trace differs
    where Python code of the program depends on something that has changed since the first.
    """
    ours = {id(handle) for handle in _resources(measuring)}
    if not {id(handle) for handle in _resources(bare)} <= ours:
        return False
    one, other = bare.graph.as_graph_def(), measuring.graph.as_graph_def()
    if _program(one.node) != _program(other.node):
        return False
    return not _bodies(one) - _bodies(other)


def _resources(function: Any) -> list[Any]:
    return [each for each in function.graph.external_captures if each.dtype == tf.resource]


def _program(nodes: Iterable[Any]) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        (node.op, node.attr["value"].SerializeToString() if node.op == "Const" else b"")
        for node in nodes
        if node.op not in _GIVEN and not _is_ours(node.name)
    )


def _bodies(definition: Any) -> "Counter[tuple[tuple[str, bytes], ...]]":
    """Return the programs of all functions called in a graph: their names are never the same."""
    return Counter(_program(function.node_def) for function in definition.library.function)


def _is_ours(name: str) -> bool:
    return any(part.rstrip("_0123456789") == SCOPE for part in name.split("/"))
