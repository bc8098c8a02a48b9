"""Pre-flight: faults that show before anything was learned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from flatline_monitor.detectors import faults_of_feeding, faults_of_head, faults_of_layers
from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
    Side,
)
from flatline_monitor.detectors.faults import Broken, Rule, Setup
from flatline_monitor.runs.records import Role, Task
from flatline_monitor.runs.view import RunView, once

RULES: tuple[Rule, ...] = (
    *faults_of_head.RULES,
    *faults_of_layers.RULES,
    *faults_of_feeding.RULES,
)

SAID = 4
"""Faults that the summary of a finding says in words."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """The set-up holds a fault: a loss that does not fit the last layer, say, or a rate too high.

    Statistic
        how many rules the set-up breaks, out of what the client tells of a fit when it begins:
        layers, loss, optimizer, arrays, batches, plan.
    Fires when
        one is broken. The rules are the functions of `faults_of_head.py`, `faults_of_layers.py`
        and `faults_of_feeding.py`, each with its limits and its source.
    Must not fire
        as more than information: many a model learns all the same, and whether this one does the
        other detectors see; on what was not told, such as arrays of a dataset or the last layer of
        a model with a `call` of its own.
    Sources
        NeuraLint (Nikanjam et al., 2021), UMLAUT (Schoop et al., 2021), TheDeepChecker (Ben Braiek
        and Khomh, 2022): rules of this kind; which of them, from what our gallery shows.
    """

    name: ClassVar[str] = "preflight"
    needs: ClassVar[frozenset[str]] = frozenset()
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO,)
    relaxable: ClassVar[Mapping[str, Side]] = {}
    hold: ClassVar[int] = 1
    not_for: ClassVar[frozenset[Task]] = frozenset()

    warmup: int = 0

    def check(self, view: RunView) -> Finding | None:
        """Ask all rules."""
        if view.model is None:
            raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
        found = faults(view)
        if not found:
            return None
        sentences = [broken.sentence for broken in found.values()]
        more = [f"and {len(found) - SAID} more"] if len(found) > SAID else []
        return Finding(
            severity=Severity.INFO,
            summary=f"In the set-up, {'; '.join((*sentences[:SAID], *more))}",
            evidence=tuple(
                broken.evidence or Evidence(name, 1.0, 0.0) for name, broken in found.items()
            ),
            since_step=0,
        )


@once
def faults(view: RunView) -> Mapping[str, Broken]:
    """Return what is wrong with the set-up, by rule; nothing where the client has not told it."""
    if view.model is None:
        return {}
    shapes = {each.layer: each.shape for each in view.variables if each.role is Role.KERNEL}
    setup = Setup(view.model, view.hello, shapes)
    answers = {rule.__name__: rule(setup) for rule in RULES}
    return {name: broken for name, broken in answers.items() if broken is not None}
