"""Says what each detector compared over a recorded run, and why silent ones were silent."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from flatline.commands.tables import as_json as lines_of_json
from flatline.commands.tables import table, terminal_width
from flatline_monitor.alerts.report import AlertReport, RunReport
from flatline_monitor.backtest.judging import judged
from flatline_monitor.backtest.trace import Point, Trace, silence, thinned
from flatline_monitor.backtest.watched import Gate
from flatline_monitor.commands import journals
from flatline_monitor.commands.journals import Journal, shown
from flatline_monitor.commands.shell import AsJson, Config, DataDir, leave, or_exit
from flatline_monitor.detectors.catalogue import CATALOGUE, catalogues
from flatline_monitor.detectors.contract import Finding
from flatline_monitor.ingest.decode import decode
from flatline_monitor.settings import load

_ROWS = 40
"""Points that a table shows unless it is asked for more."""
_NAMED = 3
"""Things of each kind that one line names."""

Points = Mapping[str, Sequence[Point]]
Key = tuple[tuple[str, ...], str]


def explain(  # noqa: PLR0913, PLR0917 - one argument for each flag
    run: journals.Run,
    detector: Annotated[
        str | None, typer.Argument(help="one of them, point by point; default: a line for each")
    ] = None,
    every: Annotated[int | None, typer.Option(min=1, help="one of so many points")] = None,
    everything: Annotated[bool, typer.Option("--all", help="all points")] = False,  # noqa: FBT002 - a flag
    config: Config = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Say what the detectors compared over a recorded run, and why the silent ones are silent.

    The run is judged again with the settings in force. `!` marks the comparison that alone kept
    the detector from a finding: with the other answer it would have been one.
    """
    settings = or_exit(load, config, {"data_dir": data_dir})
    detectors = or_exit(catalogues, settings.detectors, settings.numbers_of_projects)
    names = [each.name for each in CATALOGUE]
    if detector is not None and detector not in names:
        leave(f"there is no detector {detector!r}; there are {', '.join(names)}")

    def traced(journal: Journal) -> tuple[RunReport, Points]:
        trace = Trace(None if detector is None else {detector})
        report = judged(journal, decode, detectors, ask=trace.ask, heard=trace.heard)
        return report, trace.points

    shapes = []
    for journal in or_exit(lambda: list(journals.journals(run, settings.data_dir))):
        report, points = or_exit(journals.readable, traced, journal)
        if as_json:
            shapes.append(_shape(report, points, detector))
        elif detector is None:
            typer.echo("\n".join(_overview(report, points)))
        else:
            step = every or (1 if everything else -(-len(points[detector]) // _ROWS) or 1)
            typer.echo("\n".join(_course(report, detector, points[detector], step)))
    if as_json:
        typer.echo("\n".join(lines_of_json(shapes)))


def _overview(report: RunReport, points: Points) -> Iterator[str]:
    yield f"{journals.heading(report)}\n"
    rows = [
        (alert.detector, _stands(alert), _why(points.get(alert.detector, ())))
        for alert in report.alerts
    ]
    yield from table(("DETECTOR", "ALERT", "OVER THE RUN"), rows, width=terminal_width())


def _stands(alert: AlertReport) -> str:
    since = "" if alert.since_step is None else f" since {alert.since_step}"
    return f"{alert.state}{f' {alert.severity}' if alert.severity else ''}{since}"


def _why(points: Sequence[Point]) -> str:
    """Say what a detector said how often, and by what it was held back where it saw nothing."""
    if not points:
        return "never asked"
    seen = silence(points)
    commonest = next(iter(seen.said))
    ends = "" if points[-1].said == commonest else f"; {points[-1].said} at last"
    parts = [f"{name} {count}" for name, count in seen.said.items()]
    parts[0] += f" of {len(points)}"
    gates = _named("held back by", seen.held_back) or _named("as far as", seen.ended)
    told = [f"{part}: {gates}" if gates and part.startswith("clear") else part for part in parts]
    return "; ".join(told) + ends


def _named(how: str, gates: Sequence[tuple[int, Gate]]) -> str:
    told = ", ".join(f"{_reads(gate)} ({count})" for count, gate in gates[:_NAMED])
    return f"{how} {told}" if told else ""


def _reads(gate: Gate) -> str:
    """Return a comparison in words: "certainty 0.43, beside drop_floor 0.02"."""
    return f"{gate.statistic} {shown(gate.value)} beside {_setting(gate)} {shown(gate.limit)}"


def _setting(gate: Gate) -> str:
    return "+".join(gate.settings)


def _course(report: RunReport, name: str, points: Sequence[Point], every: int) -> Iterator[str]:
    """Write a detector's verdicts over the run, with all that it compared."""
    yield journals.heading(report)
    alert = next(each for each in report.alerts if each.detector == name)
    yield f"{name}: {_stands(alert)}; {_why(points)}"
    if any(not point.looked.visible for point in points):
        yield "at some points it cannot be watched, so that what it compared there is not shown"
    if not points:
        return
    compared = [_cells(point) for point in points]
    keys = list(dict.fromkeys(key for cells in compared for key in cells))
    yield ""
    rows = [
        [str(point.step), point.said, *(cells.get(key, "") for key in keys)]
        for point in thinned(points, every)
        for cells in [_cells(point)]
    ]
    yield from table(("STEP", "VERDICT", *map(_heading, keys)), rows, right=("STEP",))
    if every > 1:
        yield f"\none of {every} points, the gravest of each; --every N or --all shows more"


def _cells(point: Point) -> dict[Key, str]:
    """Return what was compared at a point, each thing once under the name that it had first."""
    gates = {(g.settings, g.value, g.limit): g for g in reversed(point.looked.gates)}
    cells = {_key(gate): _cell(gate) for gate in reversed(gates.values())}
    if point.looked.held_back is not None:
        cells[_key(point.looked.held_back)] = f"{_cell(point.looked.held_back)} !"
    return cells


def _key(gate: Gate) -> Key:
    return gate.settings, gate.statistic


def _heading(key: Key) -> str:
    settings, statistic = key
    return f"{statistic} | {'+'.join(settings)}"


def _cell(gate: Gate) -> str:
    """Return the value beside its limit, with the relation that they really have."""
    if math.isnan(gate.value):
        return "nan"
    relation = gate.relation if gate.holds else _OTHERWISE[gate.relation]
    return f"{shown(gate.value)} {relation} {shown(gate.limit)}"


_OTHERWISE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _shape(report: RunReport, points: Points, detector: str | None) -> dict[str, Any]:
    """Return a run for programs; of one detector with its points, else with counts alone."""
    return {
        "run": report.run_id,
        "name": report.hello.name,
        "project": report.hello.project,
        "task": report.hello.task.value,
        "quiet": list(report.hello.quiet),
        "step": report.step,
        "detectors": [
            {
                "name": alert.detector,
                "state": alert.state.value,
                "severity": alert.severity,
                "since_step": alert.since_step,
                **_counts(points.get(alert.detector, ())),
                **({} if detector is None else {"points": list(map(_point, points[detector]))}),
            }
            for alert in report.alerts
            if detector in {None, alert.detector}
        ],
    }


def _counts(points: Sequence[Point]) -> dict[str, Any]:
    seen = silence(points)
    return {
        "judged_points": len(points),
        "said": dict(seen.said),
        "last_said": points[-1].said if points else None,
        "held_back_by": [{"times": count, "last": _gate(gate)} for count, gate in seen.held_back],
        "as_far_as": [{"times": count, "last": _gate(gate)} for count, gate in seen.ended],
    }


def _point(point: Point) -> dict[str, Any]:
    held_back = point.looked.held_back
    return {
        "step": point.step,
        "verdict": point.said,
        "summary": point.verdict.summary if isinstance(point.verdict, Finding) else None,
        "gates": [_gate(gate) for gate in point.looked.gates],
        "held_back_by": None if held_back is None else _gate(held_back),
        "gates_visible": point.looked.visible,
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return {
        "settings": list(gate.settings),
        "statistic": gate.statistic,
        "value": _finite(gate.value),
        "relation": gate.relation,
        "limit": _finite(gate.limit),
        "holds": gate.holds,
    }


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else shown(value)
