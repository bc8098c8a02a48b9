"""`flatline runs`: the runs that the monitor knows, one a line."""

from collections.abc import Callable, Iterator

from flatline.commands.api import Monitor
from flatline.commands.shapes import Run, read_run
from flatline.commands.tables import as_json, number, steps, table, terminal_width

_HEADER = ("RUN", "NAME", "PROJECT", "STATE", "VERDICT", "STEPS", "LOSS", "ALERT")


def runs(
    monitor: Monitor, *, state: str | None, raw: bool, note: Callable[[str], None]
) -> Iterator[str]:
    """Return the lines, ordered by id; `raw`: as the API gives them."""
    found = [run for run in map(read_run, monitor.runs()) if state in (None, run.state)]
    if raw:
        yield from as_json([run.raw for run in found])
    elif found:
        rows = [_row(run) for run in found]
        yield from table(_HEADER, rows, right=("STEPS", "LOSS"), width=terminal_width())
    else:
        note(f"no {f'{state} ' if state else ''}runs at {monitor.url}")


def _row(run: Run) -> tuple[str, ...]:
    return (
        run.id,
        run.name,
        run.project,
        run.state,
        run.level,
        steps(run),
        number(run.loss),
        _worst(run),
    )


def _worst(run: Run) -> str:
    """Return the worst alert that fires, and how many others do."""
    if not run.worst:
        return ""
    worst, *others = run.worst
    return f"{worst.severity} {worst.detector}" + (f" and {len(others)} more" if others else "")
