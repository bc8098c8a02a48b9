"""Checks of single values that came from outside; each raises RefusedError or returns."""

import re

from flatline_monitor.ingest.reasons import Reason
from flatline_monitor.runs.records import RefusedError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHOWN = 64
"""Characters of a refused text that its refusal repeats."""

MAX_STEP = 2**62
"""Steps beyond this are no steps; sums of two of them still fit an int64."""


def shown(text: str) -> str:
    """Return a text from outside as a message may repeat it: quoted, ASCII, short."""
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def text(place: str, value: str, limit: int, *, required: bool = False) -> str:
    """Return a text of at most `limit` bytes without control characters."""
    size = len(value.encode())
    if required and not size:
        raise RefusedError(Reason.INVALID_NAME, f"{place} is empty; it must name something")
    if size > limit:
        raise RefusedError(
            Reason.INVALID_NAME,
            f"{place} {shown(value)} has {size} bytes; at most {limit} are taken",
        )
    if _CONTROL.search(value):
        raise RefusedError(
            Reason.INVALID_NAME,
            f"{place} {shown(value)} holds a control character; use printable characters only",
        )
    return value


def cleaned(value: str, limit: int) -> str:
    """Return a text as one line, cut to `limit` bytes; control characters become blanks."""
    line = " ".join(_CONTROL.sub(" ", value).split())
    return line.encode()[:limit].decode(errors="ignore")


def run_id(value: str) -> str:
    """Return a run id that is one."""
    if not value:
        raise RefusedError(Reason.INVALID_HELLO, "hello.run_id is empty; it must name the run")
    if not _RUN_ID.fullmatch(value):
        raise RefusedError(
            Reason.INVALID_NAME,
            f"hello.run_id {shown(value)} is no run id; it must be 1 to 64 letters, digits, "
            "'.', '_' or '-' and begin with a letter or a digit",
        )
    return value


def count(reason: Reason, place: str, value: int, limit: int) -> int:
    """Return a count that is at most its limit."""
    if value > limit:
        raise RefusedError(reason, f"{place}: {value}; at most {limit} are taken")
    return value


def step(reason: Reason, place: str, value: int) -> int:
    """Return a step, which is 0 or more."""
    if not 0 <= value <= MAX_STEP:
        raise RefusedError(reason, f"{place} is {value}; a step is 0 or more, and below 2**62")
    return value
