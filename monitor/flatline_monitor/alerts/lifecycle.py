"""How one alert moves between its states.

    inactive --finding--> pending --`hold` findings--> firing --`keep` clears--> resolved
    pending  --clear----> inactive                     resolved --finding--> pending

A verdict of Abstain changes nothing: a gap in the data neither fires nor resolves. The names
are Prometheus's; `hold` is its `for`, `keep` its `keep_firing_for`, both counted in judged
points that did not abstain, because a run's clock is its steps. An alert fires with the highest
severity that `hold` findings in a row have reached, and falls back to a lower one after `keep`
findings in a row that do not reach it.
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


OPEN = frozenset({State.PENDING, State.FIRING})
"""The symptom is there, or was a moment ago."""

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
    misses: tuple[int, ...] = NO_HITS
    """Findings in a row below each severity."""
    clears: int = 0
    """Clear verdicts in a row."""
    severity: Severity | None = None
    """The severity that it fires with; None until it does."""
    finding: Finding | None = None
    """The latest."""


def advance(alert: Alert, verdict: Verdict, step: int, *, hold: int, keep: int) -> Alert:
    """Return the alert after one more verdict, given at `step`."""
    match alert.state, verdict:
        case _, Abstain():
            return alert
        case State.INACTIVE | State.RESOLVED, Finding():
            since = step if verdict.since_step is None else verdict.since_step
            return _found(Alert(State.PENDING, since=since), verdict, step, hold, keep)
        case State.PENDING | State.FIRING, Finding():
            return _found(alert, verdict, step, hold, keep)
        case State.PENDING, Clear():
            return Alert()
        case State.FIRING, Clear() if alert.clears + 1 >= keep:
            return replace(alert, state=State.RESOLVED, hits=NO_HITS, clears=0)
        case State.FIRING, Clear():
            return replace(alert, hits=NO_HITS, clears=alert.clears + 1)
    return alert


def _found(alert: Alert, finding: Finding, step: int, hold: int, keep: int) -> Alert:
    reached = finding.severity.rank
    hits = tuple(n + 1 if rank <= reached else 0 for rank, n in enumerate(alert.hits))
    misses = tuple(n + 1 if rank > reached else 0 for rank, n in enumerate(alert.misses))
    present = -1 if alert.severity is None else alert.severity.rank
    held = [
        severity
        for severity in Severity
        if hits[severity.rank] >= hold
        or (severity.rank <= present and misses[severity.rank] < keep)
    ]
    highest = held[-1] if held else None
    return replace(
        alert,
        state=State.FIRING if highest else State.PENDING,
        seen=step,
        hits=hits,
        misses=misses,
        clears=0,
        severity=highest,
        finding=finding,
    )
