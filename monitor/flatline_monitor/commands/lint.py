"""`flatline-monitor lint`: judges logs that others wrote."""

import enum
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import flatline
from flatline_monitor.cli import MISUSED
from flatline_monitor.commands.shell import Config, leave, or_exit
from flatline_monitor.detectors.catalogue import configured
from flatline_monitor.detectors.contract import Detector, Severity
from flatline_monitor.lint.files import tables
from flatline_monitor.lint.gather import logs
from flatline_monitor.lint.judged import Judged, judged
from flatline_monitor.lint.log import FORMATS, LintError, Quantity
from flatline_monitor.lint.reports import as_json, as_junit, as_sarif
from flatline_monitor.lint.shown import text
from flatline_monitor.settings import load

FOUND = 1
"""Exit code where something was found that is as grave as was asked for."""


class Format(enum.StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"


def lint(  # noqa: PLR0913, PLR0917 - one argument for each flag
    files: Annotated[list[Path], typer.Argument(help=f"{FORMATS}; a folder of event files")],
    output: Annotated[Format, typer.Option("--format", help="what is printed")] = Format.TEXT,
    fail_on: Annotated[
        Severity, typer.Option(help="exit with 1 for findings as grave as this")
    ] = Severity.WARNING,
    columns: Annotated[
        list[str] | None,
        typer.Option(help="loss=NAME,val_loss=NAME,step=NAME: columns that go by other names"),
    ] = None,
    classes: Annotated[
        int | None, typer.Option(help="number of classes, if they are about as frequent")
    ] = None,
    config: Config = None,
) -> None:
    """Judge logs that others wrote: is this training sick, since when, and why."""
    if classes is not None and classes < 2:  # noqa: PLR2004 - one class is no choice
        leave(f"--classes {classes}: a classification has 2 classes or more")
    named = _columns(columns or [])
    catalogue = or_exit(configured, or_exit(load, config).detectors)
    found: list[Judged] = []
    refused = False
    for path in files:
        try:
            found += [
                judged(log, catalogue)
                for table in tables(path)
                for log in logs(table, named, classes)
            ]
        except LintError as error:
            sys.stderr.write(f"flatline-monitor: {error}\n")
            refused = True
    if found or output is not Format.TEXT:
        typer.echo(_written(found, output, catalogue, fail_on))
    grave = any(each.worst is not None and each.worst.rank >= fail_on.rank for each in found)
    raise typer.Exit(MISUSED if refused else FOUND if grave else 0)


def _written(
    found: Sequence[Judged], output: Format, catalogue: Sequence[Detector], fail_on: Severity
) -> str:
    match output:
        case Format.JSON:
            return as_json(found)
        case Format.SARIF:
            return as_sarif(found, catalogue, flatline.__version__)
        case Format.JUNIT:
            return as_junit(found, catalogue, fail_on)
    return "\n".join("\n".join(text(each)) for each in found)


def _columns(given: Sequence[str]) -> dict[str, str]:
    """Read loss=NAME,val_loss=NAME: the quantities, and the columns that hold them."""
    named = {}
    known = [quantity.value for quantity in Quantity]
    for pair in (pair for each in given for pair in each.split(",")):
        quantity, equals, name = pair.strip().partition("=")
        if not equals or quantity not in known or not name:
            leave(f"--columns {pair!r}: it is QUANTITY=NAME, with one of {', '.join(known)}")
        named[quantity] = name
    return named
