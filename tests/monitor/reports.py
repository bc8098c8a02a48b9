"""Reports as the engine would make them, for tests of what shows them.

Times are seconds after START, which is no round number of anything.
"""

from typing import Any

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport, RunReport, RunState
from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Evidence, Severity
from flatline_monitor.runs.records import ClientHealth, Evaluation, Hello, Role, Variable

START = 1_700_000_123.0
RUN_ID = "calm-lake-00a1"


def quiet_alert(detector: str, run_id: str = RUN_ID, **changes: Any) -> AlertReport:
    """Return the alert of a detector that has seen nothing; `changes` are fields to replace."""
    severities = {d.name: d.severities for d in CATALOGUE}
    facts: dict[str, Any] = {
        "run_id": run_id,
        "detector": detector,
        "severities": severities.get(detector, (Severity.WARNING, Severity.CRITICAL)),
        "state": State.INACTIVE,
        "severity": None,
        "since_step": None,
        "last_step": None,
        "summary": "",
        "evidence": (),
        "variables": (),
        "transition_at": None,
    }
    return AlertReport(**facts | changes)


def firing_alert(detector: str, run_id: str = RUN_ID, **changes: Any) -> AlertReport:
    """Return a warning that fires since step 40, with evidence and one variable."""
    facts: dict[str, Any] = {
        "severities": (Severity.WARNING, Severity.CRITICAL),
        "state": State.FIRING,
        "severity": Severity.WARNING,
        "since_step": 40,
        "last_step": 60,
        "summary": "The loss has not improved on always answering the same.",
        "evidence": (
            Evidence("skill", 0.0125, 0.05),
            Evidence("null_model_loss", 2.3, None, "nat"),
        ),
        "variables": ("model/dense/kernel",),
        "transition_at": START + 30.5,
    }
    return quiet_alert(detector, run_id, **facts | changes)


def quiet_alerts(run_id: str = RUN_ID) -> tuple[AlertReport, ...]:
    """Return the alerts of a run in which no detector has seen anything."""
    return tuple(quiet_alert(detector.name, run_id) for detector in CATALOGUE)


def run_report(
    run_id: str = RUN_ID, *, hello: dict[str, Any] | None = None, **changes: Any
) -> RunReport:
    """Return a healthy run in its 62nd step; `hello` and `changes` are fields to replace."""
    facts: dict[str, Any] = {
        "hello": Hello(**hello_facts(run_id) | (hello or {})),
        "state": RunState.RUNNING,
        "exception_type": "",
        "step": 61,
        "epoch": 1,
        "loss": 0.5,
        "learning_rate": 0.001,
        "global_grad_norm": 3.25,
        "ranks": 1,
        "started_at": START,
        "last_report_at": START + 31,
        "ended_at": None,
        "variables": (Variable("model/dense/kernel", "dense", Role.KERNEL, (784, 10)),),
        "alerts": quiet_alerts(run_id),
        "evaluations": (Evaluation(50, 0, 1000, {"accuracy": 0.75}),),
        "health": ClientHealth(
            overhead_ratio=0.0078125, sampled_steps=4, spent_seconds=0.25, tracing_seconds=2.0
        ),
        "notes": (),
    }
    return RunReport(**facts | changes)


def hello_facts(run_id: str) -> dict[str, Any]:
    """Return what the client of these runs says when it calls."""
    return {
        "run_id": run_id,
        "name": "digits",
        "project": "demo",
        "user": "ada",
        "tags": {"branch": "main"},
        "plan_steps": 100,
        "plan_epochs": 2,
        "framework": "keras",
        "framework_version": "3.15.1",
    }
