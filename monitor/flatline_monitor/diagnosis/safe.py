"""Diagnosis that never takes the service down: what fails is logged, and nothing is said."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from flatline_monitor.detectors.contract import Finding
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.diagnosis.facts import Facts, facts_of
from flatline_monitor.diagnosis.infer import diagnose
from flatline_monitor.runs.view import RunView

log = logging.getLogger(__name__)


def learn(view: RunView, before: Facts | None = None) -> Facts | None:
    """Return the facts of the run, None where they cannot be taken.

    `before` are those of the judged point before: what led to bad numbers is in the rows just
    before them, and these are gone after a while.
    """
    try:
        facts = facts_of(view)
        if before is None or facts.bad_step is None or before.bad_step != facts.bad_step:
            return facts
        return replace(facts, was_calm=before.was_calm)
    except Exception:
        log.exception("could not take the facts of run %s", view.hello.run_id)
        return None


def explain(run_id: str, findings: Mapping[str, Finding], facts: Facts | None) -> tuple[Cause, ...]:
    """Return the likely causes of the findings, none where there are no facts to go by."""
    if facts is None or not findings:
        return ()
    try:
        return diagnose(findings, facts)
    except Exception:
        log.exception("could not diagnose run %s", run_id)
        return ()
