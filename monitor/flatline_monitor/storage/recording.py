"""Journals of some runs in one small file, to be kept, sent and judged again."""

import json
import lzma
from collections.abc import Sequence
from pathlib import Path

from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import StreamKey
from flatline_monitor.storage.errors import StoreError

_LENGTH_BYTES = 4


def save(path: Path, runs: Sequence[Sequence[Entry]]) -> None:
    """Write the journals: what each entry is as JSON, then their bytes, packed together.

    Raises OSError where the file cannot be written.
    """
    head = [
        [(*_key(entry.stream), entry.sequence, entry.received_at, len(entry.raw)) for entry in run]
        for run in runs
    ]
    text = json.dumps(head).encode()
    body = b"".join(entry.raw for run in runs for entry in run)
    packed = lzma.compress(len(text).to_bytes(_LENGTH_BYTES) + text + body, preset=9)
    path.write_bytes(packed)


def load(path: Path) -> list[list[Entry]]:
    """Return the journals that `save` was given.

    Raises StoreError for a file that cannot be read, or that `save` did not write.
    """
    try:
        return _unpacked(lzma.decompress(path.read_bytes()))
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror})"
        raise StoreError(msg) from error
    except (lzma.LZMAError, ValueError, TypeError) as error:
        msg = f"{path} is no recording of runs; `flatline-monitor export RUN FILE` writes one"
        raise StoreError(msg) from error


def _unpacked(data: bytes) -> list[list[Entry]]:
    start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES])
    heads = json.loads(data[_LENGTH_BYTES:start])
    if not isinstance(heads, list):
        msg = f"a list of runs, and not {type(heads).__name__}"
        raise TypeError(msg)
    runs = []
    for head in heads:
        run = []
        for run_id, incarnation, rank, sequence, received_at, size in head:
            raw, start = data[start : start + size], start + size
            run.append(Entry(StreamKey(run_id, incarnation, rank), sequence, received_at, raw))
        runs.append(run)
    if start != len(data):
        msg = f"{len(data)} bytes, where the entries have {start}"
        raise ValueError(msg)
    return runs


def _key(stream: StreamKey) -> tuple[str, int, int]:
    return stream.run_id, stream.incarnation, stream.rank
