"""What the engine counts of its own work, since it was started."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

BOUNDS_SECONDS = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


@dataclass(slots=True)
class Histogram:
    """How often something took how long."""

    bounds: tuple[float, ...] = BOUNDS_SECONDS
    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))
    """One for each bound, values up to it and above the one before; the last is the rest."""
    total_seconds: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total_seconds += seconds


@dataclass(slots=True)
class Counters:
    """Counts since the process began."""

    received: int = 0
    """Records taken, duplicates apart."""
    received_bytes: int = 0
    gaps: int = 0
    """Sequence numbers that never came."""
    duplicates: int = 0
    queue_length: int = 0
    """Records that are judged and not yet durable."""
    fired: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By detector and severity."""
    abstentions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By detector and reason."""
    evaluations: dict[str, Histogram] = field(default_factory=dict)
    """Time of one judgement, by detector."""
