"""What a program gives to `fit`, caught as it does so."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from unittest import mock

import keras
import numpy as np

from tests.gallery.skill import Skills, skills_of

Arguments: TypeAlias = dict[str, Any]
"""Of `fit`, by name, as they were given."""


@dataclass
class Fit:
    """One call of `fit`, and what the model had learned by the end of it."""

    model: Any
    given: Arguments
    skills: Skills = field(default_factory=Skills)
    broke_off: bool = False
    """Whether an exception ended it."""

    @property
    def callbacks(self) -> Sequence[Any]:
        """The program's callbacks."""
        return self.given.get("callbacks") or ()


@contextlib.contextmanager
def catching(change: Callable[[Arguments], Arguments] = dict) -> Iterator[list[Fit]]:
    """Give the list of the fits in this block; each one's arguments may be changed before it."""
    fits: list[Fit] = []
    real = keras.Model.fit

    @functools.wraps(real)
    def fit(model: Any, *args: Any, **kwargs: Any) -> Any:
        given = dict(inspect.signature(real).bind(model, *args, **kwargs).arguments)
        del given["self"]
        here = Fit(model, change(given))
        fits.append(here)
        try:
            return real(model, **here.given)
        except BaseException:
            here.broke_off = True
            raise
        finally:
            here.skills = skills_of(model, here.given)

    with mock.patch.object(keras.Model, "fit", fit):
        yield fits


def why_not(fits: Sequence[Fit]) -> str:
    """Say why no code that goes by `model`, `x_train`, `y_train` fits the program; empty: it does.

    The fits are those that are monitored.
    """
    if not fits:
        return "it trains in a loop of its own"
    if len(fits) > 1:
        return "it fits more than once"
    (fit,) = fits
    if not all(isinstance(fit.given.get(name), np.ndarray) for name in ("x", "y")):
        return "its data are not one array of inputs and one of targets"
    if not type(fit.model).__module__.startswith("keras."):
        return "its model is of a class of its own, which Keras cannot clone"
    try:
        keras.models.clone_model(fit.model)
    except Exception:  # noqa: BLE001 - whatever a layer of its own raises
        return "it has a layer of its own, which Keras cannot clone"
    return ""
