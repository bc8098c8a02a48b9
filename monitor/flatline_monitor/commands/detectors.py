"""Says of the detectors what they measure, when they fire, and how they are set."""

import inspect
import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Annotated, Any

import typer

from flatline.commands.tables import table, terminal_width
from flatline_monitor.alerts.book import KEEP
from flatline_monitor.commands.shell import AsJson, Config, leave, or_exit
from flatline_monitor.detectors.catalogue import CATALOGUE, configured
from flatline_monitor.detectors.contract import Detector, headline
from flatline_monitor.diagnosis.causes import CAUSES
from flatline_monitor.diagnosis.entry import Entry
from flatline_monitor.diagnosis.infer import FOUND_BY
from flatline_monitor.settings import load

_HEADINGS = ("Statistic", "Fires when", "Must not fire", "Sources")
_DEFAULTS = {detector.name: detector for detector in CATALOGUE}


def detectors(
    name: Annotated[str | None, typer.Argument(help="one of them; default: a list of all")] = None,
    config: Config = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """List the detectors, or say what one measures, when it fires, and how it is set."""
    settings = or_exit(load, config)
    known = {each.name: each for each in or_exit(configured, settings.detectors)}
    if name is not None and name not in known:
        leave(f"there is no detector {name!r}; there are {', '.join(known)}")
    if as_json:
        chosen = _as_json(known[name]) if name else [_as_json(d) for d in known.values()]
        typer.echo(json.dumps(chosen, indent=2))
    else:
        typer.echo("\n".join(_definition(known[name]) if name else _list(known.values())))


def _list(detectors: Iterable[Detector]) -> Iterator[str]:
    rows = [(d.name, ", ".join(d.severities), headline(d)) for d in detectors]
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
        "summary": headline(detector),
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
