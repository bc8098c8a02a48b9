"""Recorded runs for commands: out of the journal of a monitor, or out of files; and what they are.

The journal may be that of a service that runs: it is only read.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from flatline.commands.tables import number
from flatline_monitor.alerts.report import RunReport
from flatline_monitor.engine.again import HeadlessError
from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import RefusedError
from flatline_monitor.storage import recording
from flatline_monitor.storage.errors import StoreError
from flatline_monitor.storage.reader import SqliteReader

T = TypeVar("T")

Journal = Sequence[Entry]

Run = Annotated[
    str, typer.Argument(metavar="RUN|FILE", help="id of a run, or how no other id begins; a file")
]
"""An argument that `journals` takes."""


def journals(what: str, directory: Path) -> Iterator[Journal]:
    """Return the journal of a run in this data directory, or those that a file holds.

    Raises StoreError where there is none.
    """
    path = Path(what)
    if path.is_file():
        yield from recording.load(path)
    else:
        reader = SqliteReader(directory)
        yield reader.entries(reader.find(what))


def of_project(directory: Path, project: str | None) -> Iterator[Journal]:
    """Return the journals of all runs of a project, or of all; raises StoreError without any."""
    reader = SqliteReader(directory)
    known = [run for run in reader.runs() if project in {None, run.project}]
    if not known:
        whose = "" if project is None else f" of project {project}"
        msg = f"there is no run{whose} in {directory}"
        raise StoreError(msg)
    for run in known:
        yield reader.entries(run.run_id)


def readable(do: Callable[[Journal], T], journal: Journal) -> T:
    """Do something with a journal; raises StoreError where it is none of a run."""
    try:
        return do(journal)
    except (HeadlessError, RefusedError) as error:
        whose = f"run {journal[0].stream.run_id}" if journal else "a run"
        msg = f"{whose} cannot be judged: {error}"
        raise StoreError(msg) from error


def heading(report: RunReport) -> str:
    """Return what a run is, in a line, with what its own program has asked for."""
    hello, taken = report.hello, 0 if report.step is None else report.step + 1
    planned = f" of {hello.plan_steps}" if hello.plan_steps else ""
    project = f"project {hello.project}" if hello.project else ""
    names = ", ".join(part for part in (hello.name, project) if part)
    quiet = f", quiet in its log: {', '.join(hello.quiet)}" if hello.quiet else ""
    return (
        f"run {report.run_id}{names and f' ({names})'}: {report.state}, {taken}{planned} steps, "
        f"task {hello.task}{quiet}"
    )


def shown(value: float) -> str:
    """Return a number with at most four significant digits."""
    return number(float(f"{value:.4g}"))
