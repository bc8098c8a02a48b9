"""What each setting may be: one function each, which returns the value or says what is wrong.

The sentence of the ValueError goes on after the setting's name: "is 3; it must be ...".
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import SupportsIndex, get_args

from flatline.names import RUN_ID
from flatline.rows import Task, Variable
from flatline.say import shown

_TARGET = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_HIGHEST_PORT = 65535
_TAGS = 32
_NOT_IN_LABELS = ("Cc", "Cf", "Cs", "Zl", "Zp")
_DETECTOR = re.compile(r"[a-z][a-z0-9_]{0,63}")
TASKS = ("auto", *(task for task in get_args(Task) if task != "unspecified"))
MODES = ("online", "disabled")


def wrong(value: object, right: str) -> ValueError:
    """Return the error for a value, given what would be right."""
    return ValueError(f"is {shown(value)}; it must be {right}")


def target(value: object) -> str:
    """HOST:PORT, without a scheme."""
    match = _TARGET.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[2]) <= _HIGHEST_PORT:
        raise wrong(value, "HOST:PORT without a scheme, for example 127.0.0.1:7511")
    return match[0]


def label(value: object) -> str:
    """A line for people, of at most 128 bytes."""
    if not isinstance(value, str) or not _is_label(value, 128):
        raise wrong(value, "a text of at most 128 bytes without control characters")
    return value


def tags(value: object) -> dict[str, str]:
    """At most 32 pairs of texts."""
    right = "at most 32 pairs of text, keys of at most 64 and values of at most 256 bytes"
    if not isinstance(value, Mapping) or len(value) > _TAGS:
        raise wrong(value, right)
    for key, text in value.items():
        if not (isinstance(key, str) and key and _is_label(key, 64)):
            raise wrong(value, right)
        if not (isinstance(text, str) and _is_label(text, 256)):
            raise wrong(value, right)
    return dict(value)


def run_id(value: object) -> str:
    """What the monitor takes as the id of a run."""
    if not isinstance(value, str) or RUN_ID.fullmatch(value) is None:
        raise wrong(value, "1 to 64 letters, digits, '.', '_' and '-', the first of them no sign")
    return value


def overhead(value: object) -> float:
    """A share of the training's time."""
    return _number(value, lambda number: 0 < number <= 1, "a number above 0 and up to 1")


def seconds(value: object) -> float:
    """A length of time."""
    return _number(value, lambda number: 0 <= number, "a number of seconds, 0 or more")  # noqa: SIM300 - reads like the sentence beside it


def flag(value: object) -> bool:
    """Yes or no."""
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    known = value if isinstance(value, bool) else words.get(str(value).strip().lower())
    if known is None:
        raise wrong(value, "true or false")
    return known


def task(value: object) -> str:
    """What is being learned."""
    return _one_of(value, TASKS)


def mode(value: object) -> str:
    """Whether numbers are sent at all."""
    if value == "offline":
        message = "is 'offline', which is not there yet; it must be one of online, disabled"
        raise ValueError(message)
    return _one_of(value, MODES)


def quiet(value: object) -> tuple[str, ...]:
    """Names of detectors."""
    right = "names of detectors, for example ('overfitting', 'plateau')"
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise wrong(value, right)
    names = tuple(value)
    if not all(isinstance(name, str) and _DETECTOR.fullmatch(name) for name in names):
        raise wrong(value, right)
    return names


def rank(value: object) -> int:
    """An index from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise wrong(value, "a whole number, 0 or more")
    return value


def world_size(value: object) -> int:
    """A number of processes."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**32:
        raise wrong(value, "a whole number, 1 or more")
    return value


def token_file(value: object) -> str:
    """A file that holds a token and can be read now; it is read again for each connection."""
    if not isinstance(value, (str, Path)):
        raise wrong(value, "the path of a file that holds the token")
    read_token(str(value))
    return str(value)


def plan_steps(value: object) -> int | None:
    """A number of steps, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, SupportsIndex) or value.__index__() < 1:
        message = f"plan_steps {wrong(value, 'a whole number of steps, 1 or more')}"
        raise ValueError(message)
    return value.__index__()


def variables(values: object) -> tuple[Variable, ...]:
    """Trainable arrays, or their names."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        message = f"variables {wrong(values, 'a sequence of names or of rows.Variable')}"
        raise ValueError(message)  # noqa: TRY004 - all wrong arguments raise the same
    arrays = []
    for index, value in enumerate(values):
        array = Variable(value) if isinstance(value, str) else value
        if not isinstance(array, Variable) or not array.path:
            message = f"variables[{index}] {wrong(value, 'a name or a rows.Variable')}"
            raise ValueError(message)
        arrays.append(array)
    return tuple(arrays)


def read_token(path: str) -> str:
    """Return the token in the file; ValueError says why there is none, never what it is."""
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except OSError as error:
        message = f"is {path!r}, which cannot be read: {error.strerror}"
        raise ValueError(message) from None
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable():
        message = f"is {path!r}; the file must hold one token in printable ASCII"
        raise ValueError(message)
    return token


def _is_label(text: str, bytes_at_most: int) -> bool:
    """Whether the text is short enough and free of control, format and line-ending characters."""
    if any(unicodedata.category(c) in _NOT_IN_LABELS for c in text):
        return False
    return len(text.encode()) <= bytes_at_most


def _number(value: object, fits: Callable[[float], bool], right: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(value, right)
    if not (math.isfinite(value) and fits(value)):
        raise wrong(value, right)
    return float(value)


def _one_of(value: object, names: tuple[str, ...]) -> str:
    if value not in names:
        raise wrong(value, f"one of {', '.join(names)}")
    return str(value)
