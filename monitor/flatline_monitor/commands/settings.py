"""Says how the monitor is set, and what its settings mean."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from flatline.commands.tables import as_json as lines_of_json
from flatline.commands.tables import table, terminal_width
from flatline_monitor.commands.meanings import Meaning, meanings
from flatline_monitor.commands.shell import AsJson, Config, DataDir, leave, or_exit
from flatline_monitor.detectors.catalogue import CATALOGUE, Catalogues, catalogues
from flatline_monitor.detectors.contract import Detector
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.runs.records import Hello
from flatline_monitor.settings import Layers, Settings, load, sources

_SECTIONS = ("limits", "detectors", "projects")
_HEADER = ("SETTING", "VALUE", "DEFAULT", "UNIT", "SOURCE", "MEANING")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name as in the file, its values, and what it means."""

    name: str
    value: Any
    default: Any
    unit: str
    meaning: str
    source: str


def settings(
    beginning: Annotated[
        str, typer.Argument(metavar="[NAME]", help="only those whose names begin so")
    ] = "",
    project: Annotated[str | None, typer.Option(help="as they are for the runs of it")] = None,
    config: Config = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Print every setting: its value, its default, its unit, where it was set, what it means.

    Skill is 1 - loss / L0, L0 being the loss of the best constant answer. Steps are those of a
    long run: warm-ups and windows are at most a tenth of what is planned.
    `config` prints the values alone, as a file to be given back.
    """
    flags = {"data_dir": data_dir}
    in_force = or_exit(load, config, flags)
    detectors = or_exit(catalogues, in_force.detectors, in_force.numbers_of_projects)
    layers = or_exit(sources, config, flags)
    every = [*_of_service(in_force, layers), *_of_detectors(detectors, layers, project)]
    chosen = [each for each in every if each.name.startswith(beginning)]
    if not chosen:
        leave(f"no setting begins with {beginning}; `flatline-monitor settings` lists them")
    if as_json:
        typer.echo("\n".join(lines_of_json([asdict(each) for each in chosen])))
    else:
        rows = [
            (s.name, _shown(s.value), _shown(s.default), s.unit, s.source, s.meaning)
            for s in chosen
        ]
        typer.echo("\n".join(table(_HEADER, rows, width=terminal_width())))


def config(config: Config = None) -> None:
    """Print the settings in force as TOML, to be kept and given back with --config.

    `settings` says what each of them means and where it comes from.
    """
    in_force = or_exit(load, config)
    or_exit(catalogues, in_force.detectors, in_force.numbers_of_projects)
    typer.echo("\n".join(_toml(in_force)))


def _of_service(in_force: Settings, layers: Layers) -> Iterator[Setting]:
    """Return the settings of the service; a path as text."""
    meant, bounds = meanings(Settings), meanings(Limits)
    values = in_force.model_dump(mode="json")
    for name, field in Settings.model_fields.items():
        if name in _SECTIONS:
            continue
        default = field.get_default(call_default_factory=True, validated_data={})
        default = str(default) if isinstance(default, Path) else default
        yield _setting((name,), values[name], default, meant[name], layers)
    for name, default in asdict(Limits()).items():
        place = ("limits", name)
        yield _setting(place, values["limits"][name], default, bounds[name], layers)


def _of_detectors(found: Catalogues, layers: Layers, project: str | None) -> Iterator[Setting]:
    chosen = found.usual if project is None else found.of(Hello("", project=project))
    general = meanings(Detector)
    for detector, usual in zip(chosen, CATALOGUE, strict=True):
        meant = {**general, **meanings(type(usual))}
        for field in fields(usual):  # type: ignore[arg-type]  # a Protocol whose members are dataclasses
            value, default = getattr(detector, field.name), getattr(usual, field.name)
            place = ("detectors", detector.name, field.name)
            own = () if project is None else ("projects", project)
            yield _setting(place, value, default, meant[field.name], layers, own)


def _setting(  # noqa: PLR0913, PLR0917 - what a setting is
    place: tuple[str, ...],
    value: Any,
    default: Any,
    meant: Meaning,
    layers: Layers,
    own: tuple[str, ...] = (),
) -> Setting:
    """Return a setting; `own` is the section that is looked at before the general ones."""
    source = (own and _source((*own, *place), layers, " of the project")) or _source(place, layers)
    return Setting(".".join(place), value, default, meant.unit, meant.text, source or "default")


def _source(place: tuple[str, ...], layers: Layers, kind: str = "") -> str:
    """Return the strongest source that has a value at this place; empty: none has."""
    for name, layer in layers.items():
        value: Any = layer
        for part in place:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return f"{name}{kind}"
    return ""


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case float():
            return f"{value:g}"
    return json.dumps(value)


def _toml(in_force: Settings) -> Iterator[str]:
    """Write what is set; a setting without a value is a comment."""
    content = in_force.model_dump(mode="json")
    sections = {name: content.pop(name) for name in _SECTIONS}
    for name, value in content.items():
        yield f"# {name} is not set" if value is None else f"{name} = {json.dumps(value)}"
    yield from _section("limits", sections["limits"])
    for detector, numbers in sections["detectors"].items():
        yield from _section(f"detectors.{detector}", numbers)
    for project, own in sections["projects"].items():
        for detector, numbers in own["detectors"].items():
            yield from _section(f"projects.{json.dumps(project)}.detectors.{detector}", numbers)


def _section(name: str, content: dict[str, Any]) -> Iterator[str]:
    yield f"\n[{name}]"
    for key, value in content.items():
        yield f"{key} = {json.dumps(value)}"
