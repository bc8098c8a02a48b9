"""Judges recorded runs again, with other settings, and says what changes."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from flatline.commands.tables import as_json as lines_of_json
from flatline.commands.tables import table
from flatline_monitor.backtest.compared import Comparison, cause
from flatline_monitor.backtest.judging import judged
from flatline_monitor.commands import journals
from flatline_monitor.commands.journals import Journal
from flatline_monitor.commands.shell import AsJson, Config, DataDir, leave, or_exit
from flatline_monitor.detectors.catalogue import Numbers, catalogues
from flatline_monitor.ingest.decode import decode
from flatline_monitor.settings import Settings, load
from flatline_monitor.storage.errors import StoreError

Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="detectors.NAME.SETTING=NUMBER", help="may be given repeatedly"),
]
Compare = Callable[[Journal], Comparison]


def replay(  # noqa: PLR0913, PLR0917 - one argument for each flag
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN|FILE]...", help="ids of runs, or how no others begin; files"),
    ] = None,
    sets: Sets = None,
    everything: Annotated[bool, typer.Option("--all", help="all runs of the journal")] = False,  # noqa: FBT002 - a flag
    project: Annotated[str | None, typer.Option(help="all runs of this project")] = None,
    config: Config = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Judge recorded runs again, with the settings in force and with those of --set beside them.

    Says which alerts, verdicts and causes change; of several runs in one line each. Nothing is
    written, and a service may be running on the journal.
    """
    settings = or_exit(load, config, {"data_dir": data_dir})
    above = _numbers(sets or [])
    compare = _compare(settings, above)
    found = _chosen(runs or [], settings.data_dir, everything=everything, project=project)
    several = everything or project is not None or len(runs or []) > 1
    if not several:
        chosen = or_exit(lambda: list(found))
        if len(chosen) == 1:
            comparison = or_exit(journals.readable, compare, chosen[0])
            lines = lines_of_json(_shape(comparison)) if as_json else _told(comparison, sets)
            typer.echo("\n".join(lines))
            return
        found = iter(chosen)
    raise typer.Exit(_of_several(compare, found, as_json=as_json))


def _chosen(
    runs: Sequence[str], directory: Path, *, everything: bool, project: str | None
) -> Iterator[Journal]:
    if bool(runs) + everything + (project is not None) != 1:
        leave("name one or more of RUN and FILE, or --project NAME, or --all")
    if not runs:
        return journals.of_project(directory, project)
    return (journal for run in runs for journal in journals.journals(run, directory))


def _numbers(sets: Sequence[str]) -> Numbers:
    """Return what --set asks for, by detector and field."""
    numbers: dict[str, dict[str, float]] = {}
    for text in sets:
        name, sign, value = text.partition("=")
        parts = name.strip().split(".")
        if not sign or len(parts) != 3 or parts[0] != "detectors":  # noqa: PLR2004 - as the sentence has them
            leave(
                f"--set {text}: it must be detectors.NAME.SETTING=NUMBER, for example "
                "detectors.no_skill.floor=0.05; nothing else changes how a run is judged"
            )
        try:
            numbers.setdefault(parts[1], {})[parts[2]] = float(value)
        except ValueError:
            leave(f"--set {text}: {value or 'nothing'} is no number")
    return numbers


def _compare(settings: Settings, above: Numbers) -> Compare:
    """Return what judges a journal with the settings in force, and with those above."""
    own = settings.detectors, settings.numbers_of_projects
    before, after = or_exit(catalogues, *own), or_exit(catalogues, *own, above)

    def compare(journal: Journal) -> Comparison:
        first = judged(journal, decode, before)
        return Comparison(first, judged(journal, decode, after) if above else first)

    return compare


