"""What is remembered of a run: its records as they came, and its state now and then.

The journal is the truth: feeding a run's entries in order gives its state again, because the
core is deterministic. A snapshot only saves the feeding of what came before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flatline_monitor.runs.records import StreamKey


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as it came."""

    stream: StreamKey
    sequence: int
    """Its number on the wire; 0 for the opening hello and for the monitor's own marks."""
    received_at: float
    """Server time, seconds since 1970."""
    raw: bytes
    """The serialized WatchRequest; empty for the monitor's own mark that the run stalled."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State of one run after the first `entries` entries of its journal."""

    run_id: str
    entries: int
    version: int
    """Version of the blob's layout; one of another version is not read."""
    blob: bytes


@dataclass(frozen=True, slots=True)
class Remembered:
    """All that a store gives back of one run."""

    run_id: str
    snapshot: Snapshot | None
    """The newest of the version asked for."""
    entries: Sequence[Entry]
    """Everything after the snapshot, in the order in which it was committed."""
    whole: Callable[[], Sequence[Entry]]
    """Gives everything from the beginning, for when the snapshot cannot be read."""
