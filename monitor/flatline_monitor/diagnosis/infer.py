"""From findings and facts to causes: a noisy-or over the table, with evidence against."""

import math
from collections.abc import Mapping, Sequence

from flatline_monitor.detectors.contract import Finding
from flatline_monitor.diagnosis import signs_of_answers, signs_of_setup
from flatline_monitor.diagnosis.case import Case
from flatline_monitor.diagnosis.causes import CAUSES
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.diagnosis.entry import Entry
from flatline_monitor.diagnosis.facts import Facts
from flatline_monitor.diagnosis.signs import present

LEAST = 0.15
"""Weight below which a cause is not worth a reader's time, unless a finding has no better one."""
FOUND_BY = {
    "update_ratio_high": "update_ratio",
    "update_ratio_low": "update_ratio",
    "first_updates_large": "update_ratio",
    **signs_of_answers.FOUND_BY,
    **signs_of_setup.FOUND_BY,
}
"""Signs that are one side of a detector."""


def diagnose(findings: Mapping[str, Finding], facts: Facts) -> tuple[Cause, ...]:
    """Return what probably causes the findings, the likeliest first; nothing without findings.

    weight = (1 - product of (1 - w) over what speaks for it)
             times the product of (1 - a) over what speaks against it.

    Source: Pearl (1988), Probabilistic Reasoning in Intelligent Systems, section 4.3.2, the
    noisy-or; what speaks against a cause inhibits it as a whole.
    """
    case = Case(findings, facts)
    weighed = [cause for entry in CAUSES if (cause := _weighed(entry, case))]
    ranked = sorted(weighed, key=lambda cause: -cause.weight)
    best = [next((c for c in ranked if name in c.explains), None) for name in findings]
    return tuple(cause for cause in ranked if cause.weight >= LEAST or cause in best)


def causes_of(detector: str, causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """Return those of the causes that explain a detector's finding, in their order."""
    return tuple(cause for cause in causes if detector in cause.explains)


def _weighed(entry: Entry, case: Case) -> Cause | None:
    speaks_for, speaks_against = (
        {name: sentence for name in names if (sentence := present(case, name))}
        for names in (_by_weight(entry.speaks_for), _by_weight(entry.speaks_against))
    )
    explains = {FOUND_BY.get(name, name) for name in speaks_for} & case.findings.keys()
    weight = 1 - math.prod(1 - entry.speaks_for[name] for name in speaks_for)
    weight *= math.prod(1 - entry.speaks_against[name] for name in speaks_against)
    if not explains:
        return None
    return Cause(
        name=entry.name,
        title=entry.title,
        weight=weight,
        speaks_for=tuple(speaks_for.values()),
        speaks_against=tuple(speaks_against.values()),
        remedy=entry.remedy(case.facts),
        explains=tuple(sorted(explains)),
    )


def _by_weight(names: Mapping[str, float]) -> list[str]:
    return sorted(names, key=lambda name: -names[name])
