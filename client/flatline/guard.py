"""Keeps flatline's own failures out of the training."""

import functools
import logging
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

from flatline.say import say

P = ParamSpec("P")
T = TypeVar("T")


class Guard:
    """Swallows every Exception of what it guards, and logs the first with its traceback.

    `with guard:` may be used many times, on several threads; `@guard` guards a function, which is
    no longer called once something failed, and then returns None. KeyboardInterrupt and SystemExit
    pass: they are meant for the training.
    """

    def __init__(self, part: str) -> None:
        self._part = part
        self.broken = False
        """Whether something has failed here: the part is off."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Say whether the error stops here."""
        if not isinstance(error, Exception):
            return False
        if not self.broken:
            self.broken = True
            say(f"{self._part} failed and is off; training goes on", logging.ERROR, error)
        return True

    def __call__(self, function: Callable[P, T]) -> Callable[P, T | None]:
        """Return the function, guarded."""

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T | None:
            if not self.broken:
                with self:
                    return function(*args, **kwargs)
            return None

        return guarded
