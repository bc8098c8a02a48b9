"""Entries of the journal as rows, and reports as rows of the tables that people read."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from flatline_monitor.alerts.report import AlertReport, RunReport
from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import Evaluation, StreamKey

NAME = "flatline.db"
"""The one file of a data directory."""

SELECT_ENTRIES = """
    SELECT run_id, incarnation, rank, sequence, received_at, raw FROM journal
    WHERE run_id = ? ORDER BY id LIMIT -1 OFFSET ?
"""
"""All of a run but for the first so many; see `entry`."""

UPSERT_RUN = """
    INSERT INTO runs (run_id, last_entry_at, name, project, state, step, started_at, ended_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (run_id) DO UPDATE SET
        name = excluded.name, project = excluded.project, state = excluded.state,
        step = excluded.step, started_at = excluded.started_at, ended_at = excluded.ended_at
"""
UPSERT_ALERT = "INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
UPSERT_EVALUATION = "INSERT OR REPLACE INTO evaluations VALUES (?, ?, ?, ?, ?)"


def entry(row: tuple[Any, ...]) -> Entry:
    """Return an entry of the journal out of its row."""
    return Entry(StreamKey(*row[:3]), *row[3:])


def run_row(report: RunReport) -> tuple[object, ...]:
    """Return the run's row; when its last entry came is known from the journal."""
    return (
        report.run_id,
        report.last_report_at,
        report.hello.name,
        report.hello.project,
        report.state.value,
        report.step,
        report.started_at,
        report.ended_at,
    )


def alert_rows(report: RunReport) -> Iterator[tuple[object, ...]]:
    """Return a row for each alert that was ever more than inactive."""
    for alert in report.alerts:
        if alert.transition_at is not None:
            yield _alert_row(alert)


def evaluation_rows(report: RunReport) -> Iterator[tuple[object, ...]]:
    """Return a row for each evaluation."""
    for each in report.evaluations:
        yield _evaluation_row(report.run_id, each)


def _alert_row(alert: AlertReport) -> tuple[object, ...]:
    return (
        alert.run_id,
        alert.detector,
        alert.state.value,
        alert.severity.value if alert.severity else None,
        alert.since_step,
        alert.last_step,
        alert.transition_at,
        _json(dataclasses.asdict(alert)),
    )


def _evaluation_row(run_id: str, each: Evaluation) -> tuple[object, ...]:
    return (run_id, each.step, each.epoch, each.n, _json(each.metrics))


def _json(value: object) -> str:
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:
    """Return the value with what JSON has no word for as strings."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
