"""From the packed columns of a chunk to arrays, each checked against its axes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from flatline.v1 import packed_pb2
from flatline_monitor.ingest import checks
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.ingest.reasons import Reason
from flatline_monitor.ingest.shape import Shape
from flatline_monitor.runs.records import (
    NO_SAMPLES,
    LossSource,
    RefusedError,
    Sampled,
    SkipReason,
)

BUCKETS = 256
"""Classes are counted by their remainder, where there are more of them than this."""

_FLOAT, _COUNT, _BYTE = np.dtype("<f4"), np.dtype("<u4"), np.dtype("u1")


@dataclass(frozen=True, slots=True)
class _Group:
    """Columns that have both axes in common."""

    columns: dict[str, np.dtype]
    per: str = ""
    """What the second axis counts; empty: there is none."""
    reason: Reason = Reason.INVALID_CHUNK
    """Of a second axis that is too long."""


_STEPS = _Group({"loss": _FLOAT, "loss_source": _BYTE, "epoch": _COUNT, "step_seconds": _FLOAT})
_ROWS = _Group(
    {
        "global_grad_norm": _FLOAT,
        "clip_ratio": _FLOAT,
        "skipped": _COUNT,
        "loss_scale": _FLOAT,
        "data_loss": _FLOAT,
        "regularization_loss": _FLOAT,
        "regularization_grad_norm": _FLOAT,
        "sample_count": _COUNT,
        "confidence": _FLOAT,
    }
)
_VARIABLES = _Group(
    dict.fromkeys(("grad_norm", "grad_zero_share", "weight_norm", "update_norm"), _FLOAT),
    "variable",
    Reason.TOO_MANY_VARIABLES,
)
_CLASSES = _Group(
    dict.fromkeys(("label_count", "prediction_count", "correct_count"), _COUNT),
    "class",
    Reason.TOO_MANY_CLASSES,
)
_BUCKETS = _Group(
    dict.fromkeys(("label_bucket_count", "prediction_bucket_count"), _COUNT),
    "bucket",
    Reason.TOO_MANY_CLASSES,
)
_LABELS = _Group({"positive_count": _COUNT}, "label")
_INPUTS = _Group(
    dict.fromkeys(("input_mean", "input_std", "input_min", "input_max"), _FLOAT)
    | {"input_nonfinite_count": _COUNT},
    "input",
)
_OUTPUTS = _Group(
    dict.fromkeys(("target_mean", "target_variance", "target_deviation"), _FLOAT)
    | {"target_nonfinite_count": _COUNT},
    "output",
)
_ACTIVATIONS = _Group(
    dict.fromkeys(("activation_mean", "activation_std"), _FLOAT),
    "activation",
    Reason.TOO_MANY_VARIABLES,
)
_RECTIFIERS = _Group({"dead_unit_share": _FLOAT}, "rectifier", Reason.TOO_MANY_VARIABLES)
_SQUASHERS = _Group({"saturated_unit_share": _FLOAT}, "squasher", Reason.TOO_MANY_VARIABLES)


def steps(message: packed_pb2.PackedChunk, n: int) -> dict[str, np.ndarray]:
    """Return the columns with one entry for each of the n steps."""
    columns = _read(message, _STEPS, n, None, 1)
    _known(columns, "loss_source", "a source", max(LossSource))
    return columns


def sampled(
    message: packed_pb2.PackedSampled, first: int, n: int, limits: Limits, shape: Shape
) -> Sampled:
    """Return the sampled steps among the n steps from `first`."""
    row = rows("sampled.row", message.row, n)
    columns = _read(message, _ROWS, len(row), None, 1)
    _known(columns, "skipped", "a reason", max(SkipReason))
    columns |= _by_revision(message, len(row), limits, shape)
    for group, width, limit in (
        (_CLASSES, shape.classes, limits.classes),
        (_BUCKETS, None, BUCKETS),
        (_LABELS, None, limits.outputs),
        (_INPUTS, shape.inputs, limits.inputs),
        (_OUTPUTS, None, limits.outputs),
    ):
        columns |= _read(message, group, len(row), width, limit)
    if not len(row):
        return NO_SAMPLES
    return Sampled(step=first + row, revision=message.revision, columns=columns)


def scalars(
    messages: Iterable[packed_pb2.PackedScalar], first: int, n: int, limits: Limits
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the numbers that go by names of their own, with their steps.

    Values without offsets are those of all steps.
    """
    columns = {}
    for message in messages:
        name = checks.text("scalar.name", message.name, limits.scalar_name_bytes, required=True)
        if name in columns:
            raise RefusedError(
                Reason.INVALID_CHUNK,
                f"chunk: scalar {checks.shown(name)} comes twice; send it as one column",
            )
        place = f"scalar {checks.shown(name)}"
        every = message.value and not message.row
        row = np.arange(n) if every else rows(f"{place}.row", message.row, n)
        columns[name] = (first + row, values(f"{place}.value", message.value, len(row)))
    return columns


