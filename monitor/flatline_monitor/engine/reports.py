"""What people are shown of a run, out of its state."""

from collections.abc import Sequence

from flatline_monitor.alerts.book import NO_PAGE
from flatline_monitor.alerts.lifecycle import OPEN, State
from flatline_monitor.alerts.report import AlertReport, RunReport, RunState
from flatline_monitor.alerts.verdict import RunVerdict, conclude
from flatline_monitor.detectors.contract import Detector
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.diagnosis.crash import Crash, CrashKind, crash_of, crash_without
from flatline_monitor.diagnosis.infer import causes_of
from flatline_monitor.diagnosis.safe import explain
from flatline_monitor.engine.advance import Run


def run_report(run: Run, catalogue: Sequence[Detector]) -> RunReport:
    """Return the run as it stands."""
    history, causes, crash = run.history, _causes(run), _crash(run)
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
        alerts=tuple(_alert(run, detector, causes) for detector in catalogue),
        evaluations=history.evaluations,
        model=history.model,
        curve=history.curve,
        health=run.health,
        notes=run.notes,
        verdict=_verdict(run, causes, crash),
        causes=causes,
        crash=crash,
        trails=history.trails,
        improving=None if run.known is None else run.known.improving,
    )


def _alert(run: Run, detector: Detector, causes: Sequence[Cause]) -> AlertReport:
    page = run.shown.get(detector.name, NO_PAGE)
    alert, finding = page.alert, page.alert.finding
    if alert.state is State.RESOLVED:
        causes = _causes(run, detector.name)
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
        causes=causes_of(detector.name, causes),
    )


def _causes(run: Run, resolved: str = "") -> tuple[Cause, ...]:
    """Return what explains the findings that are present, and the one of a resolved alert."""
    findings = {
        name: page.alert.finding
        for name, page in run.shown.items()
        if page.alert.finding and (page.alert.state in OPEN or name == resolved)
    }
    return explain(run.run_id, findings, run.known)


def _crash(run: Run) -> Crash | None:
    match run.state:
        case RunState.FAILED:
            return crash_of(run.exception_type, run.exception_text)
        case RunState.STALLED:
            return crash_without(CrashKind.KILLED)
        case RunState.INTERRUPTED:
            return crash_without(CrashKind.INTERRUPTED)
    return None


def _failure(crash: Crash) -> str:
    what = crash.exception_type or "an exception"
    if crash.kind is CrashKind.PROGRAM_ERROR:
        return f"it failed with {what}"
    return f"it failed: {crash.title} ({what})"


def _verdict(run: Run, causes: Sequence[Cause], crash: Crash | None) -> RunVerdict:
    trouble = ""
    if run.state is RunState.STALLED:
        trouble = "it has stopped reporting"
    elif run.state is RunState.FAILED and crash is not None:
        trouble = _failure(crash)
    return conclude(
        run.shown,
        causes,
        run.known,
        closing=run.state not in {RunState.RUNNING, RunState.STALLED},
        trouble=trouble,
    )
