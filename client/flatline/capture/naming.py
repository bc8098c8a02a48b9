"""Names for the axes of the columns: trainable variables and inputs."""

from collections.abc import Mapping
from typing import Any

from flatline.rows import Role, Variable

_ROLES: dict[str, Role] = {
    "kernel": "kernel",
    "depthwise_kernel": "kernel",
    "pointwise_kernel": "kernel",
    "bias": "bias",
    "embeddings": "embedding",
    "gamma": "gamma",
    "beta": "beta",
    "recurrent_kernel": "recurrent_kernel",
}


def describe_variable(variable: Any) -> Variable:
    """Return what the monitor is told of a Keras variable."""
    path = str(getattr(variable, "path", variable.name))
    *owners, name = path.split("/")
    return Variable(
        path=path,
        layer=owners[-1] if owners else "",
        role=_ROLES.get(name, "unspecified"),
        shape=tuple(int(size) for size in variable.shape),
    )


def input_names(model: Any, x: Any, count: int) -> list[str]:
    """Return one name for each of the `count` flattened inputs `x`."""
    if isinstance(x, Mapping):
        names = [str(key) for key in sorted(x)]
    else:
        names = [str(tensor.name) for tensor in getattr(model, "inputs", None) or ()]
    return names if len(names) == count else [f"input_{i}" for i in range(count)]
