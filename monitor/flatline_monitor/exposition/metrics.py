"""Every metric that flatline exports, once: what it is called, labelled, and means.

A STABLE metric keeps its name, labels and meaning until the next major version; an
EXPERIMENTAL one may change with any release. Labels come from sets that we bound: names of
layers and variables, steps, ranks and hosts are evidence on the page, never labels.
"""

import enum
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """Type of a metric, as Prometheus calls it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Stability(enum.StrEnum):
    """What a user's dashboards may rely on."""

    STABLE = "stable"
    EXPERIMENTAL = "experimental"


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of series."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    stability: Stability = Stability.STABLE
    optional: bool = False
    """Left out, newest runs first, when more series exist than may be exported."""


def _gauge(name: str, *labels: str, text: str) -> Metric:
    return Metric(name, Kind.GAUGE, labels, text)


def _counter(name: str, *labels: str, text: str) -> Metric:
    return Metric(name, Kind.COUNTER, labels, text)


BUILD_INFO = _gauge(
    "flatline_build_info", "version", "revision", text="1, with the version of the monitor."
)
RUN_INFO = _gauge(
    "flatline_run_info",
    *("run", "name", "project", "user", "framework"),
    text="1, with what the run says of itself.",
)
RUN_STATE = _gauge(
    "flatline_run_state", "run", "state", text="1 for the state that the run is in, else 0."
)
RUN_VERDICT = _gauge(
    "flatline_run_verdict",
    *("run", "verdict"),
    text="1 for how the run is, all in all: healthy, suspicious or sick; else 0.",
)
RUN_START = _gauge(
    "flatline_run_start_timestamp_seconds", "run", text="When the run first reported."
)
RUN_LAST_REPORT = _gauge(
    "flatline_run_last_report_timestamp_seconds", "run", text="When the run last reported."
)
RUN_STEP = _gauge(
    "flatline_run_step", "run", text="Last step that was reported, from 0; absent before it."
)
RUN_RANKS = _gauge("flatline_run_ranks", "run", text="Ranks of the run that have reported.")
RUN_OVERHEAD = _gauge(
    "flatline_run_client_overhead_ratio",
    "run",
    text="Time that flatline spent on the training thread / time of the training.",
)
RUN_CLIENT_SECONDS = _counter(
    "flatline_run_client_seconds_total",
    "run",
    text="Time that flatline spent on the training thread, tracing apart. "
    "From 0 again after a restart of the training.",
)
RUN_TRACING_SECONDS = _counter(
    "flatline_run_client_tracing_seconds_total",
    "run",
    text="Time that the tracing of the measuring functions took. "
    "From 0 again after a restart of the training.",
)
RUN_SAMPLED_STEPS = _counter(
    "flatline_run_sampled_steps_total",
    "run",
    text="Steps on which the costly signals were measured. "
    "From 0 again after a restart of the training.",
)
RUN_SCALAR = Metric(
    "flatline_run_scalar",
    Kind.GAUGE,
    ("run", "name"),
    "Latest value of loss, learning_rate or global_grad_norm, NaN included.",
    Stability.EXPERIMENTAL,
    optional=True,
)
ALERT_ACTIVE = _gauge(
    "flatline_alert_active",
    *("run", "detector", "severity"),
    text="1 while the alert fires with this severity or a higher one, else 0.",
)
ALERT_TRANSITION = _gauge(
    "flatline_alert_last_transition_timestamp_seconds",
    *("run", "detector"),
    text="When the alert last changed its state or severity; 0 if never.",
)
ALERTS_FIRED = _counter(
    "flatline_alerts_fired_total",
    *("detector", "severity"),
    text="Alerts that began to fire with, or rose to, the severity.",
)
ABSTENTIONS = _counter(
    "flatline_detector_abstentions_total",
    *("detector", "reason"),
    text="Judged points at which the detector could not look.",
)
EVALUATION_SECONDS = Metric(
    "flatline_detector_evaluation_seconds",
    Kind.HISTOGRAM,
    ("detector",),
    "Time that the detector took to judge one point.",
)
REPORTS_RECEIVED = _counter(
    "flatline_reports_received_total", text="Records taken, duplicates apart."
)
REPORT_BYTES = _counter("flatline_report_bytes_total", text="Bytes of the records taken.")
REPORTS_REJECTED = _counter(
    "flatline_reports_rejected_total", "reason", text="Messages and runs that were refused."
)
REPORTS_DUPLICATE = _counter(
    "flatline_reports_duplicate_total", text="Records that came again after they were taken."
)
REPORT_GAPS = _counter(
    "flatline_report_gaps_total", text="Records that are missing by their sequence numbers."
)
ACTIVE_RUNS = _gauge("flatline_active_runs", text="Runs in state running.")
QUEUE_LENGTH = _gauge(
    "flatline_ingest_queue_length", text="Records that were taken and are not durable yet."
)
SERIES_DROPPED = _counter(
    "flatline_series_dropped_total",
    text="Series left out because of the cap on exported series, each counted once.",
)

METRICS = (
    BUILD_INFO,
    RUN_INFO,
    RUN_STATE,
    RUN_VERDICT,
    RUN_START,
    RUN_LAST_REPORT,
    RUN_STEP,
    RUN_RANKS,
    RUN_OVERHEAD,
    RUN_CLIENT_SECONDS,
    RUN_TRACING_SECONDS,
    RUN_SAMPLED_STEPS,
    RUN_SCALAR,
    ALERT_ACTIVE,
    ALERT_TRANSITION,
    ALERTS_FIRED,
    ABSTENTIONS,
    EVALUATION_SECONDS,
    REPORTS_RECEIVED,
    REPORT_BYTES,
    REPORTS_REJECTED,
    REPORTS_DUPLICATE,
    REPORT_GAPS,
    ACTIVE_RUNS,
    QUEUE_LENGTH,
    SERIES_DROPPED,
)
"""The families in the order in which they are exported."""
