"""The alerts of one run, moved on together at each judged point."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flatline_monitor.alerts.lifecycle import Alert, State, advance
from flatline_monitor.alerts.suppression import weigh
from flatline_monitor.detectors.contract import Abstain, Reason, Verdict

KEEP = 5
"""Clear judged points in a row that end an alert."""


@dataclass(frozen=True, slots=True)
class Page:
    """One alert, and when it last changed its state or severity (server time, seconds)."""

    alert: Alert = field(default_factory=Alert)
    transition_at: float | None = None
    abstained: Reason | None = None
    """Why the detector could not look at the latest judged point; None: it looked."""


Book = Mapping[str, Page]
"""The page of each detector that was ever asked."""

NO_PAGE = Page()


@dataclass(frozen=True, slots=True)
class Point:
    """A judged point, and when it was judged (server time, seconds)."""

    step: int
    now: float
    share_of_plan: float | None
    final: bool = False
    """The run is over and will not go on: hits so far suffice, so one finding fires."""
    row_steps: int = 1
    """Training steps that a step of the run stands for."""


def enter(
    book: Book, verdicts: Mapping[str, Verdict], point: Point, holds: Mapping[str, int]
) -> tuple[Book, Mapping[str, Verdict]]:
    """Return the book after one judged point, and the verdicts as they counted."""
    weighed = weigh(verdicts, point.step * point.row_steps, point.share_of_plan)
    pages = dict(book)
    for name, verdict in weighed.items():
        page = pages.get(name, NO_PAGE)
        hold = 1 if point.final else holds[name]
        alert = advance(page.alert, verdict, point.step, hold=hold, keep=KEEP)
        why = verdict.reason if isinstance(verdict, Abstain) else None
        if alert is page.alert and why is page.abstained and name in pages:
            continue
        moved = (alert.state, alert.severity) != (page.alert.state, page.alert.severity)
        pages[name] = Page(alert, point.now if moved else page.transition_at, why)
    return pages, weighed


def told(before: Alert, after: Alert) -> bool:
    """Say whether people are told: an alert began, became worse, or ended."""
    if after.state is State.FIRING:
        return before.state is not State.FIRING or before.severity is not after.severity
    return after.state is State.RESOLVED and before.state is State.FIRING
