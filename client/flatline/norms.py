"""Norms by the names of their variables, as Run.log_gradients takes them and a watch reads them."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, get_args

import numpy as np

from flatline import rows
from flatline.entry import AXES, Reader
from flatline.rows import Role, Variable
from flatline.say import shown

_VARIABLES, _NAME_BYTES = 20_000, 1_024
"""What the monitor takes at most; it would refuse the run for more."""

_ROLES = rows.ROLES | {role: role for role in get_args(Role) if role != "unspecified"}


@dataclass(frozen=True)
class Norms:
    """What one step did to its variables: columns of message Sampled, one row."""

    variables: tuple[Variable, ...]
    columns: Mapping[str, np.ndarray]
    """[variable], or [1] for what the step has one of"""
    learning_rate: float | None = None

    def arranged(self, paths: tuple[str, ...]) -> dict[str, np.ndarray] | None:
        """Return the columns in the order of these paths; None: they name other variables."""
        mine = [variable.path for variable in self.variables]
        if tuple(mine) == paths:
            return dict(self.columns)
        places = {path: place for place, path in enumerate(mine)}
        if len(mine) != len(paths) or places.keys() != set(paths):
            return None
        order = [places[path] for path in paths]
        return {
            name: column[order] if name in AXES["variable"] else column
            for name, column in self.columns.items()
        }


class Source(Protocol):
    """Measures by itself what a loop does not have to tell."""

    def take(self) -> Norms | None:
        """Return what was measured since it was last asked, and never raise."""

    def stop(self) -> None:
        """Measure no more."""

    @property
    def cost_seconds(self) -> float:
        """What measuring has cost so far; nan: not known yet."""


def unique(variables: Iterable[Variable]) -> tuple[Variable, ...]:
    """Return the variables, each under a path of its own."""
    taken: dict[str, int] = {}
    result = []
    for variable in variables:
        count = taken[variable.path] = taken.get(variable.path, 0) + 1
        path = variable.path if count == 1 else f"{variable.path}_{count - 1}"
        result.append(replace(variable, path=path))
    return tuple(result)


def joined(measured: Sequence[tuple[Sequence[Hashable], Norms]], *, latest: bool = False) -> Norms:
    """Return one row of several, each with what tells its variables apart.

    What comes twice counts as in the first of them, or with `latest` a variable as in the last.
    """
    first = measured[0][1]
    if len(measured) == 1:
        return first
    places: dict[Hashable, tuple[Norms, int]] = {}
    for ids, row in measured:
        for index, key in enumerate(ids):
            if latest or key not in places:
                places[key] = row, index
    columns = {
        name: column for name, column in first.columns.items() if name not in AXES["variable"]
    }
    for name in AXES["variable"]:
        if all(name in row.columns for row, _ in places.values()):
            picked = [row.columns[name][index] for row, index in places.values()]
            columns[name] = np.array(picked)
    columns["global_grad_norm"] = _root_of_squares(columns["grad_norm"])
    rates = [row.learning_rate for _, row in measured if row.learning_rate is not None]
    variables = unique(row.variables[index] for row, index in places.values())
    return Norms(variables, columns, rates[0] if rates else None)


class Waiting:
    """Norms that were told before the step they belong to."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._step: int | None = None
        self._norms: Norms | None = None

    def put(self, step: int | None, norms: Norms) -> None:
        """Keep norms of a step, or of the next one; several calls for it add up."""
        if self._norms is not None and step == self._step:
            both = [(_paths(each), each) for each in (self._norms, norms)]
            norms = joined(both, latest=True)
        elif self._norms is not None:
            self._lose()
        self._step, self._norms = step, norms

    def take(self, step: int | None) -> Norms | None:
        """Return what belongs to the step that is logged now; None: nothing more is logged."""
        if self._norms is None or (
            self._step is not None and step is not None and step < self._step
        ):
            return None
        norms, self._norms = self._norms, None
        if step is None or self._step not in {None, step}:
            self._lose()
            return None
        return norms

    def _lose(self) -> None:
        self._reader.refuse("log_gradients", "log_gradients() came without the log() of its step")


def named(
    reader: Reader, gradients: object, weights: object = None, updates: object = None
) -> Norms | None:
    """Return what Run.log_gradients was given; None: nothing that can be used.

    A gradient that is no norm spoils the call, since without it the others would be taken for
    another list of variables. Weights or updates that do not go with the gradients are left out.
    """
    norms = _norms(reader, "gradients", gradients)
    if not norms:
        return None
    variables = tuple(_variable(key) for key in norms)
    if any(not _is_path(variable.path) for variable in variables) or len(norms) > _VARIABLES:
        sentence = f"gradients must have at most {_VARIABLES} names of 1 to {_NAME_BYTES} bytes"
        reader.refuse("gradients", f"{sentence}, without control characters")
        return None
    paths = tuple(variable.path for variable in variables)
    grad_norm = np.array(list(norms.values()))
    columns = {"grad_norm": grad_norm, "global_grad_norm": _root_of_squares(grad_norm)}
    for column, name, given in (
        ("weight_norm", "weights", weights),
        ("update_norm", "updates", updates),
    ):
        values = None if given is None else _beside(reader, name, given, paths)
        if values is not None:
            columns[column] = values
    return Norms(variables, columns)


def _paths(norms: Norms) -> tuple[str, ...]:
    return tuple(variable.path for variable in norms.variables)


def _beside(reader: Reader, name: str, given: object, paths: tuple[str, ...]) -> np.ndarray | None:
    """Return further norms in the order of the gradients."""
    norms = _norms(reader, name, given)
    if norms is None:
        return None
    by_path = {_variable(key).path: value for key, value in norms.items()}
    if by_path.keys() != set(paths):
        reader.refuse(f"{name} names", f"{name} must have the names that gradients has")
        return None
    return np.array([by_path[path] for path in paths])


def _norms(reader: Reader, name: str, given: object) -> dict[object, float] | None:
    if not isinstance(given, Mapping) or not given:
        reader.refuse(name, f"{name} is {shown(given)}; it must be a dict of name and norm")
        return None
    norms: dict[object, float] = {}
    for key, value in given.items():
        if not isinstance(key, str | Variable):
            reader.refuse(f"{name} key", f"{name} has the key {shown(key)}; it must be a name")
            return None
        number = reader.number(f"{name}[{shown(getattr(key, 'path', key))}]", value)
        if number is None:
            return None
        if number < 0:
            reader.refuse(name, f"{name} has {shown(value)} for {key}; a norm is 0 or more")
            return None
        norms[key] = number
    return norms


def _variable(key: object) -> Variable:
    """Return what is known of a variable by its name alone, unless more is given."""
    if isinstance(key, Variable):
        return key
    return rows.named(str(key), _ROLES)


def _is_path(path: str) -> bool:
    return path.isprintable() and 0 < len(path.encode(errors="replace")) <= _NAME_BYTES


def _root_of_squares(norms: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(np.square(norms.astype(np.float64)).sum(keepdims=True)))
