"""Puts other numbers in place of a detector's own: the operator's, or those of the hysteresis."""

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from flatline_monitor.detectors.contract import Detector, Side

D = TypeVar("D", bound=Detector)

EASE = 0.8
"""A finding is over when its statistic is below this share of the limit."""


class SettingsError(ValueError):
    """The settings ask for something that does not exist."""


def configure(detector: D, settings: Mapping[str, float]) -> D:
    """Return the detector with the given fields replaced.

    Raises SettingsError for a field that the detector does not have.
    """
    known = {field.name for field in dataclasses.fields(detector)}  # type: ignore[arg-type]
    if unknown := sorted(settings.keys() - known):
        msg = (
            f"[detectors.{detector.name}] has no setting {', '.join(unknown)}; "
            f"it has {', '.join(sorted(known))}"
        )
        raise SettingsError(msg)
    return dataclasses.replace(detector, **settings)  # type: ignore[type-var]


def relaxed(detector: D) -> D:
    """Return the detector with its limits eased, so that it fires a little sooner."""
    limits = {
        name: getattr(detector, name) * (EASE if side is Side.ABOVE else 1 / EASE)
        for name, side in detector.relaxable.items()
    }
    return configure(detector, limits)
