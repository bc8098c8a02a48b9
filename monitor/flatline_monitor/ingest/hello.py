"""The hello: who is calling, and whether both sides speak the same protocol."""

from typing import Any

from flatline.v1 import monitor_pb2, packed_pb2
from flatline_monitor.ingest import checks
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.ingest.reasons import Reason
from flatline_monitor.runs.records import Hello, LossKind, RefusedError, Task

PROTOCOL = 1

_TASKS = dict(enumerate(Task))
_LOSS_KINDS = dict(enumerate(LossKind))


_TEXTS = (
    "name",
    "project",
    "user",
    "loss_name",
    "client_version",
    "framework",
    "framework_version",
    "python_version",
)


def read_opening(message: packed_pb2.PackedWatchRequest, limits: Limits) -> Hello:
    """Return the hello that must be the first message of a stream."""
    content = message.WhichOneof("message")
    if content != "hello":
        raise RefusedError(
            Reason.INVALID_HELLO, f"the first message is {content or 'empty'}; it must be a hello"
        )
    if message.sequence:
        raise RefusedError(
            Reason.INVALID_HELLO,
            f"the first message has sequence {message.sequence}; the hello that opens a stream "
            "has none",
        )
    return read_hello(message.hello, limits)


def read_hello(message: monitor_pb2.Hello, limits: Limits) -> Hello:
    """Return a checked hello; the protocol is looked at first, for the rest depends on it."""
    if message.protocol != PROTOCOL:
        raise RefusedError(
            Reason.PROTOCOL_VERSION,
            f"the client speaks version {message.protocol} of the protocol, this monitor version "
            f"{PROTOCOL}: install the same version of flatline on both sides",
        )
    run_id = checks.run_id(message.run_id)
    _check_numbers(message, limits)
    text: dict[str, Any] = {
        name: checks.text(f"hello.{name}", getattr(message, name), limits.name_bytes)
        for name in _TEXTS
    }
    return Hello(
        run_id=run_id,
        tags=_tags(message, limits),
        rank=message.rank,
        world_size=max(message.world_size, 1),
        incarnation=message.incarnation,
        fit=message.fit,
        plan_steps=message.plan_steps if message.HasField("plan_steps") else None,
        plan_epochs=message.plan_epochs if message.HasField("plan_epochs") else None,
        batch_size=message.batch_size if message.HasField("batch_size") else None,
        task=_TASKS.get(message.task, Task.UNKNOWN),
        loss_kind=_LOSS_KINDS.get(message.loss_kind, LossKind.UNKNOWN),
        class_count=message.class_count if message.HasField("class_count") else None,
        quiet=tuple(
            checks.text("hello.quiet", name, limits.name_bytes, required=True)
            for name in message.quiet
        ),
        **text,
    )


def _check_numbers(message: monitor_pb2.Hello, limits: Limits) -> None:
    world = max(message.world_size, 1)
    checks.count(Reason.INVALID_HELLO, "hello.world_size", world, limits.ranks)
    if message.rank >= world:
        raise RefusedError(
            Reason.INVALID_HELLO,
            f"hello.rank is {message.rank} of {world}; ranks count from 0 to world_size - 1",
        )
    checks.count(
        Reason.TOO_MANY_CLASSES, "hello.class_count", message.class_count, limits.class_count
    )
    checks.count(Reason.INVALID_HELLO, "hello.quiet", len(message.quiet), limits.quiet)
    for name in ("plan_steps", "plan_epochs"):
        checks.step(Reason.INVALID_HELLO, f"hello.{name}", getattr(message, name))


def _tags(message: monitor_pb2.Hello, limits: Limits) -> dict[str, str]:
    checks.count(Reason.TOO_MANY_TAGS, "hello.tags", len(message.tags), limits.tags)
    return {
        checks.text("hello.tags key", key, limits.tag_key_bytes, required=True): checks.text(
            f"hello.tags[{checks.shown(key)}]", value, limits.tag_value_bytes
        )
        for key, value in message.tags.items()
    }
