"""How one alert moves between its states.

    inactive --finding--> pending --`hold` findings--> firing --`keep` clears--> resolved
    pending  --clear----> inactive                     resolved --finding--> pending

A verdict of Abstain changes nothing: a gap in the data neither fires nor resolves. The names
are Prometheus's; `hold` is its `for`, `keep` its `keep_firing_for`, both counted in judged
points that did not abstain, because a run's clock is its steps. An alert fires with the highest
severity that `hold` findings in a row have reached, and keeps it until it is resolved.
"""

import enum
from dataclasses import dataclass, replace

from flatline_monitor.detectors.contract import Abstain, Clear, Finding, Severity, Verdict


class State(enum.StrEnum):
    """Where an alert is in its life."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


NO_HITS = (0,) * len(Severity)


@dataclass(frozen=True, slots=True)
class Alert:
    """One symptom of one run."""

    state: State = State.INACTIVE
    since: int | None = None
    """Step at which the symptom of this episode was first seen."""
    seen: int | None = None
    """Step of the latest finding."""
    hits: tuple[int, ...] = NO_HITS
    """Findings in a row of at least each severity, lowest severity first."""
    clears: int = 0
    """Clear verdicts in a row."""
    severity: Severity | None = None
    """The highest severity of this episode; None until it fires."""
    finding: Finding | None = None
    """The latest."""


def advance(alert: Alert, verdict: Verdict, step: int, *, hold: int, keep: int) -> Alert:
    """Return the alert after one more verdict, given at `step`."""
    match alert.state, verdict:
        case _, Abstain():
            return alert
        case State.INACTIVE | State.RESOLVED, Finding():
            since = step if verdict.since_step is None else verdict.since_step
            return _found(Alert(State.PENDING, since=since), verdict, step, hold)
        case State.PENDING | State.FIRING, Finding():
            return _found(alert, verdict, step, hold)
        case State.PENDING, Clear():
            return Alert()
        case State.FIRING, Clear() if alert.clears + 1 >= keep:
            return replace(alert, state=State.RESOLVED, hits=NO_HITS, clears=0)
        case State.FIRING, Clear():
            return replace(alert, hits=NO_HITS, clears=alert.clears + 1)
    return alert


def _found(alert: Alert, finding: Finding, step: int, hold: int) -> Alert:
    reached = finding.severity.rank
    hits = tuple(n + 1 if rank <= reached else 0 for rank, n in enumerate(alert.hits))
    held = [severity for severity, n in zip(Severity, hits, strict=True) if n >= hold]
    highest = max(held, key=lambda s: s.rank) if held else None
    if alert.severity is not None and (highest is None or highest.rank < alert.severity.rank):
        highest = alert.severity
    state = State.FIRING if highest is not None else State.PENDING
    return replace(
        alert, state=state, seen=step, hits=hits, clears=0, severity=highest, finding=finding
    )
