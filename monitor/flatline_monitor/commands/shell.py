"""What all commands have in common: options, and how to say no."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn, ParamSpec, TypeVar

import typer

from flatline_monitor.app import StartError
from flatline_monitor.cli import MISUSED
from flatline_monitor.detectors.settings import SettingsError as DetectorSettingsError
from flatline_monitor.settings import SettingsError
from flatline_monitor.storage.errors import StoreError

P = ParamSpec("P")
T = TypeVar("T")

Config = Annotated[
    Path | None,
    typer.Option(help="TOML file with settings; default: flatline/monitor.toml in ~/.config"),
]
DataDir = Annotated[Path | None, typer.Option(help="where the monitor keeps its journal")]
AsJson = Annotated[bool, typer.Option("--json", help="all of it, for programs")]


def or_exit(do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do it; a mistake of the operator ends the program with its sentence."""
    try:
        return do(*args, **kwargs)
    except (SettingsError, DetectorSettingsError, StartError, StoreError) as error:
        leave(str(error))


def leave(sentence: str) -> NoReturn:
    """Say what was wrong, and what would be right, and end the program."""
    sys.stderr.write(f"flatline-monitor: {sentence}\n")
    raise typer.Exit(MISUSED)
