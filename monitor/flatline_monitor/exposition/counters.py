"""What the exposition asks of whoever counts: the engine's counters satisfy it as they are."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Histogram(Protocol):
    """How long something took, sorted into buckets."""

    @property
    def bounds(self) -> tuple[float, ...]:
        """Upper bounds of the buckets in seconds, ascending, without the infinite one."""

    @property
    def counts(self) -> Sequence[int]:
        """Observations in each bucket alone, the infinite one last."""

    @property
    def total_seconds(self) -> float:
        """Sum of all observations."""


class Counters(Protocol):
    """Counts since the monitor started."""

    @property
    def received(self) -> int:
        """Records taken, duplicates apart."""

    @property
    def received_bytes(self) -> int:
        """Bytes of the records taken."""

    @property
    def gaps(self) -> int:
        """Sequence numbers that never came."""

    @property
    def duplicates(self) -> int:
        """Records that came again."""

    @property
    def queue_length(self) -> int:
        """Records that were taken and are not durable yet."""

    @property
    def fired(self) -> Mapping[tuple[str, str], int]:
        """Alerts that began to fire with, or rose to, a severity, by (detector, severity)."""

    @property
    def abstentions(self) -> Mapping[tuple[str, str], int]:
        """Judged points at which a detector could not look, by (detector, reason)."""

    @property
    def evaluations(self) -> Mapping[str, Histogram]:
        """How long judging took, by detector."""
