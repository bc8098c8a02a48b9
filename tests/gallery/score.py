"""How right the outcomes of a gallery are, in figures with their intervals."""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.gallery.replay import Outcome

Z = 1.96
PLAN_LEAST = 30
"""Steps of a plan from which on its share is a measure of delay."""
INFO, WARNING, CRITICAL = range(3)
BINS = 5
PLANS = ((0, 30), (30, 150), (150, 440), (440, math.inf))
"""Steps of short and long plans: above, up to."""


@dataclass(frozen=True)
class Share:
    """So many of so many, with the interval that holds the true share 19 times of 20."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        """The share; nan: of nothing."""
        return self.hits / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Return its ends (Wilson, 1927)."""
        if not self.count:
            return 0.0, 1.0
        n, p = self.count, self.value
        centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
        return max(centre - half, 0.0), min(centre + half, 1.0)

    def __str__(self) -> str:
        if not self.count:
            return "none to find"
        low, high = self.interval
        return f"{self.value:.0%} ({self.hits}/{self.count}, {low:.0%}-{high:.0%})"


def share(outcomes: Iterable[Outcome], of: Callable[[Outcome], bool]) -> Share:
    """Return of how many of these outcomes it is true."""
    found = [of(each) for each in outcomes]
    return Share(sum(found), len(found))


@dataclass(frozen=True)
class Quartiles:
    """The middle of some delays, and of how many."""

    count: int
    first: float = math.nan
    median: float = math.nan
    third: float = math.nan