def _told(comparison: Comparison, sets: Sequence[str] | None) -> Iterator[str]:
    """Write all of one run."""
    before, after = comparison.before, comparison.after
    yield journals.heading(before)
    if sets and not comparison.is_changed:
        yield f"nothing changes with {', '.join(sets)}; it is as follows"
    yield ""
    if not comparison.is_changed:
        rows = [(each.detector, str(each.before)) for each in comparison.alerts]
        yield from table(("DETECTOR", "ALERT"), rows) if rows else ("no alert fired",)
        yield f"\n{before.verdict.level}: {before.verdict.sentence}"
        return
    changes = [
        (each.detector, str(each.before), str(each.after) if each.is_one else "the same")
        for each in comparison.alerts
    ]
    yield from table(("DETECTOR", "BEFORE", "AFTER"), changes)
    yield from _pair(
        "verdict", *(f"{r.verdict.level}: {r.verdict.sentence}" for r in (before, after))
    )
    yield from _pair("first cause", *comparison.causes)


def _pair(what: str, before: str, after: str) -> Iterator[str]:
    if before == after:
        yield f"\n{what}: {before or 'none'}, before and after"
    else:
        yield f"\n{what} before: {before or 'none'}\n{what} after:  {after or 'none'}"


def _of_several(compare: Compare, found: Iterator[Journal], *, as_json: bool) -> int:
    """Write a line for each run as soon as it is judged, and a summary; 1 if one could not be."""
    comparisons, failed = [], []
    while (journal := or_exit(next, found, None)) is not None:
        try:
            comparison = journals.readable(compare, journal)
        except StoreError as error:
            failed.append(str(error))
            typer.echo(str(error), err=True)
            continue
        comparisons.append(comparison)
        if not as_json:
            typer.echo(f"{comparison.before.run_id}: {_in_a_line(comparison)}")
    if as_json:
        shapes = [_shape(each) for each in comparisons]
        typer.echo(json.dumps({"runs": shapes, "failed": failed}, indent=2))
    else:
        typer.echo("\n" + "\n".join(_summary(comparisons)))
    return 1 if failed else 0


def _in_a_line(comparison: Comparison) -> str:
    if not comparison.is_changed:
        return "nothing changes"
    parts = [f"{c.detector} {c.before} -> {c.after}" for c in comparison.alerts if c.is_one]
    before, after = comparison.before.verdict, comparison.after.verdict
    if before.level is not after.level:
        parts.append(f"verdict {before.level} -> {after.level}")
    elif before.sentence != after.sentence:
        parts.append("another verdict's sentence")
    if comparison.causes[0] != comparison.causes[1]:
        parts.append("another first cause")
    return "; ".join(parts)


def _summary(comparisons: Sequence[Comparison]) -> Iterator[str]:
    changed = sum(each.is_changed for each in comparisons)
    yield f"{changed} of {len(comparisons)} runs change"
    if not changed:
        return
    levels = [
        Counter(report.verdict.level for report in reports)
        for reports in zip(*((each.before, each.after) for each in comparisons), strict=True)
    ]
    for level in sorted(levels[0].keys() | levels[1].keys()):
        yield f"{level}: {levels[0][level]} -> {levels[1][level]}"
    moved = Counter(c.detector for each in comparisons for c in each.alerts if c.is_one)
    for detector, count in moved.most_common():
        yield f"{detector}: another alert in {count} run{'s' * (count > 1)}"


def _shape(comparison: Comparison) -> dict[str, Any]:
    hello = comparison.before.hello
    return {
        "run": hello.run_id,
        "name": hello.name,
        "project": hello.project,
        "task": hello.task.value,
        "quiet": list(hello.quiet),
        "step": comparison.before.step,
        "changed": comparison.is_changed,
        "alerts": [dataclasses.asdict(each) for each in comparison.alerts],
        **{
            when: {
                "verdict": {"level": report.verdict.level, "sentence": report.verdict.sentence},
                "cause": cause(report) or None,
            }
            for when, report in (("before", comparison.before), ("after", comparison.after))
        },
    }
