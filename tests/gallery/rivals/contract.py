"""What a rival is: the rules of another tool, on the signals that were recorded of a run.

A rule says at which step the tool would have spoken first. Its symptom goes by the tool's own
name; the families are all detectors of ours that mean something like it, so that a tool is right
whenever it can be understood to be. Where a recording lacks what a rule reads, the docstring of
the rival says what stands for it; where a definition leaves a choice, it is the one that serves
the rival.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.gallery.case import FAMILIES
from tests.gallery.rivals.logs import Logs
from tests.gallery.series import Series


@dataclass(frozen=True)
class Found:
    """What a rival says of a run, for the first time."""

    step: int
    """At the end of which it says so."""
    symptom: str
    families: frozenset[str]


@dataclass(frozen=True)
class Rule:
    """One symptom of a rival."""

    symptom: str
    """Its name for people who know the rival."""
    families: frozenset[str]
    first: Callable[[Logs], int | None]
    """Return the step at the end of which it fires first; None: never."""


@dataclass(frozen=True)
class Rival:
    """One tool."""

    name: str
    source: str
    """Where its definitions were published."""
    rules: Sequence[Rule]
    logs: Callable[[Series], Logs] = Logs

    def findings(self, run: Series) -> tuple[Found, ...]:
        """Return the first finding of each symptom, in the order of their steps."""
        logs = self.logs(run)
        fired = [(rule.first(logs), rule) for rule in self.rules]
        found = [
            Found(step, rule.symptom, rule.families) for step, rule in fired if step is not None
        ]
        return tuple(sorted(found, key=lambda each: each.step))


def rule(symptom: str, *families: str) -> Callable[[Callable[[Logs], int | None]], Rule]:
    """Make a rule of the function that follows."""
    if unknown := sorted(set(families) - FAMILIES):
        msg = (
            f"{symptom} is mapped to {', '.join(unknown)}; a family is one of tests/gallery/case.py"
        )
        raise ValueError(msg)
    return lambda first: Rule(symptom, frozenset(families), first)
