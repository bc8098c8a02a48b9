"""Numbers that take note of what they are compared with, and count as the numbers that they are.

A detector's fields are its limits. Asked with fields of these types its `check` computes what it
always does, and each comparison that a field takes part in is noted: also one of what was made of
a field by arithmetic, in a helper as well as in the detector, with a number or an array. Which
comparison it is, in words, is read from the source at the place of the running instruction; those
within `max` or `min` choose a limit, and are no gates.
"""

import ast
import dis
import functools
import linecache
import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, TypeAlias

import numpy as np

Number: TypeAlias = Any
"""A number or an array of them, whether it takes notes or not."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One comparison with a limit; of an array the element that is farthest beyond it, or nearest.

    It reads: value, relation, limit.
    """

    settings: tuple[str, ...]
    """Fields of the detector that the limit was made of."""
    statistic: str
    """What was compared with it, as the source has it; empty: the source is not there."""
    value: float
    relation: str
    limit: float
    holds: bool
    """Of an array: for any element."""


@dataclass(slots=True)
class Notes:
    """The comparisons of one question, in their order."""

    turned: int | None = None
    """Number of the comparison that is answered the other way round; None: none is."""
    gates: list[Gate] = field(default_factory=list)

    def compared(self, relation: str, left: Number, right: Number) -> Any:
        """Compare, note it, and return what Python or numpy returns."""
        outcome = _RELATIONS[relation](plain(left), plain(right))
        code, at = _caller(sys._getframe(1))  # noqa: SLF001 - the place in the source
        on_the_right = isinstance(right, Watching)
        statistic = _statistic(code, at, relation, on_the_right=on_the_right)
        if statistic is None:
            return outcome
        if not on_the_right:
            left, right, relation = right, left, _SWAPPED[relation]
        names = right._names  # noqa: SLF001 - of this module
        value, limit = _decisive(plain(left), plain(right), relation)
        holds = bool(np.any(outcome))
        self.gates.append(Gate(names, statistic, value, relation, limit, holds))
        if self.turned != len(self.gates) - 1:
            return outcome
        return np.full_like(outcome, not holds) if isinstance(outcome, np.ndarray) else not holds


class Watching:
    """What all numbers that take notes have in common; beside it stands the type of the number."""

    _names: tuple[str, ...]
    _notes: Notes

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Answer numpy: a comparison is noted, and what else is computed goes on taking notes."""
        if method == "__call__" and ufunc in _UFUNCS and not kwargs:
            return self._notes.compared(_UFUNCS[ufunc], *inputs)
        made = getattr(ufunc, method)(*map(plain, inputs), **kwargs)
        return made if method != "__call__" or kwargs else derived(made, *inputs)

    def __lt__(self, other: Number) -> Any:
        return self._notes.compared("<", self, other)

    def __le__(self, other: Number) -> Any:
        return self._notes.compared("<=", self, other)

    def __gt__(self, other: Number) -> Any:
        return self._notes.compared(">", self, other)

    def __ge__(self, other: Number) -> Any:
        return self._notes.compared(">=", self, other)

    def __neg__(self) -> Any:
        return derived(-plain(self), self)

    def __abs__(self) -> Any:
        return derived(abs(plain(self)), self)


def _forward(do: Callable[[Any, Any], Any]) -> Callable[[Any, Number], Any]:
    return lambda self, other: derived(do(plain(self), plain(other)), self, other)


def _reflected(do: Callable[[Any, Any], Any]) -> Callable[[Any, Number], Any]:
    return lambda self, other: derived(do(plain(other), plain(self)), self, other)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    setattr(Watching, f"__{_name}__", _forward(getattr(operator, _name)))
    setattr(Watching, f"__r{_name}__", _reflected(getattr(operator, _name)))


class _Float(Watching, float):
    pass


class _Int(Watching, int):
    pass


class _Double(Watching, np.float64):
    pass


class _Array(Watching, np.ndarray):
    def __array_finalize__(self, whole: Any) -> None:
        """Parts of an array take the same notes."""
        self._names, self._notes = getattr(whole, "_names", ()), getattr(whole, "_notes", Notes())


_KINDS: Mapping[type, type] = {float: _Float, int: _Int, np.float64: _Double}
_RELATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SIGNS: Mapping[type, str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_UFUNCS = {np.less: "<", np.less_equal: "<=", np.greater: ">", np.greater_equal: ">="}


def watched(value: Number, names: tuple[str, ...], notes: Notes) -> Number:
    """Return the number as one that takes notes; of another type than those known, as it is."""
    if type(value) is np.ndarray:
        made = value.view(_Array)
    elif type(value) in _KINDS:
        made = _KINDS[type(value)](value)
    else:
        return value
    made._names, made._notes = names, notes  # noqa: SLF001 - of this module
    return made


def plain(value: Number) -> Number:
    """Return the number as it was before it took notes."""
    match value:
        case _Array():
            return value.view(np.ndarray)
        case _Double():
            return np.float64(float.__float__(value))
        case _Float():
            return float.__float__(value)
        case _Int():
            return int.__int__(value)
    return value


def derived(made: Number, *sources: Number) -> Number:
    """Return what was computed of some numbers, taking the notes of those that take any."""
    watching = [source for source in sources if isinstance(source, Watching)]
    names = dict.fromkeys(name for source in watching for name in source._names)  # noqa: SLF001
    return watched(made, tuple(names), watching[0]._notes)  # noqa: SLF001 - of this module


def _decisive(value: Number, limit: Number, relation: str) -> tuple[float, float]:
    """Return the pair that is farthest on the side of the relation; nan where there is none."""
    values, limits = np.broadcast_arrays(value, limit)
    if not values.size:
        return float("nan"), float("nan")
    beyond = np.asarray(values, np.float64) - np.asarray(limits, np.float64)
    beyond = np.where(np.isnan(beyond), -np.inf, beyond if ">" in relation else -beyond)
    at = np.unravel_index(int(np.argmax(beyond)), beyond.shape)
    return float(values[at]), float(limits[at])


def _caller(frame: FrameType | None) -> tuple[CodeType, int]:
    """Return the code that compares, and its running instruction."""
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    if frame is None:
        msg = "nobody compares"
        raise RuntimeError(msg)
    return frame.f_code, frame.f_lasti


@functools.lru_cache(maxsize=4096)
def _statistic(code: CodeType, at: int, relation: str, *, on_the_right: bool) -> str | None:
    """Return what an instruction compares with a limit, as the source has it.

    None: it compares nothing, or a constant. Where the limit stood when it was asked, the source
    has it on the other side if Python asked it the other way round.
    """
    if dis.opname[code.co_code[at]] != "COMPARE_OP":
        return None
    try:
        comparison = ast.parse(f"({_source(code, at)})", mode="eval").body
    except SyntaxError:
        return ""
    if not isinstance(comparison, ast.Compare):
        return ""
    value = comparison.comparators[0]  # of `low <= x < high` what the limits are for
    if len(comparison.ops) == 1 and on_the_right == (_SIGNS[type(comparison.ops[0])] == relation):
        value = comparison.left
    return None if isinstance(value, ast.Constant) else ast.unparse(value).replace("self.", "")


def _source(code: CodeType, at: int) -> str:
    first, last, begin, end = list(code.co_positions())[at // 2]
    if first is None or last is None or begin is None or end is None:
        return ""
    lines = [linecache.getline(code.co_filename, line) for line in range(first, last + 1)]
    lines[-1] = lines[-1].encode()[:end].decode()
    lines[0] = lines[0].encode()[begin:].decode()
    return " ".join(lines)
