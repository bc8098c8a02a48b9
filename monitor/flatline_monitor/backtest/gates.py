"""What a detector compared at a judged point, and which comparison kept it from a finding."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from flatline_monitor.backtest.watched import Gate, Notes, watched
from flatline_monitor.detectors.contract import (
    Abstain,
    Detector,
    Finding,
    NotMeasurableError,
    Reason,
    Verdict,
)
from flatline_monitor.runs.view import RunView

_LOOKED = (Reason.TOO_FEW_POINTS, Reason.BETWEEN_LIMITS)
"""Abstentions that `check` itself decides on, by its numbers."""


@dataclass(frozen=True, slots=True)
class Looked:
    """How a detector came to its verdict."""

    gates: tuple[Gate, ...] = ()
    """Its comparisons with limits, in their order."""
    held_back: Gate | None = None
    """The one that alone kept it from a finding: with the other answer it would be one."""
    visible: bool = True
    """Whether it gave the same answer while it was watched."""


def looked(detector: Detector, view: RunView, verdict: Verdict) -> Looked:
    """Return what the detector compared on its way to this verdict on this view.

    It is asked again, on a view of its own: what it says then is not believed but compared.
    """
    if isinstance(verdict, Abstain) and verdict.reason not in _LOOKED:
        return Looked()
    finding, gates = _asked(detector, view, None)
    if finding != _expected(verdict):
        return Looked(visible=False)
    if finding is not None:
        return Looked(gates)
    alone = (
        gate
        for number, gate in reversed(list(enumerate(gates)))
        if isinstance(_asked(detector, view, number)[0], Finding)
    )
    return Looked(gates, next(alone, None))


def _expected(verdict: Verdict) -> Finding | Reason | None:
    """Return what `check` has said where `judge` says this."""
    if isinstance(verdict, Finding):
        return verdict
    too_few = verdict == Abstain(Reason.TOO_FEW_POINTS)
    return Reason.TOO_FEW_POINTS if too_few else None


def _asked(
    detector: Detector, view: RunView, turned: int | None
) -> tuple[Finding | Reason | None, tuple[Gate, ...]]:
    """Ask with limits that take notes; whatever goes wrong is an answer."""
    notes = Notes(turned)
    numbers = {f.name: getattr(detector, f.name) for f in fields(detector)}  # type: ignore[arg-type]  # a Protocol whose members are dataclasses
    watching = {name: watched(value, (name,), notes) for name, value in numbers.items()}
    asked = replace(detector, **watching)  # type: ignore[type-var]  # the same
    found: Finding | Reason | None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what an answer turned round leads to
            found = asked.check(_own(view, numbers))
    except NotMeasurableError as error:
        found = error.reason
    except Exception:  # noqa: BLE001 - a detector that cannot be watched is told from its answer
        found = Reason.DETECTOR_ERROR
    return found, tuple(notes.gates)


def _own(view: RunView, numbers: Mapping[str, float]) -> RunView:
    """Return a view that remembers of the first one what no limit has gone into."""
    own = replace(view)
    own.memo.update({key: value for key, value in view.memo.items() if _is_free(key, numbers)})
    return own


def _is_free(key: Any, numbers: Mapping[str, float]) -> bool:
    _, arguments, *named = key
    given = [*arguments, *(value for _, value in named)]
    limits = set(numbers.values())
    return not any(
        isinstance(value, float) or (type(value) is int and value in limits) for value in given
    )
