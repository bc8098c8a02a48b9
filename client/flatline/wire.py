"""Turns what a run says into the bytes of proto/flatline/v1/monitor.proto.

The encoders return a WatchRequest without its sequence number; `numbered` puts the number in
front, which protobuf reads as the same message: so a record is encoded before it has a number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from flatline.rows import UNKNOWN, Axes, Description, Ending, Evaluation, Health, Rows
from flatline.v1 import monitor_pb2, packed_pb2

PROTOCOL = 1
"""Version of the protocol that this client speaks."""

STATUSES = {
    "finished": monitor_pb2.END_STATUS_FINISHED,
    "failed": monitor_pb2.END_STATUS_FAILED,
    "interrupted": monitor_pb2.END_STATUS_INTERRUPTED,
}

_KINDS = {
    monitor_pb2.Sampled.DESCRIPTOR.fields_by_name["grad_norm"].type: "<f4",
    monitor_pb2.Sampled.DESCRIPTOR.fields_by_name["sample_count"].type: "<u4",
}
COLUMNS = {
    column.name: _KINDS[column.type]
    for column in monitor_pb2.Sampled.DESCRIPTOR.fields
    if column.name not in ("row", "revision")
}
"""Columns of message Sampled with their type on the wire, as numpy writes it."""


@dataclass(frozen=True)
class Identity:
    """Which process of which run is speaking."""

    run_id: str
    name: str = ""
    project: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    rank: int = 0
    world_size: int = 1
    incarnation: int = 0
    client_version: str = ""
    python_version: str = ""
    quiet: tuple[str, ...] = ()


def numbered(sequence: int, record: bytes) -> bytes:
    """Return the record with its sequence number."""
    return packed_pb2.PackedWatchRequest(sequence=sequence).SerializeToString() + record


def hello(identity: Identity, description: Description, fit: int = 0) -> bytes:
    """Encode who is calling, and what it plans to do."""
    message = monitor_pb2.Hello(
        protocol=PROTOCOL,
        fit=fit,
        task=monitor_pb2.Task.Value(f"TASK_{description.task.upper()}"),
        loss_kind=monitor_pb2.LossKind.Value(f"LOSS_KIND_{description.loss_kind.upper()}"),
        loss_name=description.loss_name,
        framework=description.framework,
        framework_version=description.framework_version,
        **vars(identity),
    )
    for name in ("plan_steps", "plan_epochs", "batch_size", "class_count"):
        value = getattr(description, name)
        if value is not None:
            setattr(message, name, value)
    return packed_pb2.PackedWatchRequest(hello=message).SerializeToString()


def axes(revision: int, axes: Axes) -> bytes:
    """Encode the names of the axes of the columns that follow."""
    message = monitor_pb2.Variables(revision=revision, inputs=axes.inputs)
    for array in axes.variables:
        message.variables.add(
            path=array.path,
            layer=array.layer,
            role=monitor_pb2.Role.Value(f"ROLE_{array.role.upper()}"),
            shape=array.shape,
            layer_class=array.layer_class,
            estimated=array.estimated,
        )
    for other in axes.untrained:
        message.untrained.add(path=other.path, trainable=other.trainable)
    for layer in axes.activations:
        kind = monitor_pb2.ActivationKind.Value(f"ACTIVATION_KIND_{layer.kind.upper()}")
        message.activations.add(layer=layer.layer, kind=kind, units=layer.units)
    return packed_pb2.PackedWatchRequest(variables=message).SerializeToString()


def chunk(rows: Rows, health: Health | None = None) -> bytes:
    """Encode consecutive steps; ValueError if a sampled column is none of message Sampled."""
    message = packed_pb2.PackedChunk(
        first_step=rows.first_step,
        n=len(rows),
        epoch=_column(rows.epoch, "<u4"),
        step_seconds=_column(rows.step_seconds, "<f4"),
        learning_rate_row=_column([row for row, _ in rows.learning_rate], "<u4"),
        learning_rate=_column([value for _, value in rows.learning_rate], "<f4"),
    )
    # A program that logs no loss has not measured nan: it has not measured anything.
    if np.any(rows.loss_source != UNKNOWN) or not np.all(np.isnan(rows.loss)):
        message.loss = _column(rows.loss, "<f4")
        message.loss_source = _column(rows.loss_source, "u1")
    if rows.sampled_row:
        message.sampled.CopyFrom(_sampled(rows))
    if rows.outside_seconds is not None:
        message.outside_seconds = rows.outside_seconds
    for name, points in rows.scalars.items():
        # A number that every step has needs no offsets.
        every = len(points) == len(rows)
        message.scalars.add(
            name=name,
            row=b"" if every else _column([row for row, _ in points], "<u4"),
            value=_column([value for _, value in points], "<f4"),
        )
    if health is not None:
        message.health.CopyFrom(_health(health))
    return packed_pb2.PackedWatchRequest(chunk=message).SerializeToString()


def evaluation(results: Evaluation) -> bytes:
    """Encode one pass over a validation set."""
    message = monitor_pb2.Evaluation(
        step=results.step, epoch=results.epoch, metrics=results.metrics
    )
    for name, column in results.counts.items():
        getattr(message, name).extend(column)
    if results.n is not None:
        message.n = results.n
    return packed_pb2.PackedWatchRequest(evaluation=message).SerializeToString()


def end(ending: Ending, step: int, health: Health) -> bytes:
    """Encode the run's last record; the status is one of STATUSES."""
    message = monitor_pb2.End(
        status=STATUSES[ending.status],
        exception_type=ending.exception_type,
        exception_text=ending.exception_text,
        step=step,
        health=_health(health),
    )
    return packed_pb2.PackedWatchRequest(end=message).SerializeToString()


def _sampled(rows: Rows) -> packed_pb2.PackedSampled:
    unknown = sorted(rows.sampled.keys() - COLUMNS.keys())
    if unknown:
        message = f"sampled has no column {', '.join(unknown)}; it has {', '.join(COLUMNS)}"
        raise ValueError(message)
    columns = {name: _column(values, COLUMNS[name]) for name, values in rows.sampled.items()}
    row = _column(rows.sampled_row, "<u4")
    return packed_pb2.PackedSampled(row=row, revision=rows.revision, **columns)


def _health(health: Health) -> monitor_pb2.ClientHealth:
    return monitor_pb2.ClientHealth(
        overhead_ratio=health.overhead_ratio,
        sampled_steps=health.sampled_steps,
        dropped_records=health.dropped_records,
        spent_seconds=health.spent_seconds,
        tracing_seconds=health.tracing_seconds,
    )


def _column(values: np.ndarray | Sequence[float], kind: str) -> bytes:
    """Return the values as the bytes of a packed field: little-endian, row after row."""
    # A loss beyond float32 becomes infinite, which is what it is on the wire.
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(kind).tobytes()
