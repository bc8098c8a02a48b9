"""`make accuracy`: how right the monitor is about the gallery, beside other tools.

    python -m tests.gallery.accuracy [--half tune] [--cases] [--plates]

Prints the report over the score half and writes it to dist/accuracy/, with pictures. Fails when a
bar is missed. `--half tune` is for work on detectors; thresholds are set on that half alone.
`--plates` draws for each detector what made it fire and what nearly did on healthy runs.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.gallery.case import Case
from tests.gallery.pictures import draw
from tests.gallery.plates import draw_plates
from tests.gallery.record import line
from tests.gallery.replay import RECORDED, Outcome, load, outcome, recorded
from tests.gallery.report import Results, report
from tests.gallery.rivals.catalogue import RIVALS
from tests.gallery.rivals.packages.asking import PYTHON, asked, logs_of
from tests.gallery.rivals.versus import Answer, Rating, ours, theirs
from tests.gallery.score import INFO, WARNING, Score, bars
from tests.gallery.series import series

OUT = Path("dist/accuracy")


@dataclass(frozen=True)
class Measured:
    """What all tools but the packages say of one training, and what the packages are to be fed."""

    outcome: Outcome
    answers: Mapping[str, Answer]
    logs: Sequence[str]
    """Of its runs, in order."""


def main() -> int:
    """Replay, print and write; return 0 if every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("tune", "score"), default="score")
    parser.add_argument("--cases", action="store_true", help="print a line for each training too")
    parser.add_argument("--plates", action="store_true", help="draw a plate for each detector")
    given = parser.parse_args()
    chosen = [case for case in recorded() if case.half == given.half]
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(measured, chosen, chunksize=4))
        if given.plates:
            draw_plates(pool, [each.outcome for each in found], OUT / f"plates-{given.half}")
    if given.cases:
        sys.stdout.write("\n".join(line(each.outcome) for each in found) + "\n\n")
    results = compared(given.half, found)
    OUT.mkdir(parents=True, exist_ok=True)
    text = "\n".join(report(results))
    (OUT / f"report-{given.half}.md").write_text(text)
    draw(results, OUT)
    sys.stdout.write(text + "\n")
    return 0 if all(bar.met for bar in bars(results.score)) else 1


def measured(case: Case, directory: Path = RECORDED) -> Measured:
    """Ask everybody about one recording."""
    entries = load(case.name, directory)
    each = outcome(case, entries)
    runs = [series(run) for run in entries]
    return Measured(each, theirs(each, runs), logs_of(runs))


def compared(half: str, found: Sequence[Measured], python: Path = PYTHON) -> Results:
    """Return all that the report tells, out of what everybody said.

    `python` has the packages; where it does not exist they are not installed.
    """
    outcomes = [each.outcome for each in found]
    own = [
        Rating(name, "this repository", [ours(each, least) for each in outcomes], is_ours=True)
        for name, least in (("flatline", INFO), ("flatline, warnings and worse", WARNING))
    ]
    rivals = [
        Rating(each.name, each.source, [one.answers[each.name] for one in found]) for each in RIVALS
    ]
    packages, absent = asked(outcomes, [each.logs for each in found], python)
    return Results(half, Score(outcomes), [*own, *rivals, *packages], absent)


if __name__ == "__main__":
    sys.exit(main())
