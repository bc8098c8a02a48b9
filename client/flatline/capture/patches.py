"""Puts a function in place of a method of one object, and takes it away again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_ABSENT = object()


@contextmanager
def replaced(owner: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Let `owner.name` be `function` for a while.

    It goes past `__setattr__`, because Keras and TensorFlow track what is set on their objects.
    """
    attributes = vars(owner)
    saved = attributes.get(name, _ABSENT)
    attributes[name] = function
    try:
        yield
    finally:
        if saved is _ABSENT:
            attributes.pop(name, None)
        else:
            attributes[name] = saved


@contextmanager
def without(owner: Any, name: str) -> Iterator[None]:
    """Let `owner` have no attribute `name` of its own for a while."""
    attributes = vars(owner)
    saved = attributes.pop(name, _ABSENT)
    try:
        yield
    finally:
        if saved is not _ABSENT:
            attributes[name] = saved
