"""A run's state as bytes and back: a JSON tree beside the numbers, in one npz. Never pickle.

Arrays of one type lie one after the other in one array of the file: a state holds hundreds of
small ones, and each file of a zip takes more than most of them. Whole numbers are written in the
smallest type that holds them. An array that several parts share is written once and shared again
when it is read.
"""

import enum
import io
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from flatline_monitor.alerts.book import Page
from flatline_monitor.alerts.lifecycle import Alert, State
from flatline_monitor.alerts.report import RunState
from flatline_monitor.detectors.contract import Evidence, Finding, Reason, Severity, Side
from flatline_monitor.diagnosis.facts import Facts
from flatline_monitor.engine.advance import Closing, Run
from flatline_monitor.runs.bad import FirstBad
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.crossings import Trail
from flatline_monitor.runs.curve import Curve
from flatline_monitor.runs.firsts import Firsts
from flatline_monitor.runs.history import History, Mark
from flatline_monitor.runs.journal import Snapshot
from flatline_monitor.runs.model import Array, Feature, Feeding, Layer, Loss, Model, Optimizer
from flatline_monitor.runs.records import (
    Activation,
    ActivationKind,
    ClientHealth,
    Evaluation,
    Hello,
    LossKind,
    Role,
    Sampled,
    Task,
    Untrained,
    Variable,
    Variables,
)
from flatline_monitor.runs.rows import Rows

VERSION = 8
"""Grows when a field changes its meaning; a snapshot of another version is not read."""

KINDS: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Run, Closing, Facts, Mark, Page, Alert, Finding, Evidence, Reason, Side),
        *(History, FirstBad, Firsts, Rows, Sampled, Blocks, Curve, Trail),
        *(Hello, Variable, Untrained, Activation, Variables, Evaluation, ClientHealth),
        *(Model, Layer, Optimizer, Loss, Array, Feature, Feeding),
        *(State, RunState, Severity, Task, LossKind, Role, ActivationKind),
    )
}


class _Shelf:
    """Arrays on their way into a file: where each of them lies."""

    def __init__(self) -> None:
        self.shared: dict[int, int] = {}
        """Numbers of the axes that were written, by their id."""
        self._places: dict[int, list[Any]] = {}
        self._kept: dict[str, list[np.ndarray]] = {}
        self._sizes: dict[str, int] = {}

    def place(self, array: np.ndarray) -> list[Any]:
        """Return the type of an array, and its type, start and shape in the file."""
        if id(array) not in self._places:
            written = _smallest(array)
            kind = written.dtype.str
            start = self._sizes.get(kind, 0)
            self._places[id(array)] = [array.dtype.str, kind, start, *array.shape]
            self._kept.setdefault(kind, []).append(written)
            self._sizes[kind] = start + array.size
        return self._places[id(array)]

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """Return one flat array for each type."""
        return {
            kind: np.concatenate([array.ravel() for array in arrays])
            for kind, arrays in self._kept.items()
        }


def pack(run: Run) -> bytes:
    """Return the run's state as bytes."""
    shelf = _Shelf()
    tree = json.dumps(_plain(run, shelf), separators=(",", ":")).encode()
    out = io.BytesIO()
    text = np.frombuffer(tree, np.uint8)
    np.savez(out, allow_pickle=False, tree=text, **shelf.columns)
    return out.getvalue()


def snapshot(run: Run) -> Snapshot:
    """Return the run's state as a store keeps it."""
    return Snapshot(run.run_id, run.entries, VERSION, pack(run))


def unpack(blob: bytes) -> Run:
    """Return the run that `pack` was given."""
    with np.load(io.BytesIO(blob), allow_pickle=False) as stored:
        columns = {name: stored[name] for name in stored.files if name != "tree"}
        tree = json.loads(stored["tree"].tobytes())
    run = _live(tree, _Reader(columns))
    if not isinstance(run, Run):
        msg = f"the snapshot holds a {type(run).__name__}, not a Run"
        raise TypeError(msg)
    return run


class _Reader:
    """Gives back the arrays of a file, each once."""

    def __init__(self, columns: Mapping[str, np.ndarray]) -> None:
        self.shared: list[Any] = []
        self._columns = columns
        self._given: dict[tuple[Any, ...], np.ndarray] = {}

    def array(self, live: str, kind: str, start: int, *shape: int) -> np.ndarray:
        """Return the array of a place."""
        place = (live, kind, start, *shape)
        if place not in self._given:
            flat = self._columns[kind][start : start + math.prod(shape)]
            # A copy: a part of it would keep all of them in memory.
            self._given[place] = flat.reshape(shape).astype(live)
        return self._given[place]


def _smallest(array: np.ndarray) -> np.ndarray:
    """Return whole numbers in the smallest type that holds them, other numbers as they are."""
    if array.dtype.kind not in "iu" or not array.size:
        return array
    kind = np.result_type(*(np.min_scalar_type(end) for end in (array.min(), array.max())))
    return array.astype(kind) if kind.itemsize < array.itemsize else array


def _plain(value: Any, arrays: _Shelf) -> Any:
    if isinstance(value, np.ndarray):
        return {"array": arrays.place(value)}
    if isinstance(value, enum.Enum):
        return {"enum": type(value).__name__, "value": value.value}
    if is_dataclass(value):
        return _parts(value, arrays)
    if isinstance(value, Mapping):
        return {"map": [[_plain(k, arrays), _plain(v, arrays)] for k, v in value.items()]}
    if isinstance(value, (tuple, list)):
        return [_plain(part, arrays) for part in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _parts(value: Any, arrays: _Shelf) -> Any:
    """Return a dataclass; the axes of a model are long, and are written once."""
    if id(value) in arrays.shared:
        return {"shared": arrays.shared[id(value)]}
    parts = [_plain(getattr(value, f.name), arrays) for f in fields(value)]
    if isinstance(value, Variables):
        arrays.shared[id(value)] = len(arrays.shared)
    return {"kind": type(value).__name__, "parts": parts}


def _live(value: Any, arrays: _Reader) -> Any:
    if isinstance(value, list):
        return tuple(_live(part, arrays) for part in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays.array(*value["array"])
    if "enum" in value:
        return KINDS[value["enum"]](value["value"])
    if "map" in value:
        return {_live(k, arrays): _live(v, arrays) for k, v in value["map"]}
    if "shared" in value:
        return arrays.shared[value["shared"]]
    made = KINDS[value["kind"]](*[_live(part, arrays) for part in value["parts"]])
    if isinstance(made, Variables):
        arrays.shared.append(made)
    return made
