"""What a traced train function has taken from the Python side of its model, once for all.

Two functions of one model, traced at different times, do the same only if nothing of that changed
in between: a layer that is frozen without `compile`, or a number that a callback sets on a layer,
has no effect on the first one and would have on the second.
"""

from typing import Any

from flatline.capture.optimizer import optimizers_of

_SET_BY_KERAS = {"built", "stop_training", "stop_evaluating", "stop_predicting"}
_PLAIN = (bool, int, float, str)


def fingerprint(model: Any) -> tuple[Any, ...]:
    """Return what would make another trace of the model's train step come out differently."""
    layers = model._flatten_layers(include_self=True, recursive=True)  # noqa: SLF001
    parts = [*layers, *optimizers_of(model)]
    trained = tuple(id(variable) for variable in model.trainable_variables)
    return trained, tuple((id(part), tuple(_settings(part))) for part in parts)


def _settings(part: Any) -> list[tuple[str, Any]]:
    return [
        (name, value)
        for name, value in sorted(vars(part).items())
        if type(value) in _PLAIN and not name.startswith("_") and name not in _SET_BY_KERAS
    ]
