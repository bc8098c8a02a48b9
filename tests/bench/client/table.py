"""The one table of the benchmark: what was measured, beside what it may be."""

from dataclasses import dataclass

from tests.bench.client.blocks import Spread

FEW = 5
"""Fewer values than these tell nothing of their own error."""


@dataclass(frozen=True)
class Line:
    """One measured value; the texts are shown as they are."""

    model: str
    what: str
    value: str
    share: str = ""
    bar: str = ""
    holds: str = ""
    note: str = ""


def judged(value: Spread, bar: float) -> str:
    """Say whether a median is within its bar; with a question mark where its error hides that."""
    answer = within(value.median, bar)
    surely = value.count >= FEW and abs(value.median - bar) > 2 * value.error
    return answer if surely else f"{answer}?"


def within(value: float, bar: float) -> str:
    """Say the same of a number without a spread."""
    return "yes" if value <= bar else "NO"


def us(value: Spread) -> str:
    """Return an additional time in microseconds, with its quartiles."""
    median, low, high = (1e6 * each for each in (value.median, value.low, value.high))
    return f"{median:+.1f} us ({low:+.1f} .. {high:+.1f})"


def percent(value: Spread) -> str:
    """Return a share, with its quartiles."""
    return f"{value.median:+.2%} ({value.low:+.2%} .. {value.high:+.2%})"


HEADS = ("model", "what", "measured: median (quartiles)", "of the step", "bar", "holds", "note")


def text(lines: list[Line]) -> str:
    """Return the table as Markdown that is aligned for a terminal too."""
    cells = [HEADS, *(tuple(vars(line).values()) for line in lines)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(HEADS))]
    rows = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    rows.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(rows) + "\n"