def ascending(first: int, n: int) -> np.ndarray:
    """Return the n steps from `first`."""
    return np.arange(first, first + n, dtype=np.int64)


def rows(place: str, packed: bytes, n: int) -> np.ndarray:
    """Return offsets that ascend and are less than n, int64."""
    if len(packed) % _COUNT.itemsize:
        raise RefusedError(
            Reason.INVALID_CHUNK,
            f"chunk: {place} has {len(packed)} bytes; an offset has {_COUNT.itemsize}",
        )
    row = np.frombuffer(packed, _COUNT).astype(np.int64)
    if len(row) and (row[-1] >= n or (np.diff(row) <= 0).any()):
        raise RefusedError(
            Reason.INVALID_CHUNK, f"chunk: {place} must ascend and stay below n, which is {n}"
        )
    return row


def values(place: str, packed: bytes, count: int, kind: np.dtype = _FLOAT) -> np.ndarray:
    """Return a column that has `count` entries; without copying, so it cannot be written to."""
    if len(packed) != count * kind.itemsize:
        has = f"{len(packed) // kind.itemsize} entries"
        if len(packed) % kind.itemsize:
            has = f"{len(packed)} bytes"
        raise RefusedError(
            Reason.INVALID_CHUNK,
            f"chunk: {place} has {has}; by its axes it should have {count} entries",
        )
    return np.frombuffer(packed, kind)


def _known(columns: dict[str, np.ndarray], name: str, what: str, most: int) -> None:
    """Refuse a column of constants that holds one which this monitor does not know."""
    column = columns.get(name)
    if column is not None and column.max() > most:
        raise RefusedError(
            Reason.INVALID_CHUNK, f"chunk: {name} holds {column.max()}; {what} is 0 to {most}"
        )


def _by_revision(
    message: packed_pb2.PackedSampled, count: int, limits: Limits, shape: Shape
) -> dict[str, np.ndarray]:
    """Return the columns over axes that change with the list of variables."""
    columns: dict[str, np.ndarray] = {}
    for group, width in (
        (_VARIABLES, shape.variables),
        (_ACTIVATIONS, shape.activations),
        (_RECTIFIERS, shape.rectifiers),
        (_SQUASHERS, shape.squashers),
    ):
        columns |= _read(message, group, count, width, limits.variables)
    if columns and shape.revision not in (None, message.revision):
        raise RefusedError(
            Reason.INVALID_CHUNK,
            f"chunk: sampled.revision is {message.revision}; the variables last sent have revision "
            f"{shape.revision}",
        )
    return columns


def _read(
    message: packed_pb2.PackedChunk | packed_pb2.PackedSampled,
    group: _Group,
    count: int,
    width: int | None,
    limit: int,
) -> dict[str, np.ndarray]:
    """Return the columns of a group that were sent; the first one says an unknown width."""
    columns: dict[str, np.ndarray] = {}
    for name, kind in group.columns.items():
        packed: bytes = getattr(message, name)
        if not packed:
            continue
        if not group.per:
            columns[name] = values(name, packed, count, kind)
            continue
        if width is None:
            width = len(packed) // (kind.itemsize * max(count, 1))
        checks.count(group.reason, f"chunk: entries of {name} for each {group.per}", width, limit)
        columns[name] = values(f"{name}[row, {group.per}]", packed, count * width, kind).reshape(
            count, width
        )
    return columns
