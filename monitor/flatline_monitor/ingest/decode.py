"""From the bytes of one message to a record: everything that could be wrong is refused here."""

import math

from google.protobuf.message import DecodeError

from flatline.v1 import monitor_pb2, packed_pb2
from flatline_monitor.ingest import checks, columns
from flatline_monitor.ingest.hello import read_hello
from flatline_monitor.ingest.limits import UNLIMITED, Limits
from flatline_monitor.ingest.model import read_model
from flatline_monitor.ingest.reasons import Reason
from flatline_monitor.ingest.shape import ANY_SHAPE, Shape
from flatline_monitor.ingest.variables import read_variables
from flatline_monitor.runs.records import (
    Chunk,
    ClientHealth,
    End,
    EndStatus,
    Evaluation,
    Record,
    RefusedError,
    Stalled,
)

_STATUSES = dict(enumerate(EndStatus, start=1))
_CLASS_COUNTS = ("label_counts", "prediction_counts", "correct_counts")


def decode(raw: bytes) -> tuple[int, Record]:
    """Return what was journalled: sequence and record; no bytes are the mark of a stalled run.

    Only what was taken before is decoded so: limits may have been others then.
    """
    if not raw:
        return 0, Stalled()
    message = parse(raw, UNLIMITED)
    return message.sequence, record(message, UNLIMITED, ANY_SHAPE)


def parse(raw: bytes, limits: Limits) -> packed_pb2.PackedWatchRequest:
    """Return the message, of which no field has been looked at yet."""
    if len(raw) > limits.message_bytes:
        raise RefusedError(
            Reason.TOO_LARGE,
            f"a message of {len(raw)} bytes; at most {limits.message_bytes} are taken: "
            "send fewer steps in a chunk",
        )
    try:
        return packed_pb2.PackedWatchRequest.FromString(raw)
    except DecodeError as error:
        raise RefusedError(
            Reason.UNDECODABLE, f"{len(raw)} bytes that are no flatline.v1.WatchRequest"
        ) from error


def record(message: packed_pb2.PackedWatchRequest, limits: Limits, shape: Shape) -> Record:
    """Return the checked content of a message that follows the opening hello."""
    match message.WhichOneof("message"):
        case "hello":
            return read_hello(message.hello, limits)
        case "variables":
            return read_variables(message.variables, limits)
        case "model":
            return read_model(message.model, limits)
        case "chunk":
            return _chunk(message.chunk, limits, shape)
        case "evaluation":
            return _evaluation(message.evaluation, limits, shape)
        case "end":
            return _end(message.end, limits)
    raise RefusedError(
        Reason.UNDECODABLE,
        "a message without content that this monitor knows; it must be a hello, variables, "
        "a model, a chunk, an evaluation or an end",
    )


def _chunk(message: packed_pb2.PackedChunk, limits: Limits, shape: Shape) -> Chunk:
    first = checks.step(Reason.INVALID_CHUNK, "chunk.first_step", message.first_step)
    n = checks.count(Reason.INVALID_CHUNK, "chunk.n", message.n, limits.chunk_steps)
    if not n:
        raise RefusedError(Reason.INVALID_CHUNK, "chunk: n is 0; it has at least one step")
    checks.count(Reason.TOO_MANY_METRICS, "chunk.scalars", len(message.scalars), limits.scalars)
    changes = columns.rows("learning_rate_row", message.learning_rate_row, n)
    return Chunk(
        step=columns.ascending(first, n),
        columns=columns.steps(message, n),
        sampled=columns.sampled(message.sampled, first, n, limits, shape),
        learning_rate_step=first + changes,
        learning_rate=columns.values("learning_rate", message.learning_rate, len(changes)),
        scalars=columns.scalars(message.scalars, first, n, limits),
        health=_health(message.health) if message.HasField("health") else None,
        outside_seconds=(
            _seconds(message.outside_seconds) if message.HasField("outside_seconds") else None
        ),
    )


def _evaluation(message: monitor_pb2.Evaluation, limits: Limits, shape: Shape) -> Evaluation:
    checks.count(
        Reason.TOO_MANY_METRICS, "evaluation.metrics", len(message.metrics), limits.metrics
    )
    return Evaluation(
        step=checks.step(Reason.INVALID_EVALUATION, "evaluation.step", message.step),
        epoch=message.epoch,
        n=_samples(message) if message.HasField("n") else None,
        metrics={
            checks.text("evaluation.metrics", name, limits.name_bytes, required=True): value
            for name, value in message.metrics.items()
        },
        **_class_counts(message, limits, shape),
    )


def _class_counts(
    message: monitor_pb2.Evaluation, limits: Limits, shape: Shape
) -> dict[str, tuple[int, ...]]:
    """Return what was counted for each class; the first column says an unknown width."""
    columns = {name: tuple(getattr(message, name)) for name in _CLASS_COUNTS}
    width = shape.classes
    for name, column in columns.items():
        if not column:
            continue
        place = f"evaluation: entries of {name}"
        checks.count(Reason.TOO_MANY_CLASSES, place, len(column), limits.classes)
        width = len(column) if width is None else width
        if len(column) != width:
            raise RefusedError(
                Reason.INVALID_EVALUATION,
                f"{place}: {len(column)}; there should be {width}, one for each class",
            )
        most = max(column)
        checks.count(Reason.INVALID_EVALUATION, f"evaluation.{name}", most, checks.MAX_STEP)
    return columns


def _end(message: monitor_pb2.End, limits: Limits) -> End:
    status = _STATUSES.get(message.status)
    if status is None:
        raise RefusedError(
            Reason.INVALID_END,
            f"end.status is {message.status}; it must be finished (1), failed (2) or "
            "interrupted (3)",
        )
    return End(
        status=status,
        exception_type=checks.text("end.exception_type", message.exception_type, limits.name_bytes),
        step=checks.step(Reason.INVALID_END, "end.step", message.step),
        health=_health(message.health) if message.HasField("health") else None,
        # It explains a crash and decides nothing: no reason to refuse the end of a run.
        exception_text=checks.cleaned(message.exception_text, limits.exception_bytes),
    )


def _samples(message: monitor_pb2.Evaluation) -> int:
    return checks.count(Reason.INVALID_EVALUATION, "evaluation.n", message.n, checks.MAX_STEP)


def _health(message: monitor_pb2.ClientHealth) -> ClientHealth:
    # Beyond int64 a count says nothing, and storage could not hold it.
    return ClientHealth(
        message.overhead_ratio if message.HasField("overhead_ratio") else None,
        min(message.sampled_steps, checks.MAX_STEP),
        min(message.dropped_records, checks.MAX_STEP),
        _seconds(message.spent_seconds) if message.HasField("spent_seconds") else None,
        _seconds(message.tracing_seconds) or 0.0,
    )


def _seconds(value: float) -> float | None:
    """Return a time, None where the value can be none."""
    # Like step_seconds it decides nothing: a clock gone wrong is no reason to refuse a run.
    return value if math.isfinite(value) and value >= 0 else None
