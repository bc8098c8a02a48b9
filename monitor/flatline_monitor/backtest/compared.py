"""What becomes of a run under other settings: its alerts, verdict and first cause, side by side."""

from dataclasses import dataclass

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport, RunReport
from flatline_monitor.detectors.contract import Severity

_FIRED = frozenset({State.FIRING, State.RESOLVED})


@dataclass(frozen=True, slots=True)
class Stand:
    """Where an alert stands."""

    state: State
    severity: Severity | None
    since_step: int | None

    def __str__(self) -> str:
        """Return it in words: "firing critical since 79"."""
        severity = f" {self.severity}" if self.severity else ""
        since = "" if self.since_step is None else f" since {self.since_step}"
        return f"{self.state}{severity}{since}"


@dataclass(frozen=True, slots=True)
class Change:
    """One detector's alert, before and after."""

    detector: str
    before: Stand
    after: Stand

    @property
    def is_one(self) -> bool:
        """Whether they differ."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run under two settings."""

    before: RunReport
    after: RunReport

    @property
    def alerts(self) -> list[Change]:
        """The alerts that fired, before or after, and those that differ."""
        pairs = zip(self.before.alerts, self.after.alerts, strict=True)
        every = [Change(a.detector, _stand(a), _stand(b)) for a, b in pairs]
        return [
            each for each in every if each.is_one or _FIRED & {each.before.state, each.after.state}
        ]

    @property
    def causes(self) -> tuple[str, str]:
        """Titles of the likeliest causes; empty: none."""
        return cause(self.before), cause(self.after)

    @property
    def is_changed(self) -> bool:
        """Whether anything differs that people are told."""
        told = self.before.verdict != self.after.verdict or self.causes[0] != self.causes[1]
        return told or any(each.is_one for each in self.alerts)


def cause(report: RunReport) -> str:
    """Return the title of what probably explains a run; empty: nothing does."""
    return report.causes[0].title if report.causes else ""


def _stand(alert: AlertReport) -> Stand:
    return Stand(alert.state, alert.severity, alert.since_step)
