"""`make lint-gallery`: how right lint is about logs that are made of the recorded gallery.

    python -m tests.gallery.lint [--half tune] [--cases]

Each recorded run is written as Keras and Hugging Face would log it, by epochs and by sparse steps,
and read back. Fails when more than a twentieth of the healthy logs get a warning. Thresholds are
set on the half `tune` alone; `--cases` prints what was said of each log.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.lint import csv_files, gather, json_files
from flatline_monitor.lint.judged import Judged, Level, judged
from flatline_monitor.lint.log import LintError, Table
from tests.gallery import thinned
from tests.gallery.case import Case
from tests.gallery.replay import load, recorded
from tests.gallery.score import Share
from tests.gallery.series import Series, series

MOST_ALARMS = 0.05
"""Share of the healthy logs that may be warned of."""
FORMATS: dict[str, tuple[Callable[[Series], str], Callable[[str, str], list[Table]]]] = {
    "CSVLogger": (thinned.csv_logger, csv_files.read),
    "History": (thinned.history, json_files.read),
    "trainer_state": (thinned.trainer_state, json_files.read),
}


@dataclass(frozen=True)
class Answer:
    """What lint says of one training, by one of its logs."""

    case: Case
    format: str
    rows: int
    level: Level
    said: tuple[tuple[str, Severity], ...]

    def worst(self, names: frozenset[str] | None = None) -> int:
        """Return the rank of the gravest finding, of any or of these detectors; -1: none."""
        return max((s.rank for name, s in self.said if names is None or name in names), default=-1)


def main() -> int:
    """Print the shares for each half that is asked for; return 0 if the bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("tune", "score"), action="append")
    parser.add_argument("--cases", action="store_true", help="print a line for each log too")
    given = parser.parse_args()
    met = True
    for half in given.half or ("tune", "score"):
        chosen = [case for case in recorded() if case.half == half]
        with ProcessPoolExecutor() as pool:
            answers = [one for some in pool.map(answered, chosen, chunksize=4) for one in some]
        if given.cases:
            sys.stdout.write("".join(f"{_line(each)}\n" for each in answers))
        for name in FORMATS:
            of_format = [each for each in answers if each.format == name]
            sys.stdout.write("\n".join(_report(half, name, of_format)) + "\n")
            met &= _alarms(of_format, Severity.WARNING).value <= MOST_ALARMS
    return 0 if met else 1


def answered(case: Case) -> list[Answer]:
    """Ask lint about each kind of log of one recording; of several runs the worst counts."""
    runs = [series(entries) for entries in load(case.name)]
    return [
        _together(case, name, found)
        for name, (write, read) in FORMATS.items()
        if (found := [j for run in runs for j in _read(case.name, write(run), read)])
    ]


def _read(name: str, text: str, read: Callable[[str, str], list[Table]]) -> Iterator[Judged]:
    try:
        for table in read(name, text) if text else ():
            yield from (judged(log, CATALOGUE) for log in gather.logs(table, {}))
    except LintError as error:
        sys.stderr.write(f"{error}\n")


def _together(case: Case, name: str, found: Sequence[Judged]) -> Answer:
    said = tuple((each.detector, each.severity) for one in found for each in one.found)
    rows = sum(len(one.log.trained) for one in found)
    level = max((one.level for one in found), key=list(Level).index)
    return Answer(case, name, rows, level, said)


def _report(half: str, name: str, answers: Sequence[Answer]) -> Iterator[str]:
    healthy = [each for each in answers if not each.case.sick]
    sick = [each for each in answers if each.case.sick and each.case.visible]
    yield f"{half} half, as {name}: {len(healthy)} healthy logs, {len(sick)} sick"
    yield f"  healthy with a warning   {_alarms(answers, Severity.WARNING)}"
    yield f"  healthy with a critical  {_alarms(answers, Severity.CRITICAL)}"
    yield f"  healthy not judged       {_share(healthy, lambda a: a.level is Level.CANNOT_JUDGE)}"
    yield f"  sick with a warning      {_share(sick, lambda a: a.worst() >= Severity.WARNING.rank)}"
    yield f"  sick of the right family {_share(sick, _is_right)}"


def _is_right(answer: Answer) -> bool:
    return answer.worst(answer.case.families) >= Severity.WARNING.rank


def _alarms(answers: Sequence[Answer], least: Severity) -> Share:
    healthy = [each for each in answers if not each.case.sick]
    return _share(healthy, lambda each: each.worst() >= least.rank)


def _share(answers: Sequence[Answer], of: Callable[[Answer], bool]) -> Share:
    return Share(sum(map(of, answers)), len(answers))


def _line(each: Answer) -> str:
    label = "healthy" if not each.case.sick else "sick" if each.case.visible else "hidden"
    alarm = not each.case.sick and each.worst() >= Severity.WARNING.rank
    missed = label == "sick" and each.worst() < Severity.WARNING.rank
    mark = "!!" if alarm else "??" if missed else "  "
    said = " ".join(f"{name}:{severity.value[:4]}" for name, severity in each.said) or "-"
    expected = ",".join(sorted(each.case.families))
    return f"{mark} {label:7} {each.format:13} {each.case.name} {each.rows} | {said} | {expected}"


if __name__ == "__main__":
    sys.exit(main())
