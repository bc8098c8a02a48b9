"""Scalars of TensorBoard event files, read by the wire format of protobuf and nothing else.

An event file is a TFRecord file: for each record its length (uint64), a checksum of that, the
record, and a checksum of it. A record is a `tensorflow.Event`; the numbers of fields are those of
event.proto, summary.proto and tensor.proto.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from flatline_monitor.lint.csv_files import by_step
from flatline_monitor.lint.log import LintError, Table

MARK = b"brain.Event:"
"""Stands in the first record of each event file."""
LARGEST = 2**20
"""Bytes of a record that may hold scalars; larger ones are images and graphs."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FLOAT, DOUBLE, INT32, INT64 = 1, 2, 3, 9
FORMATS = {FLOAT: "<f", DOUBLE: "<d", INT32: "<i", INT64: "<q"}
CONTENT = 4
"""Field of a TensorProto that holds its numbers as they lie in memory."""
VALUES = {FLOAT: 5, DOUBLE: 6, INT32: 7, INT64: 10}
"""Fields of a TensorProto that hold its numbers one by one."""


def is_one(head: bytes) -> bool:
    """Say whether a file that begins so is an event file."""
    return MARK in head[:64]


def scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Return steps and values of each scalar, in the order in which they were written.

    A last record that is torn, as of a training that still runs, is left out; what follows a
    record that is not readable is too.
    """
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for record in _records(path):
        try:
            step, told = _event(record)
        except (LookupError, TypeError, ValueError, struct.error):
            break
        for tag, number in told:
            found[tag].append((step, number))
    return dict(found)


def table(name: str, tags: dict[str, list[tuple[int, float]]]) -> Table:
    """Return the scalars side by side, by their step.

    Raises LintError where there are none.
    """
    steps: dict[float, dict[str, float]] = defaultdict(dict)
    for tag, points in tags.items():
        for step, number in points:
            steps[step][tag] = number
    if not steps:
        msg = f"{name} is an event file of TensorBoard without scalars"
        raise LintError(msg)
    return Table(name, "TensorBoard", by_step(steps))


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = path.stat().st_size
        while len(head := file.read(12)) == 12:  # noqa: PLR2004 - a length and its checksum
            (length,) = struct.unpack("<Q", head[:8])
            end = file.tell() + length + 4
            if end > size:
                return
            if length <= LARGEST:
                yield file.read(length)
            file.seek(end)


def _event(record: bytes) -> tuple[int, list[tuple[str, float]]]:
    step, told = 0, []
    for field, kind, content in _fields(record):
        if field == 2 and kind == VARINT:  # noqa: PLR2004 - Event.step
            step = _signed(content)
        elif field == 5 and isinstance(content, bytes):  # noqa: PLR2004 - Event.summary
            told += [one for _, _, value in _fields(content) for one in _value(value)]
    return step, told


def _value(content: bytes | int) -> list[tuple[str, float]]:
    """Return tag and number of a Summary.Value, if it is a scalar."""
    if not isinstance(content, bytes):
        return []
    tag, number = "", None
    for field, kind, part in _fields(content):
        match field, kind, part:
            case 1, 2, bytes():
                tag = part.decode(errors="replace")
            case 2, 5, bytes():
                (number,) = struct.unpack("<f", part)
            case 8, 2, bytes():
                number = _tensor(part)
    return [] if number is None else [(tag, number)]


def _tensor(content: bytes) -> float | None:
    """Return the number of a TensorProto that holds a single one."""
    fields = list(_fields(content))
    dtype = next((part for field, _, part in fields if field == 1), 0)
    if not isinstance(dtype, int) or dtype not in FORMATS:
        return None
    size = struct.calcsize(FORMATS[dtype])
    for field, _, part in fields:
        if isinstance(part, bytes) and len(part) == size and (field == CONTENT or dtype <= DOUBLE):
            if field in {CONTENT, VALUES[dtype]}:
                return float(struct.unpack(FORMATS[dtype], part)[0])
        elif field == VALUES[dtype] and dtype > DOUBLE:
            return float(_signed(_varint(part, 0)[0] if isinstance(part, bytes) else part))
    return None


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    """Yield number, wire type and content of each field of a message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        field, kind = key >> 3, key & 7
        content: bytes | int
        if kind == VARINT:
            content, at = _varint(message, at)
        else:
            if kind == BYTES:
                size, at = _varint(message, at)
            else:
                size = {FIXED64: 8, FIXED32: 4}[kind]
            content, at = message[at : at + size], at + size
            if at > len(message):
                raise ValueError(field)
        yield field, kind, content


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return number, at


def _signed(number: bytes | int) -> int:
    """Return a varint as the int64 that it stands for."""
    if isinstance(number, bytes):
        raise TypeError(number)
    return number - 2**64 if number >= 2**63 else number
