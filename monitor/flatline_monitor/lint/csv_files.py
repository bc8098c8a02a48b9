"""Logs as text tables: Keras CSVLogger, exports of W&B and MLflow, and any other CSV."""

import csv
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from flatline_monitor.lint.log import FORMATS, LintError, Table
from flatline_monitor.lint.numbers import cell

DELIMITERS = ",;\t|"
BETWEEN = r"[,;\t| ]+"
LONG = ({"key", "value", "step"}, {"metric", "value", "step"})
"""Headers of a table with one number a line, as MLflow exports them."""
RUNS = ("run_id", "run_uuid", "run id", "run")
OF_A_RUN = " - "
"""W&B writes "name of the run - name of the metric"."""


def read(name: str, text: str) -> list[Table]:
    """Return the trainings of a text table, one for each run in it.

    Raises LintError where the text is no table with a line of names above its numbers.
    """
    header, rows = _split(name, text)
    lower = {column.strip().lower(): column for column in header}
    for wanted in LONG:
        if wanted <= lower.keys():
            return _long(name, rows, lower, key=lower[min(wanted - {"value", "step"})])
    if any(OF_A_RUN in column for column in header):
        return _of_runs(name, header, rows)
    told = [_numbers(row) for row in rows]
    if not any(told):
        msg = f"{name} is text without a table of numbers; a log is {FORMATS}"
        raise LintError(msg)
    if "_step" in header:
        return [Table(name, "W&B", tuple(told))]
    by_run = next((lower[each] for each in RUNS if each in lower), None)
    if by_run is not None and len(runs := dict.fromkeys(row.get(by_run, "") for row in rows)) > 1:
        return [
            Table(
                f"{name}[{run}]",
                "CSV",
                tuple(_numbers(row) for row in rows if row.get(by_run, "") == run),
            )
            for run in runs
        ]
    keras = header[0] == "epoch" and "val_loss" in header
    return [Table(name, "Keras CSVLogger" if keras else "CSV", tuple(told))]


def _split(name: str, text: str) -> tuple[list[str], list[dict[str, str]]]:
    told = [line for line in text.splitlines() if line.strip()]
    lines = [line for line in told if not line.startswith("#")]
    if (
        len(told) > len(lines)
        and lines
        and cell(re.split(BETWEEN, lines[0].strip())[0]) is not None
    ):
        named = max(i for i, line in enumerate(told) if line.startswith("#"))
        lines = [told[named].lstrip("# "), *lines]  # the names are a comment
    delimiter = max(DELIMITERS, key=lines[0].count) if lines else ""
    try:
        if lines and delimiter not in lines[0]:
            table = [line.split() for line in lines]
        else:
            table = list(csv.reader(lines, delimiter=delimiter or ","))
    except csv.Error as error:
        msg = f"{name} is no table that can be read: {error}"
        raise LintError(msg) from error
    if not table:
        msg = f"{name} is empty; a log is {FORMATS}"
        raise LintError(msg)
    header = [column.strip() for column in table[0]]
    if all(cell(column) is not None or not column for column in header):
        msg = f"{name} has no names above its columns; the first line is {lines[0][:60]!r}"
        raise LintError(msg)
    return header, [dict(zip(header, row, strict=False)) for row in table[1:]]


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    told = {name: cell(text) for name, text in row.items() if name}
    return {name: number for name, number in told.items() if number is not None}


def _long(
    name: str, rows: Sequence[Mapping[str, str]], lower: Mapping[str, str], key: str
) -> list[Table]:
    """Put the numbers of one step of one run side by side."""
    by_run = next((lower[each] for each in RUNS if each in lower), None)
    runs: dict[str, dict[float, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        step, number = cell(row.get(lower["step"], "")), cell(row.get(lower["value"], ""))
        if step is not None and number is not None:
            run = row.get(by_run, "") if by_run else ""
            runs[run][step][row.get(key, "")] = number
    several = len(runs) > 1
    return [
        Table(f"{name}[{run}]" if several else name, "MLflow", by_step(steps))
        for run, steps in runs.items()
    ]


def by_step(steps: Mapping[float, Mapping[str, float]]) -> tuple[Mapping[str, float], ...]:
    """Return one row for each step, in ascending order."""
    return tuple({"step": step, **steps[step]} for step in sorted(steps))


def _of_runs(name: str, header: Iterable[str], rows: Sequence[Mapping[str, str]]) -> list[Table]:
    """Take the columns of each run apart; the extremes that W&B writes beside them are left out."""
    shared = [column for column in header if OF_A_RUN not in column]
    runs: dict[str, dict[str, str]] = defaultdict(dict)
    for column in header:
        run, dash, metric = column.rpartition(OF_A_RUN)
        if dash and not metric.endswith(("__MIN", "__MAX")):
            runs[run][column] = metric
    return [
        Table(f"{name}[{run}]" if len(runs) > 1 else name, "W&B", _told(rows, shared, metrics))
        for run, metrics in runs.items()
    ]


def _told(
    rows: Sequence[Mapping[str, str]], shared: Sequence[str], metrics: Mapping[str, str]
) -> tuple[Mapping[str, float], ...]:
    kept = []
    for row in rows:
        own = _numbers({metric: row.get(column) or "" for column, metric in metrics.items()})
        axes = _numbers({column: row.get(column) or "" for column in shared})
        step = {key: axis for key, axis in axes.items() if math.isfinite(axis)}
        if own:
            kept.append({**step, **own})
    return tuple(kept)
