"""The records that the monitor does not have for sure yet. No lock, no thread, no clock."""

from dataclasses import dataclass

from flatline import wire

CAPACITY_BYTES = 32 * 2**20
"""Memory of the backlog unless told otherwise: about an hour of a run that sends 8 KiB a second."""

_OVERHEAD_BYTES = 160
"""What Python adds to a record: the bytes object, the entry, its place in the dictionary."""


@dataclass(frozen=True, slots=True)
class Record:
    """One numbered record; the number is part of `raw`."""

    raw: bytes
    steps: int
    """Steps in a chunk, else 0."""
    opening: bytes | None
    """For a hello that opens a further fit: what opens a stream from then on."""


class Backlog:
    """Records under their sequence numbers, from 1, bounded in bytes.

    A record gets its number when it is taken in, so there are no holes. Chunks leave an eighth of
    the memory to all other records, which are few and without which chunks cannot be read.
    """

    def __init__(self, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._kept: dict[int, Record] = {}
        self._capacity_bytes = capacity_bytes
        self._bytes = 0
        self._cursor = 0  # number of the record to send next; 0: no stream is open
        self._newest_sent = 0
        self.first = 1
        """Number of the oldest record that is kept, or of the next one when none is."""
        self.next = 1
        """Number that the next record will get."""
        self.dropped = 0
        """Records that were refused for want of memory, or given up."""
        self.acknowledged_steps = 0
        """Steps in records that were acknowledged as durable."""

    def __len__(self) -> int:
        """Return the number of records kept."""
        return self.next - self.first

    def take(
        self, record: bytes, *, steps: int = 0, opening: bytes | None = None, chunk: bool = False
    ) -> bool:
        """Number and keep the record; False says that it was refused and counted."""
        limit = self._capacity_bytes - self._capacity_bytes // 8 * chunk
        raw = wire.numbered(self.next, record)
        if self._bytes + _cost(raw) > limit:
            self.dropped += 1
            return False
        self._kept[self.next] = Record(raw, steps, opening)
        self._bytes += _cost(raw)
        self.next += 1
        return True

    @property
    def open(self) -> bool:
        """Whether a monitor has said where to go on, on a stream that is still there."""
        return self._cursor > 0

    def resume(self, monitor_next: int) -> None:
        """Go on, on a new stream, with what the monitor asks for.

        Where the monitor has all that is kept, the newest is sent again: it is acknowledged again,
        and without that nobody would ever say that the rest is durable.
        """
        self._cursor = max(self.first, min(monitor_next, self.next - 1))

    def hang_up(self) -> None:
        """Send nothing until the next `resume`."""
        self._cursor = 0

    def send(self) -> bytes | None:
        """Return the next record to send, if there is one and a stream to send it on."""
        if not self._cursor or self._cursor >= self.next:
            return None
        sequence, self._cursor = self._cursor, self._cursor + 1
        self._newest_sent = max(self._newest_sent, sequence)
        return self._kept[sequence].raw

    def acknowledge(self, durable: int) -> bytes | None:
        """Forget the records up to `durable`; return what opens a stream now, if that changed.

        What was never sent cannot be durable, whatever a monitor says.
        """
        opening = None
        while self.first <= min(durable, self._newest_sent):
            record = self._kept.pop(self.first)
            self._bytes -= _cost(record.raw)
            self.acknowledged_steps += record.steps
            opening = record.opening or opening
            self.first += 1
        if self._cursor:
            self._cursor = max(self._cursor, self.first)
        return opening

    def clear(self) -> None:
        """Give up everything that is kept, and count it; the numbers go on."""
        self.dropped += len(self)
        self._kept.clear()
        self._bytes = 0
        self._cursor = 0  # number of the record to send next; 0: no stream is open
        self._newest_sent = 0
        self.first = self.next


def _cost(raw: bytes) -> int:
    return len(raw) + _OVERHEAD_BYTES
