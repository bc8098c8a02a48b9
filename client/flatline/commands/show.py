"""`flatline show RUN`: one run with its verdict, its alerts, their causes and what to do."""

from collections.abc import Iterator

from flatline.commands.api import Monitor
from flatline.commands.shapes import Alert, Cause, Evidence, Run, read_run
from flatline.commands.tables import as_json, epochs, number, steps, table

_SHOWN_CAUSES = 3
"""Causes that are shown with all that is known; of the others only what they are."""


def show(monitor: Monitor, run: str, *, raw: bool) -> Iterator[str]:
    """Return the lines; `run` is the beginning of an id."""
    content = monitor.find(run)
    if raw:
        yield from as_json(content)
    else:
        yield from _run(read_run(content))


def title(run: Run) -> str:
    """Return what a run is called: its id and, if it has one, its name."""
    return f"run {run.id}" + (f" ({run.name})" if run.name else "")


def progress(run: Run) -> str:
    """Return how far a run is: "finished, steps 800/800, epoch 20/20, loss 0.325"."""
    epoch = "" if run.epoch is None else f", epoch {epochs(run)}"
    return f"steps {steps(run)}{epoch}, loss {number(run.loss)}"


def verdict(run: Run) -> str:
    """Return how a run is, all in all."""
    return f"{run.level}: {run.sentence}" if run.sentence else run.level


def _run(run: Run) -> Iterator[str]:
    yield title(run)
    whose = {"project": run.project, "user": run.user}
    yield from (f"{what} {text}" for what, text in whose.items() if text)
    yield f"{run.state}, {progress(run)}"
    if run.level:
        yield f"verdict: {verdict(run)}"
    yield ""
    yield "alerts" if run.alerts else "no alerts"
    for alert in sorted(run.alerts, key=lambda alert: alert.urgency):
        yield from (f"  {line}".rstrip() for line in _alert(alert))
    if run.causes:
        yield from _causes(run.causes)
    if blind := [*_blind(run)]:
        yield ""
        yield f"could not look: {', '.join(blind)}"


def _blind(run: Run) -> Iterator[str]:
    """Return what could not look the last time and has never found anything, and why."""
    found = {alert.detector for alert in run.alerts}
    for detector, reason in run.abstentions.items():
        if detector not in found:
            yield f"{detector} ({reason.replace('_', ' ')})"


def _alert(alert: Alert) -> Iterator[str]:
    yield f"{alert.severity.upper()} {alert.detector}, {alert.state}{_when(alert)}".lstrip()
    if alert.summary:
        yield f"  {alert.summary}"
    if alert.evidence:
        yield from (f"    {line}" for line in _evidence(alert.evidence))
    if alert.cause and alert.state == "resolved":  # the others stand with the run's causes
        yield f"    probably {alert.cause}"
    if alert.variables:
        yield f"    variables: {', '.join(alert.variables)}"


def _when(alert: Alert) -> str:
    since, last = alert.since_step, alert.last_step
    if since is None or last is None:
        return ""
    if alert.state == "resolved":
        return f" (seen from step {since} to {last})"
    return f" since step {since}, last seen at step {last}"


def _evidence(found: tuple[Evidence, ...]) -> Iterator[str]:
    columns = {
        "evidence": [evidence.statistic for evidence in found],
        "value": [number(evidence.value) for evidence in found],
        "unit": [evidence.unit for evidence in found],
        "limit": [_limit(evidence) for evidence in found],
    }
    if not any(columns["unit"]):
        del columns["unit"]
    return table([*columns], [*zip(*columns.values(), strict=True)], right=("value",))


def _limit(evidence: Evidence) -> str:
    if evidence.limit is None:
        return ""
    return f"fires {evidence.fires} {number(evidence.limit)}"


def _causes(causes: tuple[Cause, ...]) -> Iterator[str]:
    yield ""
    yield "probable causes, and what to do"
    for place, cause in enumerate(causes[:_SHOWN_CAUSES], 1):
        if place > 1:
            yield ""
        yield f"  {place}. {_strength(cause)}"
        yield from (f"     for: {sentence}" for sentence in cause.speaks_for)
        yield from (f"     against: {sentence}" for sentence in cause.speaks_against)
        if cause.remedy:
            yield f"     to do: {cause.remedy}"
        if cause.code:
            yield ""
            yield from (f"         {line}".rstrip() for line in cause.code)
    if others := causes[_SHOWN_CAUSES:]:
        yield ""
        yield f"  less likely: {'; '.join(map(_strength, others))}"


def _strength(cause: Cause) -> str:
    """Return a cause with how much the evidence speaks for it, which is no probability."""
    if cause.weight is None:
        return cause.title
    return f"{cause.title} (strength of the evidence {number(round(100 * cause.weight))} %)"
