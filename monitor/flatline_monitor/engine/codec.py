"""A run's state as bytes and back: a JSON tree beside the arrays, in one npz. Never pickle.

An array that several parts share is written once and shared again when it is read.
"""

import enum
import io
import json
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
from flatline_monitor.runs.curve import Curve
from flatline_monitor.runs.firsts import Firsts
from flatline_monitor.runs.history import History, Mark
from flatline_monitor.runs.journal import Snapshot
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

VERSION = 4
"""Grows when a field changes its meaning; a snapshot of another version is not read."""

KINDS: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Run, Closing, Facts, Mark, Page, Alert, Finding, Evidence, Reason, Side),
        *(History, FirstBad, Firsts, Rows, Sampled, Blocks, Curve),
        *(Hello, Variable, Untrained, Activation, Variables, Evaluation, ClientHealth),
        *(State, RunState, Severity, Task, LossKind, Role, ActivationKind),
    )
}


def pack(run: Run) -> bytes:
    """Return the run's state as bytes."""
    arrays: dict[int, np.ndarray] = {}
    tree = json.dumps(_plain(run, arrays)).encode()
    out = io.BytesIO()
    named = {f"a{i}": array for i, array in enumerate(arrays.values())}
    np.savez(out, allow_pickle=False, tree=np.frombuffer(tree, np.uint8), **named)
    return out.getvalue()


def snapshot(run: Run) -> Snapshot:
    """Return the run's state as a store keeps it."""
    return Snapshot(run.run_id, run.entries, VERSION, pack(run))


def unpack(blob: bytes) -> Run:
    """Return the run that `pack` was given."""
    with np.load(io.BytesIO(blob), allow_pickle=False) as stored:
        arrays = [stored[f"a{i}"] for i in range(len(stored.files) - 1)]
        tree = json.loads(stored["tree"].tobytes())
    run = _live(tree, arrays)
    if not isinstance(run, Run):
        msg = f"the snapshot holds a {type(run).__name__}, not a Run"
        raise TypeError(msg)
    return run


def _plain(value: Any, arrays: dict[int, np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        arrays.setdefault(id(value), value)
        return {"array": list(arrays).index(id(value))}
    if isinstance(value, enum.Enum):
        return {"enum": type(value).__name__, "value": value.value}
    if is_dataclass(value):
        parts = {f.name: _plain(getattr(value, f.name), arrays) for f in fields(value)}
        return {"kind": type(value).__name__, "parts": parts}
    if isinstance(value, Mapping):
        return {"map": [[_plain(k, arrays), _plain(v, arrays)] for k, v in value.items()]}
    if isinstance(value, (tuple, list)):
        return [_plain(part, arrays) for part in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _live(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, list):
        return tuple(_live(part, arrays) for part in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "enum" in value:
        return KINDS[value["enum"]](value["value"])
    if "map" in value:
        return {_live(k, arrays): _live(v, arrays) for k, v in value["map"]}
    parts = {name: _live(part, arrays) for name, part in value["parts"].items()}
    return KINDS[value["kind"]](**parts)
