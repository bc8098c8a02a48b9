"""Says how the monitor is set."""

import json
from collections.abc import Iterator
from typing import Any

import typer

from flatline_monitor.commands.shell import Config, or_exit
from flatline_monitor.detectors.catalogue import catalogues
from flatline_monitor.settings import Settings, load


def config(config: Config = None) -> None:
    """Print the settings in force as TOML, to be kept and given back with --config."""
    settings = or_exit(load, config)
    or_exit(catalogues, settings.detectors, settings.numbers_of_projects)
    typer.echo("\n".join(_toml(settings)))


def _toml(settings: Settings) -> Iterator[str]:
    """Write what is set; a setting without a value is a comment."""
    content = settings.model_dump(mode="json")
    sections = {name: content.pop(name) for name in ("limits", "detectors", "projects")}
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
