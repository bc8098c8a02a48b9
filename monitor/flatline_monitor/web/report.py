"""The closing report of a run, as JSON and as Markdown."""

import re
from collections.abc import Iterator

from flatline_monitor.alerts.closing import ClosingReport
from flatline_monitor.alerts.report import AlertReport
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.diagnosis.crash import Crash
from flatline_monitor.web.formats import moment, number, taken
from flatline_monitor.web.shapes import (
    Json,
    alert_shape,
    cause_shape,
    plain,
    seen,
    verdict_shape,
)

SHOWN_CAUSES = 3
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~$!&])")


def report_shape(closing: ClosingReport) -> Json:
    """Return the report; an absent crash is null, and a run with few validations has no list."""
    run = closing.run
    return {
        "run": run.run_id,
        "name": run.hello.name,
        "project": run.hello.project,
        "state": run.state.value,
        "step": run.step,
        "verdict": verdict_shape(closing.verdict),
        "crash": plain(closing.crash),
        "story": [
            {"step": each.step, "signal": each.signal, "text": each.text} for each in closing.story
        ],
        "story_line": closing.story_line,
        "checkpoints": [
            {"sentence": each.sentence, "numbers": plain(each)} for each in closing.checkpoints
        ],
        "course": closing.course,
        "causes": [cause_shape(cause) for cause in closing.causes],
        "alerts": [alert_shape(alert) for alert in seen(run)],
    }


def markdown(closing: ClosingReport) -> str:
    """Return the report as a page of Markdown; what came from the client is escaped."""
    parts = (
        _head(closing),
        _crash(closing.crash),
        _story(closing),
        _weights(closing),
        _causes(closing.causes),
        _alerts(seen(closing.run)),
    )
    return "\n".join(line for part in parts for line in part)


def escaped(text: str) -> str:
    """Return a text as one line in which nothing is a mark of Markdown or HTML."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _head(closing: ClosingReport) -> Iterator[str]:
    run, hello, verdict = closing.run, closing.run.hello, closing.verdict
    yield f"# {escaped(hello.name or run.run_id)}"
    yield ""
    yield f"**{verdict.level.value.capitalize()}**: {escaped(verdict.sentence)}"
    yield ""
    yield f"- Run: `{run.run_id}`" + (
        f", project {escaped(hello.project)}" if hello.project else ""
    )
    steps = f"{number(taken(run.step))}{'' if not hello.plan_steps else f' of {hello.plan_steps}'}"
    yield f"- State: {run.state.value}, {steps} steps, loss {number(run.loss)}"
    yield f"- Started: {moment(run.started_at)}; ended: {moment(run.ended_at)}"
    if closing.course:
        yield f"- Course: {closing.course}"
    yield ""


def _crash(crash: Crash | None) -> Iterator[str]:
    if crash is None:
        return
    yield "## How it ended"
    yield ""
    yield f"{escaped(crash.title).capitalize()}. {escaped(crash.advice)}"
    yield ""
    if crash.exception_type:
        said = f": {escaped(crash.exception_text)}" if crash.exception_text else ""
        yield f"> {escaped(crash.exception_type)}{said}"
        yield ""


def _story(closing: ClosingReport) -> Iterator[str]:
    if not closing.story:
        return
    yield "## What happened"
    yield ""
    yield from (f"- Step {each.step}: {escaped(each.text)}" for each in closing.story)
    yield ""


def _weights(closing: ClosingReport) -> Iterator[str]:
    if not closing.checkpoints:
        return
    yield "## Checkpoint to keep"
    yield ""
    yield from (f"- By {escaped(c.metric)}: {escaped(c.sentence)}" for c in closing.checkpoints)
    yield ""


def _causes(causes: tuple[Cause, ...]) -> Iterator[str]:
    if not causes:
        return
    yield "## Why, and what to do"
    yield ""
    for cause in causes[:SHOWN_CAUSES]:
        yield f"### {escaped(cause.title)} ({100 * cause.weight:.0f} %)"
        yield ""
        yield from (f"- for: {escaped(each)}" for each in cause.speaks_for)
        yield from (f"- against: {escaped(each)}" for each in cause.speaks_against)
        yield ""
        yield escaped(cause.remedy.text)
        yield ""
        if cause.remedy.code:
            yield from (f"    {line}".rstrip() for line in cause.remedy.code.splitlines())
            yield ""


def _alerts(alerts: list[AlertReport]) -> Iterator[str]:
    if not alerts:
        return
    yield "## Alerts"
    yield ""
    yield "| detector | severity | state | since step | what |"
    yield "|---|---|---|---|---|"
    for alert in alerts:
        severity = alert.severity.value if alert.severity else ""
        since = number(alert.since_step)
        told = f"{severity} | {alert.state.value} | {since} | {escaped(alert.summary)}"
        yield f"| {escaped(alert.detector)} | {told} |"
    yield ""
