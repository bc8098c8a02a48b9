"""What is to be said of a run when it is over, or as it stands: all of it in one value."""

from dataclasses import dataclass

from flatline_monitor.alerts.report import AlertReport, RunReport
from flatline_monitor.alerts.story import Moment, line_of, story_of
from flatline_monitor.alerts.verdict import UNFINISHED, Level, RunVerdict
from flatline_monitor.diagnosis.checkpoint import Checkpoint, checkpoints_of
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.diagnosis.crash import Crash


@dataclass(frozen=True, slots=True)
class ClosingReport:
    """One run told to somebody who was not there."""

    run: RunReport
    story: tuple[Moment, ...]
    """What happened when, ascending."""
    checkpoints: tuple[Checkpoint, ...]
    """The weights to keep, by validation loss and by a score; empty: too few validations."""
    course: str
    """Whether more epochs would help; empty: nobody knows."""

    @property
    def verdict(self) -> RunVerdict:
        """How the run is, in one sentence."""
        return self.run.verdict

    @property
    def crash(self) -> Crash | None:
        """What ended it before its time; None: nothing has."""
        return self.run.crash

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What probably explains what was found, the likeliest first."""
        return self.run.causes

    @property
    def alerts(self) -> tuple[AlertReport, ...]:
        """One for each detector."""
        return self.run.alerts

    @property
    def story_line(self) -> str:
        """The story in one line; empty where there is nothing to tell."""
        return line_of(self.story)

    @property
    def checkpoint_line(self) -> str:
        """Which weights to keep, by validation loss where it is known."""
        return self.checkpoints[0].sentence if self.checkpoints else ""


def closing_report(report: RunReport) -> ClosingReport:
    """Return the run as it is told at its end; of a run that goes on, as it stands."""
    return ClosingReport(
        run=report,
        story=story_of(report),
        checkpoints=checkpoints_of(report.evaluations),
        course=_course(report),
    )


def _course(report: RunReport) -> str:
    if report.improving is None:
        return ""
    if report.improving >= UNFINISHED:
        return f"still improving, by {report.improving:.1%} of its loss an epoch"
    if report.verdict.level is Level.HEALTHY:
        return "converged: another epoch gains next to nothing"
    return "no longer improving"
