"""What each tool says of each training, ours beside the others, in the same figures."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.gallery.case import Case
from tests.gallery.replay import Outcome, Span
from tests.gallery.rivals.catalogue import RIVALS
from tests.gallery.rivals.contract import Found
from tests.gallery.score import PLAN_LEAST, Share
from tests.gallery.series import Series


@dataclass(frozen=True)
class Told:
    """A finding, and when people had it."""

    symptom: str
    families: frozenset[str]
    share: float
    """Of what was planned, or else of what was trained."""


@dataclass(frozen=True)
class Answer:
    """What one tool says of one training."""

    case: Case
    told: tuple[Told, ...]
    plan: int | None

    @property
    def right(self) -> bool:
        """Whether something that it says means one of the right families."""
        return any(each.families & self.case.families for each in self.told)

    @property
    def delay(self) -> float:
        """Share of the plan, from the onset on, until something right was said; 1: never."""
        shares = [each.share for each in self.told if each.families & self.case.families]
        return max(min(shares) - self.case.onset, 0.0) if shares else 1.0

    @property
    def of_delay(self) -> bool:
        """Whether its delay counts: a fault from the start, that does not need the end."""
        return not self.case.onset and not self.case.at_end and (self.plan or 0) >= PLAN_LEAST


def ours(each: Outcome, least: int) -> Answer:
    """Return our own alerts of at least a severity, as those of any other tool."""
    told = tuple(
        Told(said.detector, frozenset({said.detector}), said.share)
        for said in each.said
        if said.severity.rank >= least
    )
    return Answer(each.case, told, each.plan)


def theirs(each: Outcome, runs: Sequence[Series]) -> dict[str, Answer]:
    """Return what every rival says of a training whose outcome is known."""
    with np.errstate(all="ignore"):
        return {rival.name: answer(each, [rival.findings(run) for run in runs]) for rival in RIVALS}


def answer(each: Outcome, found: Sequence[Sequence[Found]]) -> Answer:
    """Return the findings in the runs of a training as one answer."""
    told = tuple(_told(each.spans, found))
    return Answer(each.case, told, each.plan)


def _told(spans: Sequence[Span], found: Sequence[Sequence[Found]]) -> Iterator[Told]:
    for span, some in zip(spans, found, strict=True):
        for one in some:
            yield Told(one.symptom, one.families, span.share(one.step))


@dataclass(frozen=True)
class Rating:
    """One tool over many trainings."""

    name: str
    source: str
    answers: Sequence[Answer]
    is_ours: bool = False

    def _share(self, of: Callable[[Case], bool], hit: Callable[[Answer], bool]) -> Share:
        hits = [hit(each) for each in self.answers if of(each.case)]
        return Share(sum(hits), len(hits))

    @property
    def recall(self) -> Share:
        """Visible faults of which it said something right."""
        return self._share(_visible, lambda each: each.right)

    @property
    def spoke(self) -> Share:
        """Visible faults of which it said anything."""
        return self._share(_visible, lambda each: bool(each.told))

    @property
    def false(self) -> Share:
        """Healthy trainings of which it said anything."""
        return self._share(lambda case: not case.sick, lambda each: bool(each.told))

    @property
    def hidden(self) -> Share:
        """Trainings with an invisible fault of which it said anything."""
        return self._share(
            lambda case: case.sick and not case.visible, lambda each: bool(each.told)
        )

    @property
    def told_apart(self) -> float:
        """Recall less false alarms: 0 is what guessing reaches, 1 is perfect."""
        return self.recall.value - self.false.value

    @property
    def delays(self) -> list[float]:
        """Of the faults that are there from the start, in ascending order; 1: not found."""
        return sorted(each.delay for each in self.answers if _visible(each.case) and each.of_delay)

    @property
    def delay(self) -> float:
        """The median of them."""
        return statistics.median(self.delays) if self.delays else float("nan")

    def symptoms(self) -> Mapping[str, tuple[int, int, int]]:
        """Return for each symptom the sick trainings it was said of, rightly, and the healthy."""
        found: dict[str, list[int]] = {}
        for each in self.answers:
            for name in sorted({told.symptom for told in each.told}):
                row = found.setdefault(name, [0, 0, 0])
                said = [told for told in each.told if told.symptom == name]
                row[0] += _visible(each.case)
                row[1] += any(told.families & each.case.families for told in said)
                row[2] += not each.case.sick
        return {name: (row[0], row[1], row[2]) for name, row in sorted(found.items())}


def _visible(case: Case) -> bool:
    return case.sick and case.visible
