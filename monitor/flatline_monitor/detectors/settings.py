"""Puts other numbers in place of a detector's own: the operator's, or those of the hysteresis."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TypeVar

from flatline_monitor.detectors.contract import Detector, Side

D = TypeVar("D", bound=Detector)

EASE = 0.8
"""A finding is over when its statistic is below this share of the limit."""


class SettingsError(ValueError):
    """The settings ask for something that does not exist, or that cannot be."""


def configure(detector: D, settings: Mapping[str, float], section: str = "detectors") -> D:
    """Return the detector with the given fields replaced.

    Raises SettingsError for a field that the detector does not have, and for a number that the
    field cannot be; it names the `section` that detectors are set in.
    """
    known = {field.name: getattr(detector, field.name) for field in dataclasses.fields(detector)}  # type: ignore[arg-type]
    place = f"[{section}.{detector.name}]"
    if unknown := sorted(settings.keys() - known.keys()):
        msg = f"{place} has no setting {', '.join(unknown)}; it has {', '.join(sorted(known))}"
        raise SettingsError(msg)
    numbers = {
        name: _number(f"{place} {name}", value, whole=isinstance(known[name], int))
        for name, value in settings.items()
    }
    return dataclasses.replace(detector, **numbers)  # type: ignore[type-var]


def _number(place: str, value: float, *, whole: bool) -> float:
    """Return a number as the field has it: what is counted is whole, and 0 or more."""
    if math.isnan(value):
        msg = f"{place} is nan; it must be a number"
        raise SettingsError(msg)
    if not whole:
        return value
    if value < 0 or not float(value).is_integer():
        msg = f"{place} is {value:g}; it must be a whole number, 0 or more"
        raise SettingsError(msg)
    return int(value)


def relaxed(detector: D) -> D:
    """Return the detector with its limits eased, so that it fires a little sooner."""
    limits = {
        name: getattr(detector, name) * (EASE if side is Side.ABOVE else 1 / EASE)
        for name, side in detector.relaxable.items()
    }
    return dataclasses.replace(detector, **limits)  # type: ignore[type-var]
