"""The monitor's findings, as the training's own log shows them. Every size here is bounded."""

from dataclasses import dataclass, replace

from flatline.say import plain
from flatline.v1 import monitor_pb2

_MOST = 1000
_KEPT = 200
_SHOWN_AT_THE_END = 3

_SEVERITIES = {
    monitor_pb2.SEVERITY_INFO: "info",
    monitor_pb2.SEVERITY_WARNING: "warning",
    monitor_pb2.SEVERITY_CRITICAL: "critical",
}
_RESOLVED = monitor_pb2.ALERT_STATE_RESOLVED


@dataclass(frozen=True)
class Found:
    """One finding of the monitor about this run."""

    detector: str
    severity: str
    """info, warning, critical"""
    resolved: bool
    since_step: int
    """Step at which the symptom was first seen."""
    step: int
    """Step of the latest judgement."""
    summary: str

    @property
    def line(self) -> str:
        """The finding as one line."""
        if self.resolved:
            return f"resolved {self.detector} (from step {self.since_step} to {self.step})"
        head = f"{self.severity.upper()} {self.detector} at step {self.step}"
        since = f" (since step {self.since_step})" if self.since_step != self.step else ""
        return f"{head}{since}: {self.summary}".rstrip(": ")


class Findings:
    """What was found so far, each thing once."""

    def __init__(self, quiet: tuple[str, ...] = ()) -> None:
        self._quiet = quiet
        self._latest: dict[str, tuple[str, bool, int]] = {}
        self._taken = 0
        self._kept: list[Found] = []

    @property
    def kept(self) -> tuple[Found, ...]:
        """The first findings, oldest first, quiet ones included."""
        return tuple(self._kept)

    def take(self, message: monitor_pb2.Finding) -> Found | None:
        """Keep the finding, and return it if it is new and to be shown."""
        found = Found(
            detector=plain(message.detector, 64),
            severity=_SEVERITIES.get(message.severity, "unknown"),
            resolved=message.state == _RESOLVED,
            since_step=message.since_step,
            step=message.step,
            summary=plain(message.summary),
        )
        # The same again is a monitor that repeats itself; back to a worse severity is news.
        key = (found.severity, found.resolved, found.since_step)
        if self._latest.get(found.detector) == key or self._taken >= _MOST:
            return None
        self._latest[found.detector] = key
        self._taken += 1
        if len(self._kept) < _KEPT:
            self._kept.append(found)
        return None if found.detector in self._quiet else found

    def summary(self) -> str:
        """Say how many alerts there were, the worst first: "2 alerts (critical x since step 9)"."""
        alerts: dict[str, Found] = {}
        for found in self._kept:
            if found.detector in self._quiet:
                continue
            before = alerts.get(found.detector, found)
            severity = before.severity if found.resolved else found.severity
            alerts[found.detector] = replace(found, severity=severity)
        order = ("critical", "warning", "info", "unknown")
        worst = sorted(alerts.values(), key=lambda found: order.index(found.severity))
        shown = [
            f"{a.severity} {a.detector} since step {a.since_step}" + ", resolved" * a.resolved
            for a in worst
        ]
        count = f"{len(shown)} alert{'' if len(shown) == 1 else 's'}"
        if not shown:
            return count
        more = ", ..." if len(shown) > _SHOWN_AT_THE_END else ""
        return f"{count} ({', '.join(shown[:_SHOWN_AT_THE_END])}{more})"
