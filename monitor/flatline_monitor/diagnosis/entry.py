"""What the table of causes says of each: its signature, its remedy and its source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flatline_monitor.diagnosis.contract import Remedy
from flatline_monitor.diagnosis.facts import Facts


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table."""

    name: str
    title: str
    """Goes on after "probably"."""
    speaks_for: Mapping[str, float]
    """Weights of detectors' findings and of signs, by name."""
    remedy: Callable[[Facts], Remedy]
    source: str
    speaks_against: Mapping[str, float] = field(default_factory=dict)
