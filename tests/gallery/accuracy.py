"""`make accuracy`: how right the monitor is about the gallery, beside other tools.

Prints the report over the score half and writes it to dist/accuracy/. Fails when a bar is missed.
`--half tune` is for work on detectors; thresholds are set on that half alone.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from flatline_monitor.detectors.catalogue import CATALOGUE
from tests.gallery.record import line
from tests.gallery.replay import Outcome, recorded, replayed
from tests.gallery.score import Score, bars

OUT = Path("dist/accuracy")


def main() -> int:
    """Replay, print and write; return 0 if every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("tune", "score"), default="score")
    parser.add_argument("--cases", action="store_true", help="print a line for each training too")
    given = parser.parse_args()
    chosen = [case for case in recorded() if case.half == given.half]
    with ProcessPoolExecutor() as pool:
        outcomes = list(pool.map(replayed, chosen, chunksize=4))
    if given.cases:
        sys.stdout.write("\n".join(map(line, outcomes)) + "\n\n")
    score = Score(outcomes)
    text = "\n".join(report(score, given.half))
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"report-{given.half}.md").write_text(text)
    sys.stdout.write(text + "\n")
    return 0 if all(bar.met for bar in bars(score)) else 1


def report(score: Score, half: str) -> Iterator[str]:
    """Return the lines of the report, as Markdown."""
    yield f"# The {half} half of the gallery"
    yield ""
    yield (
        f"{len(score.healthy)} healthy trainings, {len(score.sick)} sick ones, "
        f"{len(score.hidden)} with a fault that does not show."
    )
    yield ""
    yield "| measure | value | bar | met |"
    yield "|---|---|---|---|"
    for bar in bars(score):
        yield f"| {bar.name} | {bar.value} | {bar.bar} | {'yes' if bar.met else 'NO'} |"
    yield ""
    yield "| detector | found of what it may find | healthy: info, warning, critical |"
    yield "|---|---|---|"
    for detector in CATALOGUE:
        found, (info, warning, critical) = score.of_detector(detector.name)
        yield f"| {detector.name} | {found} | {info}, {warning}, {critical} |"
    yield ""
    yield from _by_cause(score.sick)


def _by_cause(sick: Sequence[Outcome]) -> Iterator[str]:
    """Return a table of true causes, and what was said of them."""
    yield "| true cause | found | cause first | among three | detectors that fired |"
    yield "|---|---|---|---|---|"
    for cause in sorted({cause for each in sick for cause in each.case.causes}):
        part = Score([each for each in sick if cause in each.case.causes])
        fired = Counter(name for each in part.sick for name in {s.detector for s in each.said})
        often = ", ".join(f"{name} {count}" for name, count in fired.most_common(5))
        first, three = part.causes(1), part.causes(3)
        yield (
            f"| {cause} | {part.recall.hits}/{part.recall.count} | {first.hits}/{first.count} "
            f"| {three.hits}/{three.count} | {often} |"
        )


if __name__ == "__main__":
    sys.exit(main())
