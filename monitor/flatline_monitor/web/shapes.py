"""Reports as JSON: absent is null, and a non-finite number is a string, as in protobuf's JSON."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TypeAlias

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport, RunReport
from flatline_monitor.alerts.verdict import RunVerdict
from flatline_monitor.diagnosis.contract import Cause

Json: TypeAlias = dict[str, object]


def number(value: float | None) -> float | str | None:
    """Return a number as JSON can hold it: "NaN", "Infinity", "-Infinity" where it cannot."""
    if value is None or math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def run_shape(report: RunReport) -> Json:
    """Return a run with the alerts that it has or had."""
    hello = report.hello
    return {
        "id": report.run_id,
        "name": hello.name,
        "project": hello.project,
        "user": hello.user,
        "state": report.state.value,
        "plan": {"steps": hello.plan_steps, "epochs": hello.plan_epochs},
        "step": report.step,
        "epoch": report.epoch,
        "loss": number(report.loss),
        "verdict": verdict_shape(report.verdict),
        "crash": plain(report.crash),
        "causes": [cause_shape(cause) for cause in report.causes],
        "alerts": [alert_shape(alert) for alert in seen(report)],
        "abstentions": {a.detector: a.abstained.value for a in report.alerts if a.abstained},
    }


def setup_shape(report: RunReport) -> Json:
    """Return what a run told of itself, by the names of message Model; null: it told nothing."""
    return {"run": report.run_id, "setup": plain(report.model)}


def plain(value: object) -> object:
    """Return a value of dataclasses, tuples, mappings and numbers as JSON can hold it."""
    if is_dataclass(value):
        return {part.name: plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    return number(value) if isinstance(value, float) else value


def alert_shape(alert: AlertReport) -> Json:
    """Return one alert; a severity of null says that it never fired."""
    return {
        "run": alert.run_id,
        "detector": alert.detector,
        "state": alert.state.value,
        "severity": None if alert.severity is None else alert.severity.value,
        "since_step": alert.since_step,
        "last_step": alert.last_step,
        "summary": alert.summary,
        "evidence": [
            {
                "statistic": evidence.statistic,
                "value": number(evidence.value),
                "limit": number(evidence.limit),
                "unit": evidence.unit,
                "fires": None if evidence.limit is None else evidence.fires.value,
            }
            for evidence in alert.evidence
        ],
        "variables": list(alert.variables),
        "causes": [cause_shape(cause) for cause in alert.causes],
    }


def cause_shape(cause: Cause) -> Json:
    """Return one likely cause with its remedy."""
    return {
        "name": cause.name,
        "title": cause.title,
        "weight": round(cause.weight, 3),
        "for": list(cause.speaks_for),
        "against": list(cause.speaks_against),
        "remedy": {"text": cause.remedy.text, "code": cause.remedy.code},
    }


def verdict_shape(verdict: RunVerdict) -> Json:
    """Return how a run is, all in all."""
    return {
        "level": verdict.level.value,
        "sentence": verdict.sentence,
        "closing": verdict.closing,
    }


def seen(report: RunReport) -> list[AlertReport]:
    """Return the alerts of a run whose symptom was seen, in the order of the catalogue."""
    return [alert for alert in report.alerts if alert.state is not State.INACTIVE]
