"""The report of `make accuracy`, as Markdown."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flatline_monitor.detectors.catalogue import CATALOGUE
from tests.gallery.case import FAMILIES
from tests.gallery.replay import Outcome
from tests.gallery.rivals.versus import Rating
from tests.gallery.score import PLANS, Quartiles, Score, Share, bars, quartiles

CONFUSED = 6


@dataclass(frozen=True)
class Results:
    """All that the report tells."""

    half: str
    score: Score
    ratings: Sequence[Rating]
    """Our own first, then the rivals and the packages."""
    absent: Mapping[str, str]
    """Packages that were not asked, and why."""

    @property
    def names(self) -> list[str]:
        """Families in the order of the catalogue; those without a detector last."""
        ordered = [each.name for each in CATALOGUE]
        return [*ordered, *sorted(FAMILIES - set(ordered))]


def picture(half: str, name: str) -> str:
    """Return the name of a picture's file, which lies beside the report."""
    return f"{half}-{name}.png"


def report(results: Results) -> Iterator[str]:
    """Return its lines."""
    score = results.score
    yield f"# The {results.half} half of the gallery"
    yield ""
    yield (
        f"{len(score.healthy)} healthy trainings, {len(score.sick)} sick ones, "
        f"{len(score.hidden)} with a fault that does not show. Shares come with the interval "
        "that holds the true one 19 times of 20 (Wilson)."
    )
    yield ""
    yield from _bars(score)
    yield from _beside(results)
    yield from _shown(results, "rivals", "Recall over false alarms of each tool")
    yield from _detectors(results)
    yield from _shown(results, "detectors", "Recall and false alarms of each detector")
    yield from _delays(score)
    yield from _shown(results, "delay", "Delay by length of the plan, and of each tool")
    yield from _confusion(results)
    yield from _shown(results, "confusion", "Detectors that fired, by expected family")
    yield from _by_cause(score.sick)
    yield from _calibration(score)
    yield from _shown(results, "reliability", "How often the first cause is true, by its weight")
    yield from _symptoms([each for each in results.ratings if not each.is_ours])


def _shown(results: Results, name: str, title: str) -> Iterator[str]:
    yield f"![{title}]({picture(results.half, name)})"
    yield ""


def _bars(score: Score) -> Iterator[str]:
    yield "## Bars"
    yield ""
    yield "| measure | value | bar | |"
    yield "|---|---|---|---|"
    for bar in bars(score):
        yield f"| {bar.name} | {bar.value} | {bar.bar} | {'met' if bar.met else 'MISSED'} |"
    yield ""


