"""How values look on a page."""

import math
from datetime import UTC, datetime
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

ABSENT = "–"  # noqa: RUF001 - an en dash, as tables of numbers have it


def number(value: float | None) -> str:
    """Return a number with six significant digits; NaN and the infinities by name."""
    if value is None:
        return ABSENT
    if isinstance(value, int):
        return str(value)
    if math.isfinite(value):
        return f"{value:.6g}"
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def moment(seconds: float | None) -> str:
    """Return a server time, in seconds since 1970, as UTC to the second."""
    if seconds is None:
        return ABSENT
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def taken(step: int | None) -> int | None:
    """Return how many steps were taken when `step`, counted from 0, was the last."""
    return None if step is None else step + 1


def percent(share: float) -> str:
    """Return a share in whole percents."""
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def words(name: str) -> str:
    """Return a name of ours, such as a detector's, as words."""
    return name.replace("_", " ")


def environment() -> Environment:
    """Return the templates of this package; whatever they insert is escaped."""
    templates = Environment(
        loader=PackageLoader("flatline_monitor.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "number": number,
        "moment": moment,
        "taken": taken,
        "percent": percent,
        "words": words,
        "address": lambda part: quote(part, safe=""),
    }
    return templates
