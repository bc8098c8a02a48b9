"""Names for the axes of the columns: trainable variables and inputs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flatline.capture.large import is_large
from flatline.rows import Untrained, Variable, named


def describe_variables(model: Any, variables: Sequence[Any]) -> tuple[Variable, ...]:
    """Return what the monitor is told of a model's variables."""
    classes = {id(variable): type(layer).__name__ for layer, variable in _trainable_ones(model)}
    return tuple(describe_variable(each, classes.get(id(each), "")) for each in variables)


def untrained(model: Any, variables: Sequence[Any]) -> tuple[Untrained, ...]:
    """Return the model's other arrays that are there to be trained."""
    trained = {id(variable) for variable in variables}
    return tuple(
        Untrained(_path(variable), bool(variable.trainable))
        for _, variable in _trainable_ones(model)
        if id(variable) not in trained
    )


def _trainable_ones(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield layers and what each was built to train, frozen or not."""
    for layer in model._flatten_layers(include_self=True, recursive=True):  # noqa: SLF001
        for variable in getattr(layer, "_trainable_variables", None) or ():
            yield layer, variable


def _path(variable: Any) -> str:
    return str(getattr(variable, "path", variable.name)).removesuffix(":0")  # TensorFlow's own


def describe_variable(variable: Any, layer_class: str = "") -> Variable:
    """Return what the monitor is told of a Keras variable."""
    return replace(
        named(_path(variable)),
        shape=tuple(int(size) for size in variable.shape),
        layer_class=layer_class,
        estimated=is_large(variable),
    )


def input_names(model: Any, x: Any, count: int) -> list[str]:
    """Return one name for each of the `count` flattened inputs `x`."""
    if isinstance(x, Mapping):
        names = [str(key) for key in sorted(x)]
    else:
        names = [str(tensor.name) for tensor in getattr(model, "inputs", None) or ()]
    return names if len(names) == count else [f"input_{i}" for i in range(count)]
