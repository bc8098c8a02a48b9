"""What the monitor says to a client, as bytes."""

from collections.abc import Sequence

from flatline.v1 import monitor_pb2
from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport
from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.ingest.hello import PROTOCOL
from flatline_monitor.ingest.limits import Limits

_STATES = {
    State.FIRING: monitor_pb2.ALERT_STATE_FIRING,
    State.RESOLVED: monitor_pb2.ALERT_STATE_RESOLVED,
}
_SEVERITIES = {
    Severity.INFO: monitor_pb2.SEVERITY_INFO,
    Severity.WARNING: monitor_pb2.SEVERITY_WARNING,
    Severity.CRITICAL: monitor_pb2.SEVERITY_CRITICAL,
}
_LEVELS = {
    Level.HEALTHY: monitor_pb2.VERDICT_LEVEL_HEALTHY,
    Level.SUSPICIOUS: monitor_pb2.VERDICT_LEVEL_SUSPICIOUS,
    Level.SICK: monitor_pb2.VERDICT_LEVEL_SICK,
}

# What monitor.proto promises; sentences hold names that come from the client.
_MOST_CAUSES = 3
_SENTENCE_CHARACTERS, _CODE_CHARACTERS = 2000, 4000


def welcome(next_sequence: int, limits: Limits, version: str, run_url: str) -> bytes:
    """Return the answer to a hello."""
    return monitor_pb2.WatchResponse(
        welcome=monitor_pb2.Welcome(
            protocol=PROTOCOL,
            monitor_version=version,
            next_sequence=next_sequence,
            run_url=run_url,
            limits=monitor_pb2.Limits(
                message_bytes=limits.message_bytes,
                variables=limits.variables,
                classes=limits.classes,
                chunk_steps=limits.chunk_steps,
            ),
        )
    ).SerializeToString()


def ack(received: int, durable: int) -> bytes:
    """Return an acknowledgement."""
    return monitor_pb2.WatchResponse(
        ack=monitor_pb2.Ack(received_sequence=received, durable_sequence=durable)
    ).SerializeToString()


def finding(report: AlertReport) -> bytes:
    """Return an alert as its client is told of it."""
    return monitor_pb2.WatchResponse(
        finding=monitor_pb2.Finding(
            detector=report.detector,
            state=_STATES.get(report.state, monitor_pb2.ALERT_STATE_UNSPECIFIED),
            severity=(
                monitor_pb2.SEVERITY_UNSPECIFIED
                if report.severity is None
                else _SEVERITIES[report.severity]
            ),
            since_step=report.since_step or 0,
            step=report.last_step or 0,
            summary=report.summary,
            evidence=[
                monitor_pb2.Evidence(
                    statistic=each.statistic, value=each.value, limit=each.limit, unit=each.unit
                )
                for each in report.evidence
            ],
        )
    ).SerializeToString()


def verdict(verdict: RunVerdict, causes: Sequence[Cause]) -> bytes:
    """Return how a run is as its client is told of it, cut to what a client will read."""
    return monitor_pb2.WatchResponse(
        verdict=monitor_pb2.Verdict(
            level=_LEVELS[verdict.level],
            sentence=verdict.sentence[:_SENTENCE_CHARACTERS],
            closing=verdict.closing,
            story=verdict.story[:_SENTENCE_CHARACTERS],
            checkpoint=verdict.checkpoint[:_SENTENCE_CHARACTERS],
            causes=[_cause(cause) for cause in causes[:_MOST_CAUSES]],
        )
    ).SerializeToString()


def wish(steps: int) -> bytes:
    """Return a request for so many more sampled steps."""
    return monitor_pb2.WatchResponse(wish=monitor_pb2.Wish(steps=steps)).SerializeToString()


def _cause(cause: Cause) -> monitor_pb2.Cause:
    return monitor_pb2.Cause(
        name=cause.name,
        title=cause.title[:_SENTENCE_CHARACTERS],
        weight=cause.weight,
        remedy=cause.remedy.text[:_SENTENCE_CHARACTERS],
        code=cause.remedy.code[:_CODE_CHARACTERS],
    )
