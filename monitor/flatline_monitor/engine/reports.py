"""What people are shown of a run, out of its state."""

from collections.abc import Sequence

from flatline_monitor.alerts.book import NO_PAGE
from flatline_monitor.alerts.report import AlertReport, RunReport
from flatline_monitor.detectors.contract import Detector
from flatline_monitor.engine.advance import Run


def run_report(run: Run, catalogue: Sequence[Detector]) -> RunReport:
    """Return the run as it stands."""
    history = run.history
    return RunReport(
        hello=history.hello,
        state=run.state,
        exception_type=run.exception_type,
        step=history.step if history.step >= 0 else None,
        epoch=history.epoch,
        loss=run.latest.get("loss"),
        learning_rate=run.latest.get("learning_rate"),
        global_grad_norm=run.latest.get("global_grad_norm"),
        ranks=len({name.partition("/")[2] for name in run.sequences}),
        started_at=run.started_at,
        last_report_at=run.last_report_at,
        ended_at=run.ended_at,
        variables=history.variables.variables,
        alerts=tuple(alert_report(run, detector) for detector in catalogue),
        evaluations=history.evaluations,
        health=run.health,
        notes=run.notes,
    )


def alert_report(run: Run, detector: Detector) -> AlertReport:
    """Return one alert of the run as it stands."""
    page = run.shown.get(detector.name, NO_PAGE)
    alert, finding = page.alert, page.alert.finding
    return AlertReport(
        run_id=run.history.hello.run_id,
        detector=detector.name,
        severities=detector.severities,
        state=alert.state,
        severity=alert.severity,
        since_step=alert.since,
        last_step=alert.seen,
        summary=finding.summary if finding else "",
        evidence=finding.evidence if finding else (),
        variables=finding.variables if finding else (),
        transition_at=page.transition_at,
        abstained=page.abstained,
    )
