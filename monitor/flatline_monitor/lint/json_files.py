"""Logs as JSON: a Keras `History`, the `trainer_state.json` of Hugging Face, rows as objects."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flatline_monitor.lint.log import LintError, Table
from flatline_monitor.lint.numbers import numbers, value

SUMMARY = "train_runtime"
"""Hugging Face closes a training with a row of totals, which is no step."""


def read(name: str, text: str) -> list[Table]:
    """Return the training of a JSON document, or of one JSON object a line.

    Raises LintError where it is neither rows nor columns of numbers.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        document = _lines(name, text, error)
    if isinstance(document, dict) and isinstance(document.get("log_history"), list):
        return [Table(name, "Hugging Face", _rows(document["log_history"]))]
    if isinstance(document, dict) and isinstance(document.get("history"), dict):
        document = document["history"]
    if isinstance(document, list) and any(isinstance(row, dict) for row in document):
        hugging = any(isinstance(row, dict) and "eval_loss" in row for row in document)
        return [Table(name, "Hugging Face" if hugging else "JSON", _rows(document))]
    if isinstance(document, dict):
        columns = {key: each for key, each in document.items() if _is_column(each)}
        if columns:
            return [Table(name, "Keras History", _transposed(columns))]
    keys = ", ".join(list(document)[:6]) if isinstance(document, dict) else type(document).__name__
    msg = (
        f"{name} is JSON without a log in it (it holds {keys}); a log is a Keras History (lists of "
        "numbers by name), a trainer_state.json (log_history) or a list of rows"
    )
    raise LintError(msg)


def _lines(name: str, text: str, error: ValueError) -> list[Any]:
    """Return the objects of a file with one of them a line; the last may be torn."""
    found = []
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            found.append(json.loads(line))
        except ValueError:
            if number < len(lines) or not found:
                msg = f"{name} begins like JSON and is none: {error}"
                raise LintError(msg) from error
    return found


def _rows(rows: Sequence[object]) -> tuple[Mapping[str, float], ...]:
    return tuple(numbers(row) for row in rows if isinstance(row, dict) and SUMMARY not in row)


def _is_column(found: object) -> bool:
    return (
        isinstance(found, list)
        and bool(found)
        and all(each is None or value(each) is not None for each in found)
    )


def _transposed(columns: Mapping[str, Sequence[object]]) -> tuple[Mapping[str, float], ...]:
    longest = max(len(column) for column in columns.values())
    axis = {} if any(name in columns for name in ("epoch", "step")) else {"epoch": 0}
    return tuple(
        {
            **dict.fromkeys(axis, float(i)),
            **numbers({name: each[i] for name, each in columns.items() if i < len(each)}),
        }
        for i in range(longest)
    )