def _beside(results: Results) -> Iterator[str]:
    yield "## Beside other tools"
    yield ""
    yield (
        "Each on the same recorded signals. A tool is right when anything that it says means one "
        "of the right families; its delay is that of the first such thing, and the whole plan "
        "where there is none. Recall less false alarms is 0 for a tool that guesses."
    )
    yield ""
    yield (
        "| tool | right family | healthy with a finding | recall less false alarms "
        "| median delay (quartiles) | any finding, of the sick | of the hidden | definitions |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for each in results.ratings:
        low, high = _ends(each.delays)
        yield (
            f"| {each.name} | {each.recall} | {each.false} | {each.told_apart:.2f} "
            f"| {_percent(each.delay)} ({low} to {high}) | {_count(each.spoke)} "
            f"| {_count(each.hidden)} | {each.source} |"
        )
    for name, reason in results.absent.items():
        yield f"| {name} | {reason} | | | | | | |"
    yield ""


def _detectors(results: Results) -> Iterator[str]:
    score = results.score
    yield "## Detectors and families"
    yield ""
    rates = " / ".join(f"{score.alarms_per_run(rank):.3f}" for rank in range(3))
    yield f"Alerts per healthy training: {rates} (information / warning / critical)."
    yield ""
    yield (
        "| detector, family | the detector fired, where it may | any right one did "
        "| healthy trainings: info, warning, critical |"
    )
    yield "|---|---|---|---|"
    for name in results.names:
        found, (info, warning, critical) = score.of_detector(name)
        mute = "" if name in {each.name for each in CATALOGUE} else " (no detector)"
        yield (
            f"| {name}{mute} | {found} | {score.of_family(name)} | {info}, {warning}, {critical} |"
        )
    yield ""


def _delays(score: Score) -> Iterator[str]:
    yield "## Delay"
    yield ""
    yield (
        "Share of the plan until a right finding, of faults that are there from the first step; "
        "one that was not found counts as the whole plan."
    )
    yield ""
    yield "| steps of the plan | faults | first quartile | median | third quartile |"
    yield "|---|---|---|---|---|"
    for above, up_to in PLANS:
        name = f"more than {above}" if math.isinf(up_to) else f"{above + 1} to {up_to}"
        yield _quartiles(name, score.delays(above, up_to))
    yield _quartiles("all", score.delays(0, math.inf))
    yield ""
    late = [each for each in score.sick if each.case.at_end]
    named = Share(sum(each.delay is not None for each in late), len(late))
    yield f"Faults that only the end shows, named when the run ends: {named}."
    yield ""


def _confusion(results: Results) -> Iterator[str]:
    score, names = results.score, results.names
    yield "## Expected and found"
    yield ""
    yield "A fault may show as several families, and is counted under each."
    yield ""
    yield "| expected | faults | detectors that fired, the commonest first |"
    yield "|---|---|---|"
    table = score.confusion(names)
    for i, name in enumerate(names):
        count = score.of_family(name).count
        often = Counter(dict(zip(names, table[i].tolist(), strict=True))).most_common(CONFUSED)
        fired = ", ".join(f"{other} {n}" for other, n in often if n)
        if count:
            yield f"| {name} | {count} | {fired or 'none'} |"
    yield ""


def _by_cause(sick: Sequence[Outcome]) -> Iterator[str]:
    """Return a table of true causes, and what was said of them."""
    yield "## Causes"
    yield ""
    yield "| true cause | found | cause first | among three | detectors that fired |"
    yield "|---|---|---|---|---|"
    for cause in sorted({cause for each in sick for cause in each.case.causes}):
        part = Score([each for each in sick if cause in each.case.causes])
        fired = Counter(name for each in part.sick for name in {s.detector for s in each.said})
        often = ", ".join(f"{name} {count}" for name, count in fired.most_common(CONFUSED))
        first, three = part.causes(1), part.causes(3)
        yield f"| {cause} | {_count(part.recall)} | {_count(first)} | {_count(three)} | {often} |"
    yield ""


def _calibration(score: Score) -> Iterator[str]:
    """Return how much the weight of a first cause is worth."""
    yield "## Weight of the first cause"
    yield ""
    yield f"Expected calibration error: {score.calibration_error:.2f}."
    yield ""
    yield "| weight | mean | a true cause |"
    yield "|---|---|---|"
    for each in score.reliability:
        yield f"| {each.low:.1f} to {each.high:.1f} | {each.weight:.2f} | {each.right} |"
    yield ""


def _symptoms(ratings: Sequence[Rating]) -> Iterator[str]:
    yield "## What the other tools said"
    yield ""
    yield "| tool | symptom | sick | of them rightly | healthy |"
    yield "|---|---|---|---|---|"
    for rating in ratings:
        for symptom, (sick, right, healthy) in rating.symptoms().items():
            yield f"| {rating.name} | {symptom} | {sick} | {right} | {healthy} |"
    yield ""


def _quartiles(name: str, of: Quartiles) -> str:
    cells = (_percent(value) for value in (of.first, of.median, of.third))
    return f"| {name} | {of.count} | {' | '.join(cells)} |"


def _ends(delays: Sequence[float]) -> tuple[str, str]:
    of = quartiles(delays)
    return _percent(of.first), _percent(of.third)


def _percent(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.1%}"


def _count(of: Share) -> str:
    return f"{of.hits}/{of.count}"
