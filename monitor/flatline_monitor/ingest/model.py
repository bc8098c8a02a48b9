"""What is known of a fit before it has learned anything: checked, and never too much of it."""

from dataclasses import fields
from typing import Any

from flatline.v1 import monitor_pb2
from flatline_monitor.ingest import checks
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.ingest.reasons import Reason
from flatline_monitor.runs.model import Array, Feature, Feeding, Layer, Loss, Model, Optimizer

_MOST = {"layers": 256, "inputs": 16, "targets": 16, "features": 64, "shape": 32}
_TEXTS_MOST = {"metrics": 16, "callbacks": 32}
_WEIGHTS_MOST = 256
_PARTS: dict[str, type] = {
    "layers": Layer,
    "inputs": Array,
    "targets": Array,
    "features": Feature,
    "optimizer": Optimizer,
    "loss": Loss,
    "feeding": Feeding,
}


def read_model(message: monitor_pb2.Model, limits: Limits) -> Model:
    """Return the checked facts; an unset field of a message is None."""
    model: Model = _read(message, Model, "model", limits)
    return model


def _read(message: Any, kind: type, place: str, limits: Limits) -> Any:
    """Return a dataclass out of a message whose fields have the same names."""
    return kind(
        **{
            field.name: _value(message, field.name, f"{place}.{field.name}", limits)
            for field in fields(kind)
        }
    )


def _value(message: Any, key: str, place: str, limits: Limits) -> Any:
    value = getattr(message, key)
    if isinstance(value, str):
        return checks.text(place, value, limits.path_bytes)
    if key in _MOST:
        checks.count(Reason.INVALID_MODEL, place, len(value), _MOST[key])
        part = _PARTS.get(key)
        if part is None:
            return tuple(value)
        return tuple(_read(each, part, place, limits) for each in value)
    if key in _TEXTS_MOST:
        checks.count(Reason.INVALID_MODEL, place, len(value), _TEXTS_MOST[key])
        return tuple(checks.text(place, each, limits.path_bytes) for each in value)
    if key == "class_weight":
        checks.count(Reason.INVALID_MODEL, place, len(value), _WEIGHTS_MOST)
        return dict(value)
    if key in _PARTS:
        known = message.HasField(key) or key == "feeding"
        return _read(value, _PARTS[key], place, limits) if known else None
    optional = message.DESCRIPTOR.fields_by_name[key].has_presence
    return value if not optional or message.HasField(key) else None
