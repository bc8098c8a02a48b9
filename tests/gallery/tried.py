"""What came of the remedies, and the figures that it gives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tests.gallery.score import Bar, Share

LEAST, TIMES = 0.7, 2.0
"""Share of the programs that has to recover with the first remedy, and how many random ones."""


@dataclass(frozen=True)
class Taken:
    """What came of one remedy."""

    cause: str
    why: str
    """Why the program did not recover by it; empty: it did."""
    error: bool = False
    """Whether its code did not run."""


@dataclass(frozen=True)
class Tried:
    """What was tried on one sick program."""

    name: str
    cause: str
    """The first that the monitor names; empty: it names none."""
    reason: str
    """Why the first remedy cannot be taken; empty: it was."""
    right: bool = False
    """Whether it is a cause that the program really has."""
    first: Taken | None = None
    chance: Taken | None = None
    """What came of a remedy that was drawn; None: there is no other."""

    @classmethod
    def of(cls, known: Mapping[str, Any]) -> Self:
        """Return what was written as a mapping."""
        some = {name: Taken(**known[name]) for name in ("first", "chance") if known[name]}
        return cls(**known | some)


def recovered(some: Iterable[Taken | None]) -> Share:
    """Return how many programs recovered, of those that took such a remedy."""
    taken = [each for each in some if each is not None]
    return Share(sum(not each.why for each in taken), len(taken))


def firsts(tried: Sequence[Tried]) -> Share:
    """Return how many recovered with the first remedy, of those that could take it."""
    return recovered(each.first for each in tried)


def chances(tried: Sequence[Tried]) -> Share:
    """Return how many of the same recovered with a random remedy."""
    return recovered(each.chance for each in tried if each.first is not None)


def bars(tried: Sequence[Tried]) -> list[Bar]:
    """Return the figures of issue and bar, side by side."""
    first, chance = firsts(tried), chances(tried)
    ratio = first.value / chance.value if chance.hits else float("inf")
    return [
        Bar("recover with the first remedy", str(first), f">= {LEAST:.0%}", first.value >= LEAST),
        Bar(
            "the same, in times of a random remedy", f"{ratio:.1f}", f">= {TIMES:g}", ratio >= TIMES
        ),
    ]
