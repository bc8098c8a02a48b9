"""Numbers as logs have them: an empty cell is absent, and nan is a measurement."""

import math
from collections.abc import Mapping

ABSENT = frozenset({"", "-", "--", "none", "null", "na", "n/a", "<na>"})


def cell(text: str) -> float | None:
    """Return the number of a cell of text; None: it holds none."""
    text = text.strip().strip("\"'")
    if text.lower() in ABSENT:
        return None
    if text.lower().startswith(("tensor(", "tf.tensor(", "array(", "[")):
        text = text.partition("(")[2] or text
        text = text.strip("[]()").partition(",")[0].strip("[]() ")
    share = text.endswith("%")
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        return None
    return number / 100 if share else number


def value(found: object) -> float | None:
    """Return the number that a JSON document has somewhere; None: it is something else."""
    if isinstance(found, bool) or found is None:
        return None
    if isinstance(found, int | float):
        return float(found)
    if isinstance(found, str) and found.strip().lower() in {"nan", "inf", "-inf", "infinity"}:
        return float(found)
    return None


def numbers(found: Mapping[str, object]) -> dict[str, float]:
    """Return those entries of a JSON object that are numbers."""
    told = {name: value(each) for name, each in found.items()}
    return {name: number for name, number in told.items() if number is not None}


def is_whole(number: float) -> bool:
    """Say whether it is a whole number."""
    return math.isfinite(number) and number == int(number)
