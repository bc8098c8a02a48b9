"""The series of one run, as text, ready to be put between those of the other runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from flatline_monitor.alerts.report import RunReport, RunState
from flatline_monitor.alerts.verdict import Level
from flatline_monitor.exposition import metrics
from flatline_monitor.exposition.metrics import METRICS, Metric
from flatline_monitor.exposition.text import sample


@dataclass(frozen=True, slots=True)
class Block:
    """All lines of one run."""

    text: Mapping[str, str]
    """Lines by the name of the family; every family with a label `run` is there."""
    required: int
    """Number of series that are exported whatever their number."""
    optional: int
    """Number of series that may be left out."""


def render_block(report: RunReport, *, quiet: bool) -> Block:
    """Write the series of a run; quiet: it ended so long ago that no alert of it is active."""
    lines = {
        metrics.RUN_INFO: _info(report),
        metrics.RUN_STATE: _states(report),
        metrics.RUN_VERDICT: _verdicts(report),
        metrics.RUN_START: _one(metrics.RUN_START, report, report.started_at),
        metrics.RUN_LAST_REPORT: _one(metrics.RUN_LAST_REPORT, report, report.last_report_at),
        metrics.RUN_STEP: _one(metrics.RUN_STEP, report, report.step),
        metrics.RUN_RANKS: _one(metrics.RUN_RANKS, report, report.ranks),
        **_health(report),
        metrics.RUN_SCALAR: _scalars(report),
        metrics.ALERT_ACTIVE: _active(report, quiet=quiet),
        metrics.ALERT_TRANSITION: _transitions(report),
    }
    optional = sum(len(lines[metric]) for metric in METRICS if metric.optional)
    return Block(
        text={metric.name: "".join(written) for metric, written in lines.items()},
        required=sum(map(len, lines.values())) - optional,
        optional=optional,
    )


def _one(metric: Metric, report: RunReport, value: float | None) -> list[str]:
    """Return the line of a metric with one series for each run; none for an absent value."""
    return [] if value is None else [sample(metric, (report.run_id,), value)]


def _info(report: RunReport) -> list[str]:
    hello = report.hello
    labels = (hello.run_id, hello.name, hello.project, hello.user, hello.framework)
    return [sample(metrics.RUN_INFO, labels, 1)]


def _states(report: RunReport) -> list[str]:
    return [
        sample(metrics.RUN_STATE, (report.run_id, state), int(report.state is state))
        for state in RunState
    ]


def _verdicts(report: RunReport) -> list[str]:
    # Unlike its alerts the verdict on a run that ended pages nobody, and stays as it is.
    return [
        sample(metrics.RUN_VERDICT, (report.run_id, level), int(report.verdict.level is level))
        for level in Level
    ]


def _health(report: RunReport) -> dict[Metric, list[str]]:
    """Return what the client says of itself; nothing where it has not said it."""
    health = report.health
    values = {
        metrics.RUN_OVERHEAD: None if health is None else health.overhead_ratio,
        metrics.RUN_CLIENT_SECONDS: None if health is None else health.spent_seconds,
        metrics.RUN_TRACING_SECONDS: None if health is None else health.tracing_seconds,
        metrics.RUN_SAMPLED_STEPS: None if health is None else health.sampled_steps,
    }
    return {metric: _one(metric, report, value) for metric, value in values.items()}


def _scalars(report: RunReport) -> list[str]:
    values = {
        "loss": report.loss,
        "learning_rate": report.learning_rate,
        "global_grad_norm": report.global_grad_norm,
    }
    return [
        sample(metrics.RUN_SCALAR, (report.run_id, name), value)
        for name, value in values.items()
        if value is not None
    ]


def _active(report: RunReport, *, quiet: bool) -> list[str]:
    return [
        sample(
            metrics.ALERT_ACTIVE,
            (report.run_id, alert.detector, severity),
            int(not quiet and severity in alert.active),
        )
        for alert in report.alerts
        for severity in alert.severities
    ]


def _transitions(report: RunReport) -> list[str]:
    return [
        sample(metrics.ALERT_TRANSITION, (report.run_id, alert.detector), alert.transition_at or 0)
        for alert in report.alerts
    ]
