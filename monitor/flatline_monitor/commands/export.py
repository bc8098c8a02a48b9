"""Writes a run's journal to a file, to be kept, sent and judged again."""

from pathlib import Path
from typing import Annotated

import typer

from flatline_monitor.commands.journals import journals
from flatline_monitor.commands.shell import Config, DataDir, leave, or_exit
from flatline_monitor.settings import load
from flatline_monitor.storage import recording


def export(
    run: Annotated[str, typer.Argument(help="id of a run, or how no other id begins")],
    file: Annotated[Path, typer.Argument(help="where to write; it must not be there yet")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Write all that was recorded of a run to a FILE, for `replay` and `explain`."""
    settings = or_exit(load, config, {"data_dir": data_dir})
    if file.exists():
        leave(f"{file} is there already; name a file that is not")
    found = or_exit(lambda: list(journals(run, settings.data_dir)))
    try:
        recording.save(file, found)
    except OSError as error:
        leave(f"{file} cannot be written ({error.strerror}); name a file in a folder of yours")
    entries = sum(map(len, found))
    typer.echo(f"{file}: {entries} records, {file.stat().st_size} bytes")
