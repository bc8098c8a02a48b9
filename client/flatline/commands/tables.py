"""How values look on a terminal: aligned tables without lines, numbers, progress, JSON."""

import json
import math
import shutil
import sys
import unicodedata
from collections.abc import Collection, Iterator, Sequence

from flatline.commands.shapes import Run

ABSENT = "-"
_GAP = "  "
_NARROWEST = 10


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[str] = (),
    width: int | None = None,
) -> Iterator[str]:
    """Return the lines of a table; columns named in `right` are aligned to the right.

    The last column is cut where it would go beyond `width` columns; None: it is not.
    """
    lines = [header, *([cell or ABSENT for cell in row] for row in rows)]
    widths = [max(map(_columns, cells)) for cells in zip(*lines, strict=True)]
    room = None if width is None else width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    for line in lines:
        cells = [
            _padded(cell, widest, to_the_right=name in right)
            for cell, widest, name in zip(line, widths, header, strict=True)
        ]
        last = cells[-1] if room is None else _cut(cells[-1], max(room, _NARROWEST))
        yield _GAP.join([*cells[:-1], last]).rstrip()


def terminal_width() -> int | None:
    """Return how many columns the output has; None: it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def number(value: float | None) -> str:
    """Return a number with six significant digits; NaN and the infinities by name."""
    if value is None:
        return ABSENT
    if math.isfinite(value):
        return f"{value + 0.0:.6g}"  # the sum has no minus before a zero
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def steps(run: Run) -> str:
    """Return how many steps were taken, and of how many: 240/800."""
    return _taken(run.step, run.plan_steps)


def epochs(run: Run) -> str:
    """Return in which epoch the run is, and of how many: 3/20."""
    return _taken(run.epoch, run.plan_epochs)


def as_json(content: object) -> Iterator[str]:
    """Return lines of JSON, in ASCII: what is foreign in it does nothing to a terminal."""
    yield from json.dumps(content, indent=2).splitlines()


def _taken(last: int | None, planned: int | None) -> str:
    if last is None:
        return ABSENT
    # What is last is counted from 0.
    return str(last + 1) if planned is None else f"{last + 1}/{planned}"


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _padded(text: str, widest: int, *, to_the_right: bool) -> str:
    space = " " * (widest - _columns(text))
    return space + text if to_the_right else text + space


def _cut(text: str, room: int) -> str:
    if _columns(text.rstrip()) <= room:
        return text.rstrip()
    taken = 1  # for the sign that something is missing
    for i, character in enumerate(text):
        taken += _width(character)
        if taken > room:
            return text[:i] + "…"
    return text
