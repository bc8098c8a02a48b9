"""What a caller may put behind the question mark, checked once."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from starlette.datastructures import QueryParams

Item = TypeVar("Item")

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 1000


class ParameterError(Exception):
    """A parameter that the API cannot answer; its sentence is shown to the caller."""


def check_names(query: QueryParams, allowed: Collection[str]) -> None:
    """Raise ParameterError for a parameter that is unknown, or given more than once."""
    for name in query:
        if name not in allowed:
            known = ", ".join(sorted(allowed)) or "none"
            message = f"parameter {name} is unknown here; known are {known}"
            raise ParameterError(message)
        if len(query.getlist(name)) > 1:
            message = f"parameter {name} is given more than once; give it once"
            raise ParameterError(message)


def choice(query: QueryParams, name: str, allowed: Collection[str]) -> str | None:
    """Return the parameter's value, None where it is absent; raise ParameterError for others."""
    value = query.get(name)
    if value is not None and value not in allowed:
        message = f"parameter {name} is {value!r}; it can be one of {', '.join(allowed)}"
        raise ParameterError(message)
    return value


def page(
    query: QueryParams, items: Sequence[Item], key: Callable[[Item], str]
) -> tuple[list[Item], str | None]:
    """Return the items that `limit` and `after` ask for, and the `after` of the next page.

    Items are ordered by their key, so that a page does not shift when runs come and go.
    """
    limit = _limit(query.get("limit"))
    after = query.get("after")
    rest = sorted((item for item in items if after is None or key(item) > after), key=key)
    taken = rest[:limit]
    return taken, key(taken[-1]) if len(rest) > limit else None


def _limit(value: str | None) -> int:
    if value is None:
        return DEFAULT_LIMIT
    # int() would take " 1_0 " and the digits of other scripts, and refuses very long numbers.
    if value.isascii() and value.isdigit() and len(value) <= len(str(LARGEST_LIMIT)):
        limit = int(value)
        if 1 <= limit <= LARGEST_LIMIT:
            return limit
    message = f"parameter limit is {value!r}; it can be a whole number from 1 to {LARGEST_LIMIT}"
    raise ParameterError(message)
