"""`flatline alerts`: what was found in all runs, the most urgent first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flatline.commands.api import Monitor
from flatline.commands.shapes import SEVERITIES, Alert, read_alert, read_run
from flatline.commands.tables import ABSENT, as_json, table, terminal_width

_HEADER = ("RUN", "DETECTOR", "SEVERITY", "STATE", "SINCE", "PROBABLY", "SUMMARY")


@dataclass(frozen=True)
class Wanted:
    """Which alerts to show; None: it does not matter."""

    state: str | None = None
    severity: str | None = None
    """The lowest."""
    run: str | None = None
    """Beginning of an id."""


def alerts(
    monitor: Monitor, wanted: Wanted, *, raw: bool, note: Callable[[str], None]
) -> Iterator[str]:
    """Return the lines; `raw`: as the API gives them."""
    run_id = None if wanted.run is None else read_run(monitor.find(wanted.run)).id
    lowest = -1 if wanted.severity is None else SEVERITIES.index(wanted.severity)
    found = [
        alert
        for alert in map(read_alert, monitor.alerts(wanted.state))
        if alert.rank >= lowest and run_id in (None, alert.run)
    ]
    found.sort(key=lambda alert: alert.urgency)
    if raw:
        yield from as_json([alert.raw for alert in found])
    elif found:
        rows = [_row(alert) for alert in found]
        yield from table(_HEADER, rows, right=("SINCE",), width=terminal_width())
    else:
        note(f"no such alerts at {monitor.url}")


def _row(alert: Alert) -> tuple[str, ...]:
    since = ABSENT if alert.since_step is None else str(alert.since_step)
    cause = alert.cause or ABSENT
    return (alert.run, alert.detector, alert.severity, alert.state, since, cause, alert.summary)
