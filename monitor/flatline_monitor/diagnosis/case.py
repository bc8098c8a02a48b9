"""What a diagnosis looks at, and what a sign is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from flatline_monitor.detectors.contract import Finding
from flatline_monitor.diagnosis.facts import Facts


@dataclass(frozen=True, slots=True)
class Case:
    """One run as a diagnosis sees it: what was found, and what is known beside it."""

    findings: Mapping[str, Finding]
    facts: Facts


Sign: TypeAlias = Callable[[Case], str]
"""A question about one run: a sentence with its numbers if the sign is present, else nothing."""
