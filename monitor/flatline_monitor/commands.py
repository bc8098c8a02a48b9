"""The commands of flatline-monitor; a mistake of the operator is one sentence and exit code 2."""

import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

import flatline
from flatline.commands.tables import table, terminal_width
from flatline_monitor.alerts.book import KEEP
from flatline_monitor.app import StartError, serve
from flatline_monitor.cli import MISUSED
from flatline_monitor.commands_lint import lint
from flatline_monitor.detectors.catalogue import CATALOGUE, configured
from flatline_monitor.detectors.contract import Detector
from flatline_monitor.detectors.settings import SettingsError as DetectorSettingsError
from flatline_monitor.diagnosis.causes import CAUSES
from flatline_monitor.diagnosis.entry import Entry
from flatline_monitor.diagnosis.infer import FOUND_BY
from flatline_monitor.settings import Settings, SettingsError, load

T = TypeVar("T")

_HEADINGS = ("Statistic", "Fires when", "Must not fire", "Sources")
_DEFAULTS = {detector.name: detector for detector in CATALOGUE}

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


app.command()(lint)


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
def detectors(
    name: Annotated[str | None, typer.Argument(help="one of them; default: a list of all")] = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="all of it, for programs")] = False,  # noqa: FBT002 - a flag
) -> None:
    """List the detectors, or say what one measures, when it fires, and how it is set."""
    known = {detector.name: detector for detector in _catalogue(_or_exit(load, config))}
    if name is not None and name not in known:
        _exit(f"there is no detector {name!r}; there are {', '.join(known)}")
    if as_json:
        chosen = _as_json(known[name]) if name else [_as_json(d) for d in known.values()]
        typer.echo(json.dumps(chosen, indent=2))
    else:
        typer.echo("\n".join(_definition(known[name]) if name else _list(known.values())))


@app.command("config")
def config_command(config: Config = None) -> None:
    """Print the settings in force as TOML."""
    settings = _or_exit(load, config)
    _catalogue(settings)
    typer.echo("\n".join(_toml(settings)))


def _catalogue(settings: Settings) -> tuple[Detector, ...]:
    """Return the detectors with the operator's numbers."""
    try:
        return configured(settings.detectors)
    except DetectorSettingsError as error:
        _exit(str(error))


def _list(detectors: Iterable[Detector]) -> Iterator[str]:
    rows = [(d.name, ", ".join(d.severities), _summary(d)) for d in detectors]
    return table(("DETECTOR", "SEVERITIES", "WHAT IT SAYS"), rows, width=terminal_width())


def _definition(detector: Detector) -> Iterator[str]:
    """Write all that is known of a detector; its settings so that they can be copied."""
    yield f"{detector.name} ({', '.join(detector.severities)})\n\n{inspect.getdoc(type(detector))}"
    yield f"Needs\n    {', '.join(sorted(detector.needs))}"
    if detector.not_for:
        yield f"Not for\n    {', '.join(sorted(detector.not_for))}"
    findings = f"{detector.hold} finding{'s in a row' * (detector.hold > 1)}"
    yield f"Patience\n    an alert fires after {findings} and is resolved after {KEEP} quiet ones"
    if causes := _causes(detector):
        yield "Likely causes"
        yield from (f"    {cause.title}" for cause in causes)
    yield f"Settings\n    [detectors.{detector.name}]"
    defaults = _numbers(_DEFAULTS[detector.name])
    for name, value in _numbers(detector).items():
        own = "" if value == defaults[name] else f"  # configured; by default {defaults[name]}"
        yield f"    {name} = {json.dumps(value)}{own}"


def _as_json(detector: Detector) -> dict[str, Any]:
    return {
        "name": detector.name,
        "severities": list(detector.severities),
        "summary": _summary(detector),
        "definition": _sections(detector),
        "needs": sorted(detector.needs),
        "not_for": sorted(detector.not_for),
        "hold": detector.hold,
        "keep": KEEP,
        "causes": [
            {"name": c.name, "title": c.title, "source": c.source} for c in _causes(detector)
        ],
        "settings": _numbers(detector),
        "defaults": _numbers(_DEFAULTS[detector.name]),
    }


def _causes(detector: Detector) -> list[Entry]:
    """Return the causes that a finding of the detector speaks for, the weightiest first."""
    weights = {
        entry.name: max(
            (
                w
                for sign, w in entry.speaks_for.items()
                if FOUND_BY.get(sign, sign) == detector.name
            ),
            default=0,
        )
        for entry in CAUSES
    }
    causes = [entry for entry in CAUSES if weights[entry.name]]
    return sorted(causes, key=lambda entry: -weights[entry.name])


def _summary(detector: Detector) -> str:
    return (inspect.getdoc(type(detector)) or "").partition("\n")[0]


def _sections(detector: Detector) -> dict[str, str]:
    """Return the docstring's sections, by their headings: "Fires when" is `fires_when`."""
    sections: dict[str, list[str]] = {}
    for line in (inspect.getdoc(type(detector)) or "").splitlines():
        if line in _HEADINGS:
            text = sections[line.lower().replace(" ", "_")] = []
        elif sections and line:
            text.append(line.strip())
    return {heading: " ".join(text) for heading, text in sections.items()}


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
