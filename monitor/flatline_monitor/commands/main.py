"""The command line with all of its commands, and those that serve."""

from pathlib import Path
from typing import Annotated

import typer

import flatline
from flatline_monitor import app as service
from flatline_monitor.commands.detectors import detectors
from flatline_monitor.commands.explain import explain
from flatline_monitor.commands.export import export
from flatline_monitor.commands.lint import lint
from flatline_monitor.commands.replay import replay
from flatline_monitor.commands.settings import config, settings
from flatline_monitor.commands.shell import Config, or_exit
from flatline_monitor.settings import load


def serve(  # noqa: PLR0913, PLR0917 - one argument for each flag
    config: Config = None,
    grpc_address: Annotated[str | None, typer.Option(help="where trainings send to")] = None,
    http_address: Annotated[str | None, typer.Option(help="pages, API, /metrics")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="what must survive a crash")] = None,
    token_file: Annotated[Path | None, typer.Option(help="one token a line")] = None,
    allow_unauthenticated: Annotated[
        bool | None,
        typer.Option("--allow-unauthenticated", help="listen to other machines without tokens"),
    ] = None,
    public_url: Annotated[str | None, typer.Option(help="address of the pages, for links")] = None,
    log_format: Annotated[str | None, typer.Option(help="auto, console or json")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error")] = None,
) -> None:
    """Serve until SIGTERM or SIGINT."""
    flags = {name: value for name, value in locals().items() if name != "config"}
    raise typer.Exit(or_exit(service.serve, or_exit(load, config, flags)))


def version() -> None:
    """Print the version."""
    typer.echo(flatline.__version__)


def command_line() -> typer.Typer:
    """Return all commands."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="The monitor of flatline: takes training runs, says which are sick, and why.",
    )
    for command in (serve, detectors, replay, explain, export, lint, settings, config, version):
        app.command()(command)
    return app


def run() -> int:
    """Run what the command line asks for."""
    command_line()(prog_name="flatline-monitor")
    return 0
