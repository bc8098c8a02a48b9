"""What a diagnosis says: likely causes, the best first, each with what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do, with the numbers of this run."""

    text: str
    """One or two sentences for people."""
    code: str = ""
    """Keras 3 code to copy; empty: there is nothing to type."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One likely reason for what was found."""

    name: str
    """Its name in the table of causes, such as "learning_rate_too_high"."""
    title: str
    """The same as words that go on after "probably": "the learning rate is too high"."""
    weight: float
    """How much the evidence speaks for it, 0..1; causes are ranked by it, and need not sum to 1."""
    speaks_for: tuple[str, ...]
    """Sentences with the numbers of this run, the weightiest first."""
    speaks_against: tuple[str, ...]
    remedy: Remedy
    explains: tuple[str, ...] = ()
    """The detectors whose findings it explains, in alphabetical order."""
