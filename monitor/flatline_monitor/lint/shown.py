"""What people read of judged logs: a verdict, what was found, and what could not be looked at."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from flatline_monitor.alerts.verdict import PROBABLE
from flatline_monitor.detectors.contract import Evidence
from flatline_monitor.lint.judged import NO_LOG, Found, Judged
from flatline_monitor.lint.log import Kind, Log
from flatline_monitor.lint.words import place


def text(judged: Judged) -> Iterator[str]:
    """Return the lines on one log."""
    log = judged.log
    yield f"{log.name}: {judged.level.upper()}: {judged.sentence}"
    for each in judged.found:
        yield f"  {each.severity.upper()} {each.detector} since {each.since}: {each.summary}"
        yield f"    evidence: {'; '.join(evidence(log, one) for one in each.evidence)}"
        yield from _cause(each)
    yield f"  read as {read_as(log)}"
    if told := "; ".join(_unjudged(judged.unjudged)):
        yield f"  not judged for lack of signals: {told}"


def evidence(log: Log, one: Evidence) -> str:
    """Return a number with its limit: "skill 0.01 (limit 0.05, ill below)"."""
    name = one.statistic.replace("_", " ")
    if one.unit == "step":
        return f"{name.removesuffix(' step')}: {place(log, int(one.value))}"
    unit = f" {one.unit}" if one.unit and one.unit not in {"steps", "epoch"} else ""
    limit = "" if one.limit is None else f" (ill {one.fires} {one.limit:.4g})"
    return f"{name} {one.value:.4g}{unit}{limit}"


def read_as(log: Log) -> str:
    """Return how a log was read, so that a wrong guess shows."""
    rows, trained = len(log.rows), len(log.trained)
    unit = "epochs" if log.kind is Kind.EPOCH else "rows"
    stride = f", {log.row_steps} steps each" if log.row_steps and log.row_steps > 1 else ""
    columns = ", ".join(f"{quantity}={name}" for quantity, name in log.columns.items())
    told = f"{log.format}, {trained} {unit}{stride}" if rows else log.format
    return "; ".join((f"{told} ({columns})", *log.notes))


def _cause(found: Found) -> Iterator[str]:
    cause = found.cause
    if cause is not None and cause.weight >= PROBABLE:
        yield f"    probably {cause.title}"
        yield f"    remedy: {cause.remedy.text}"


def _unjudged(why: Mapping[str, str]) -> Iterator[str]:
    """Yield the reasons, each with the detectors that it kept from looking."""
    names = defaultdict(list)
    for name, reason in why.items():
        names[reason].append(name)
    unseen = names.pop(NO_LOG, [])
    for reason, those in names.items():
        yield f"{', '.join(those)} ({reason})"
    if unseen:
        yield f"{len(unseen)} detectors that look at layers, batches and labels ({NO_LOG})"
