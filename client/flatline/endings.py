"""Ends runs that the program did not end, and keeps a forked child from sending for its parent."""

import atexit
import os
import sys
import time
import weakref
from typing import Protocol

from flatline.redact import words_of
from flatline.rows import Ending

SECONDS = 5.0
"""What all runs together may take when the interpreter exits."""


class Endable(Protocol):
    """A run, as far as this file knows it."""

    def end_at_exit(self, ending: Ending, seconds: float) -> None:
        """End the run as the program ends."""

    def forget(self) -> None:
        """Do nothing any more: this is a forked child."""


_open: dict[int, Endable] = {}
"""Runs that were not finished; kept alive until they are."""
_all: "weakref.WeakSet[Endable]" = weakref.WeakSet()
_hooked = False


def opened(run: Endable) -> None:
    """Remember a run that will need an end."""
    global _hooked  # noqa: PLW0603 - hooks of the interpreter can be set only once
    _open[id(run)] = run
    _all.add(run)
    if not _hooked:
        _hooked = True
        atexit.register(_end_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forget_all)


def closed(run: Endable) -> None:
    """Forget a run that has ended."""
    _open.pop(id(run), None)


def how(error: BaseException | None) -> Ending:
    """Return the end of a program that ends with this error."""
    match error:
        case None | SystemExit(code=None | 0):
            return Ending()
        case KeyboardInterrupt():
            return Ending("interrupted", "KeyboardInterrupt")
    return Ending("failed", type(error).__name__, words_of(error))


def _end_all() -> None:
    ending = how(_fatal_error())
    deadline = time.monotonic() + SECONDS
    for run in list(_open.values()):
        run.end_at_exit(ending, max(0.0, deadline - time.monotonic()))


def _fatal_error() -> BaseException | None:
    """Return what ended the program; in an interactive session an old error says nothing."""
    if hasattr(sys, "ps1") or sys.flags.interactive:
        return None
    error: BaseException | None = getattr(sys, "last_exc", None)  # Python 3.12
    return error if error is not None else getattr(sys, "last_value", None)


def _forget_all() -> None:
    runs = list(_all)
    _open.clear()
    for run in runs:
        run.forget()
