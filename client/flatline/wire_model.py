"""Encodes what is known of a fit before it has learned anything: a twin of the message."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from flatline.model import Model
from flatline.say import name
from flatline.v1 import monitor_pb2, packed_pb2

_WHOLE = 2**31
"""Whole numbers beyond it are left out: they fit no field."""


def encode(model: Model) -> bytes:
    """Encode what a program has built, compiled and given to a fit."""
    message = monitor_pb2.Model()
    _fill(message, model)
    return packed_pb2.PackedWatchRequest(model=message).SerializeToString()


def _fill(message: Any, value: Any) -> None:
    """Set each field of a message to that of the dataclass of the same name; None: absent."""
    for field in fields(value):
        _set(message, field.name, getattr(value, field.name))


def _set(message: Any, key: str, value: Any) -> None:
    if is_dataclass(value):
        part = getattr(message, key)
        part.SetInParent()
        _fill(part, value)
    elif isinstance(value, tuple):
        for each in value:
            if is_dataclass(each):
                _fill(getattr(message, key).add(), each)
            else:
                getattr(message, key).append(name(each) if isinstance(each, str) else each)
    elif isinstance(value, Mapping):
        getattr(message, key).update(value)
    elif isinstance(value, str):
        setattr(message, key, name(value))
    elif isinstance(value, int) and abs(value) >= _WHOLE and key != "samples":
        return
    elif value is not None:
        setattr(message, key, value)