def quartiles(values: Sequence[float]) -> Quartiles:
    """Return where the quarters of some values end."""
    if not values:
        return Quartiles(0)
    low, middle, high = (float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
    return Quartiles(len(values), low, middle, high)


@dataclass(frozen=True)
class Bin:
    """Sick trainings whose first cause has a weight between these."""

    low: float
    high: float
    weight: float
    """Mean of the weights; nan: there are none."""
    right: Share


@dataclass(frozen=True)
class Score:
    """The outcomes of some trainings, by their labels."""

    outcomes: Sequence[Outcome]

    @property
    def healthy(self) -> list[Outcome]:
        """Those that have no fault."""
        return [each for each in self.outcomes if not each.case.sick]

    @property
    def sick(self) -> list[Outcome]:
        """Those with a fault that shows."""
        return [each for each in self.outcomes if each.case.sick and each.case.visible]

    @property
    def hidden(self) -> list[Outcome]:
        """Those with a fault of which nothing shows."""
        return [each for each in self.outcomes if each.case.sick and not each.case.visible]

    @property
    def recall(self) -> Share:
        """Faults that were found by a detector of the right family."""
        return share(self.sick, is_found)

    @property
    def anything(self) -> Share:
        """Sick trainings that were warned of, by whatever detector."""
        return share(self.sick, lambda each: rank(each) >= WARNING)

    def alarms(self, least: int) -> Share:
        """Return how many healthy trainings had an alert as grave as this."""
        return share(self.healthy, lambda each: rank(each) >= least)

    @property
    def hidden_alarms(self) -> Share:
        """Warnings where nothing is visible."""
        return share(self.hidden, lambda each: rank(each) >= WARNING)

    def causes(self, first: int) -> Share:
        """Return of how many sick trainings a true cause is among the first so many."""
        return share(self.sick, lambda each: bool(each.case.causes & set(each.causes[:first])))

    @property
    def reliability(self) -> list[Bin]:
        """How often the first cause is a true one, by its weight, in even bins."""
        told = [(each.weight, each) for each in self.sick if each.weight is not None]
        bins = []
        for i in range(BINS):
            low, high = i / BINS, (i + 1) / BINS
            within = [(w, each) for w, each in told if low <= w < high or (w == high == 1)]
            right = share([each for _, each in within], _is_explained)
            mean = statistics.fmean(w for w, _ in within) if within else math.nan
            bins.append(Bin(low, high, mean, right))
        return bins

    @property
    def calibration_error(self) -> float:
        """Return the expected calibration error (Naeini et al., 2015) of the first cause's weight.

        The mean distance between weight and share of true causes, over the bins, by their size.
        """
        bins = [each for each in self.reliability if each.right.count]
        count = sum(each.right.count for each in bins)
        gaps = (each.right.count * abs(each.weight - each.right.value) for each in bins)
        return sum(gaps) / count if count else math.nan

    @property
    def delay(self) -> float:
        """Median share of the plan until a fault from the start was found; one not found: 1."""
        delays = [
            1.0 if each.delay is None else each.delay
            for each in self.from_the_start
            if (each.plan or 0) >= PLAN_LEAST
        ]
        return statistics.median(delays) if delays else math.nan

    @property
    def from_the_start(self) -> list[Outcome]:
        """Those whose fault is there from the first step, and does not need the last."""
        return [each for each in self.sick if not each.case.onset and not each.case.at_end]

    def delays(self, above: float, up_to: float) -> Quartiles:
        """Return the delay in plans of so many steps, or in runs where there is no plan."""
        return quartiles(
            [
                1.0 if each.delay is None else each.delay
                for each in self.from_the_start
                if above < (each.plan or each.steps) <= up_to
            ]
        )

    def of_family(self, name: str) -> Share:
        """Return how many faults that may show as this were found, by whichever is right."""
        return share([each for each in self.sick if name in each.case.families], is_found)

    def alarms_per_run(self, severity: int) -> float:
        """Return how many alerts a healthy training has of exactly this severity."""
        gravest = [
            worst.rank
            for each in self.healthy
            for name in {said.detector for said in each.said}
            if (worst := each.worst(frozenset({name})))
        ]
        return gravest.count(severity) / len(self.healthy) if self.healthy else math.nan

    def confusion(self, names: Sequence[str]) -> np.ndarray:
        """[family, detector] Faults that may show as the one, and in which the other fired."""
        table = np.zeros((len(names), len(names)), int)
        for each in self.sick:
            fired = {said.detector for said in each.said}
            rows = [i for i, name in enumerate(names) if name in each.case.families]
            columns = [i for i, name in enumerate(names) if name in fired]
            table[np.ix_(rows, columns)] += 1
        return table

    def of_detector(self, name: str) -> tuple[Share, tuple[int, int, int]]:
        """Return what it found of what it might, and the healthy trainings it fired in.

        The latter by the gravest severity: information, warning, critical.
        """
        expected = [each for each in self.sick if name in each.case.families]
        found = share(expected, lambda each: any(said.detector == name for said in each.said))
        gravest = Counter(
            worst.rank for each in self.healthy if (worst := each.worst(frozenset({name})))
        )
        return found, (gravest[INFO], gravest[WARNING], gravest[CRITICAL])


def _is_explained(each: Outcome) -> bool:
    return bool(each.case.causes & set(each.causes[:1]))


def is_found(each: Outcome) -> bool:
    """Say whether a detector of the right family said something."""
    return any(said.detector in each.case.families for said in each.said)


def rank(each: Outcome) -> int:
    """Return the rank of the gravest thing said; -1: nothing was."""
    worst = each.worst()
    return -1 if worst is None else worst.rank


@dataclass(frozen=True)
class Bar:
    """What a figure has to be."""

    name: str
    value: str
    bar: str
    met: bool


def bars(score: Score) -> list[Bar]:
    """Return the figures of issue and bar, side by side."""
    recall, critical, warned = score.recall, score.alarms(CRITICAL), score.alarms(WARNING)
    first, three = score.causes(1), score.causes(3)
    return [
        Bar(
            "visible faults found by the right family", str(recall), ">= 95 %", recall.value >= 0.95
        ),
        Bar("healthy runs with a critical alert", str(critical), "0", critical.hits == 0),
        Bar("healthy runs with a warning", str(warned), "<= 3 %", warned.value <= 0.03),
        Bar("right cause first", str(first), ">= 60 %", first.value >= 0.6),
        Bar("right cause among three", str(three), ">= 80 %", three.value >= 0.8),
        Bar("median delay, in plans", f"{score.delay:.1%}", "< 20 %", score.delay < 0.2),
        Bar(
            "warnings where nothing shows",
            str(score.hidden_alarms),
            "0",
            not score.hidden_alarms.hits,
        ),
    ]
