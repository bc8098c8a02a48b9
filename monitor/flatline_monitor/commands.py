"""The commands of flatline-monitor; a mistake of the operator is one sentence and exit code 2."""

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

import flatline
from flatline_monitor.app import StartError, serve
from flatline_monitor.cli import MISUSED
from flatline_monitor.detectors.catalogue import CATALOGUE, configured
from flatline_monitor.detectors.contract import Detector
from flatline_monitor.detectors.settings import SettingsError as DetectorSettingsError
from flatline_monitor.settings import Settings, SettingsError, load

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The monitor of flatline: takes training runs over gRPC, says which are sick, and why.",
)

Config = Annotated[
    Path | None,
    typer.Option(help="TOML file with settings; default: flatline/monitor.toml in ~/.config"),
]


def run() -> int:
    """Run what the command line asks for."""
    app(prog_name="flatline-monitor")
    return 0


@app.command("serve")
def serve_command(  # noqa: PLR0913, PLR0917 - one argument for each flag
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
    settings = _or_exit(load, config, flags)
    raise typer.Exit(_or_exit(serve, settings))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(flatline.__version__)


@app.command()
def explain(
    detector: Annotated[str | None, typer.Argument(help="its name; default: all of them")] = None,
) -> None:
    """Say what a detector looks at, when it fires, and what it leaves alone."""
    known = {each.name: each for each in CATALOGUE}
    if detector is not None and detector not in known:
        _exit(f"there is no detector {detector!r}; there are {', '.join(known)}")
    for each in [known[detector]] if detector else known.values():
        severities = ", ".join(each.severities)
        numbers = ", ".join(f"{name} = {value}" for name, value in _numbers(each).items())
        typer.echo(f"{each.name} ({severities})\n\n{inspect.getdoc(type(each))}\n")
        typer.echo(f"Settings, under [detectors.{each.name}]\n    {numbers}\n")


@app.command("config")
def config_command(config: Config = None) -> None:
    """Print the settings in force as TOML."""
    settings = _or_exit(load, config)
    try:
        configured(settings.detectors)
    except DetectorSettingsError as error:
        _exit(str(error))
    typer.echo("\n".join(_toml(settings)))


def _numbers(detector: Detector) -> dict[str, float]:
    """Return what an operator may set of a detector."""
    return {field.name: getattr(detector, field.name) for field in fields(detector)}  # type: ignore[arg-type]  # a Protocol whose members are dataclasses


def _toml(settings: Settings) -> Iterator[str]:
    """Write what is set; a setting without a value is a comment."""
    content = settings.model_dump(mode="json")
    sections = {name: content.pop(name) for name in ("limits", "detectors")}
    for name, value in content.items():
        yield f"# {name} is not set" if value is None else f"{name} = {json.dumps(value)}"
    detectors = sections["detectors"].items()
    for name, section in [
        ("limits", sections["limits"]),
        *((f"detectors.{detector}", numbers) for detector, numbers in detectors),
    ]:
        yield f"\n[{name}]"
        for key, value in section.items():
            yield f"{key} = {json.dumps(value)}"


def _or_exit(do: Callable[..., T], *args: Any) -> T:
    try:
        return do(*args)
    except (SettingsError, StartError) as error:
        _exit(str(error))


def _exit(sentence: str) -> NoReturn:
    sys.stderr.write(f"flatline-monitor: {sentence}\n")
    raise typer.Exit(MISUSED)
