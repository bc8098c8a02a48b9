"""Judged logs for programs: JSON, SARIF 2.1.0 for code scanning, JUnit XML for CI."""

import json
import math
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from flatline_monitor.detectors.contract import Detector, Severity, headline
from flatline_monitor.lint.judged import NO_LOG, Found, Judged
from flatline_monitor.lint.shown import evidence, read_as

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.CRITICAL: "error"}


def as_json(judged: Sequence[Judged]) -> str:
    """Return all that is known of each log; numbers that are none are told as words."""
    return json.dumps([_log(each) for each in judged], indent=2)


def as_sarif(judged: Sequence[Judged], catalogue: Sequence[Detector], version: str) -> str:
    """Return a SARIF document with a rule for each detector and a result for each finding."""
    rules = [{"id": each.name, "shortDescription": {"text": headline(each)}} for each in catalogue]
    results = [_result(log, found) for log in judged for found in log.found]
    driver = {"name": "flatline", "version": version, "rules": rules}
    run = {"tool": {"driver": driver}, "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def as_junit(judged: Sequence[Judged], catalogue: Sequence[Detector], fail_on: Severity) -> str:
    """Return a test suite for each log and a test for each detector that a log can be asked.

    A finding as grave as `fail_on` is a failure; a detector that could not look was skipped.
    """
    root = ET.Element("testsuites", name="flatline lint")
    for log in judged:
        suite = ET.SubElement(root, "testsuite", name=log.log.name)
        counts = {"tests": 0, "failures": 0, "skipped": 0}
        found = {each.detector: each for each in log.found}
        for detector in catalogue:
            why = log.unjudged.get(detector.name)
            if why == NO_LOG:
                continue
            test = ET.SubElement(suite, "testcase", classname=log.log.name, name=detector.name)
            counts["tests"] += 1
            here = found.get(detector.name)
            if here and here.severity.rank >= fail_on.rank:
                counts["failures"] += 1
                failure = ET.SubElement(test, "failure", message=here.summary)
                failure.set("type", here.severity.value)
                failure.text = _told(log, here)
            elif why and not here:
                counts["skipped"] += 1
                ET.SubElement(test, "skipped", message=why)
        for name, count in counts.items():
            suite.set(name, str(count))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _log(judged: Judged) -> dict[str, Any]:
    log = judged.log
    return {
        "log": log.name,
        "format": log.format,
        "verdict": judged.level.value,
        "sentence": judged.sentence,
        "rows": len(log.trained),
        "kind": log.kind.value,
        "row_steps": log.row_steps,
        "columns": dict(log.columns),
        "notes": list(log.notes),
        "findings": [_finding(each) for each in judged.found],
        "not_judged": dict(judged.unjudged),
    }


def _finding(found: Found) -> dict[str, Any]:
    cause = found.cause
    return {
        "detector": found.detector,
        "severity": found.severity.value,
        "since": found.since,
        "summary": found.summary,
        "evidence": [
            {
                "statistic": each.statistic,
                "value": _finite(each.value),
                "limit": None if each.limit is None else _finite(each.limit),
                "unit": each.unit,
                "fires": each.fires.value,
            }
            for each in found.evidence
        ],
        "cause": None
        if cause is None
        else {
            "name": cause.name,
            "title": cause.title,
            "weight": round(cause.weight, 3),
            "remedy": {"text": cause.remedy.text, "code": cause.remedy.code},
        },
    }


def _finite(number: float) -> float | str:
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _result(judged: Judged, found: Found) -> dict[str, Any]:
    path = judged.log.name.partition("[")[0]
    return {
        "ruleId": found.detector,
        "level": LEVELS[found.severity],
        "message": {"text": f"{found.summary} (since {found.since})"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": path}}}],
        "properties": {"log": judged.log.name, "read_as": read_as(judged.log)},
    }


def _told(judged: Judged, found: Found) -> str:
    numbers = "; ".join(evidence(judged.log, each) for each in found.evidence)
    remedy = f"\n{found.cause.title}: {found.cause.remedy.text}" if found.cause else ""
    return f"since {found.since}: {numbers}{remedy}"
