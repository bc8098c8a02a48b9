"""`make remedies`: does the first remedy cure the sick programs of the gallery?

    python -m tests.gallery.remedies [--half tune] [--seed N] [--again] [names...]

Trains each sick program whose fault shows with the real client and service, catches what it gives
to `fit`, runs the code of the monitor's first remedy in its place and lets the monitor judge what
comes of it; then the same with a remedy drawn by chance from those of all causes. What recovered
means stands at `why_ill` in treatment.py. AutoTrainer (Zhang et al., 2021) measures itself so.

Prints the report and writes it to dist/remedies/, beside what came of each program, which is not
trained again unless it is named or with `--again`. Fails when a bar is missed.
"""

import argparse
import contextlib
import dataclasses
import json
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flatline.keras import MonitorCallback
from flatline_monitor.alerts.report import RunReport
from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.diagnosis.facts import Facts
from flatline_monitor.engine.advance import Ask
from flatline_monitor.engine.again import arrivals, fed
from flatline_monitor.engine.reports import run_report
from flatline_monitor.ingest.decode import decode
from flatline_monitor.storage.reader import SqliteReader
from tests.gallery.case import Case, cases
from tests.gallery.caught import Fit, catching, why_not
from tests.gallery.record import SEED, TOGETHER, one_thread, train
from tests.gallery.remedies_report import report
from tests.gallery.treatment import applicable, others, take, why_ill
from tests.gallery.tried import Taken, Tried, bars
from tests.system.service import Service

OUT = Path("dist/remedies")


def main() -> int:
    """Train, print and write; return 0 if every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("tune", "score"), default="score")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--again", action="store_true", help="train those that are known too")
    parser.add_argument("--cache", type=Path, help="file of what came of each program so far")
    parser.add_argument("names", nargs="*", help="programs of the half to train again; others stay")
    given = parser.parse_args()
    sick = [case for case in cases() if case.sick and case.visible and case.half == given.half]
    if unknown := sorted(set(given.names) - {case.name for case in sick}):
        parser.error(f"the {given.half} half has no sick program {', '.join(unknown)}")
    one_thread()
    OUT.mkdir(parents=True, exist_ok=True)
    cache = given.cache or OUT / f"{given.half}-{given.seed}.json"
    try:
        known = {} if given.again or not cache.exists() else loaded(cache)
    except (OSError, ValueError, TypeError, KeyError) as error:
        parser.error(f"{cache} is no file that this command wrote ({error}); --again replaces it")
    again = set(given.names) or {case.name for case in sick} - known.keys()
    for each in treated([case for case in sick if case.name in again], given.seed):
        known[each.name] = each
        save(known.values(), cache)
        sys.stderr.write(f"{each}\n")
    tried = [known[case.name] for case in sick if case.name in known]
    text = "\n".join(report(given.half, given.seed, tried))
    (OUT / f"report-{given.half}.md").write_text(text + "\n")
    sys.stdout.write(text + "\n")
    return 0 if all(bar.met for bar in bars(tried)) else 1


def treated(some: Sequence[Case], seed: int) -> Iterator[Tried]:
    """Treat some programs, with services that each see a few of them."""
    for first in range(0, len(some), TOGETHER):
        with (
            tempfile.TemporaryDirectory(prefix="flatline-remedies-") as folder,
            Service(Path(folder)) as service,
        ):
            yield from map(Clinic(service, seed).treated, some[first : first + TOGETHER])


def save(tried: Iterable[Tried], path: Path) -> None:
    """Write what came of programs, whole or not at all."""
    written = path.with_suffix(".new")
    written.write_text(json.dumps([dataclasses.asdict(each) for each in tried]))
    written.replace(path)


def loaded(path: Path) -> dict[str, Tried]:
    """Return what came of programs in a run before."""
    return {each["name"]: Tried.of(each) for each in json.loads(path.read_text())}


@dataclass(frozen=True)
class Clinic:
    """Where programs are trained, diagnosed and treated: one service, one seed."""

    service: Service
    seed: int

    def treated(self, case: Case) -> Tried:
        """Train a sick program, and take the first remedy and one by chance."""
        with catching() as fits:
            callback = train(case, self.seed, self.service.grpc)
        own = [fit for fit in fits if callback in fit.callbacks]
        seen, facts = self.judged(callback)
        if seen is None or facts is None or not seen.causes:
            return Tried(case.name, "", "the monitor names no cause")
        first = seen.causes[0]
        right = first.name in case.causes
        if reason := why_not(own) or applicable(first.name, first.remedy):
            return Tried(case.name, first.name, reason, right=right)
        (fit,) = own
        taken = self.taken(case, fit, first.name, first.remedy.code)
        dice = random.Random(f"{case.name} {self.seed}")  # noqa: S311 - a draw, and no secret
        chance = None
        for cause, remedy in others(first.remedy, facts, dice):
            chance = self.taken(case, fit, cause, remedy.code)
            if not chance.error:  # one whose code does not run cannot be taken: another is drawn
                break
        return Tried(case.name, first.name, "", right=right, first=taken, chance=chance)

    def taken(self, case: Case, fit: Fit, cause: str, code: str) -> Taken:
        """Run a remedy's code, and say what came of it."""
        callback = MonitorCallback(self.service.grpc, name=f"{case.name} {cause}")
        with contextlib.redirect_stdout(sys.stderr):
            after, error = take(code, fit, callback, self.seed)
        if error:
            return Taken(cause, f"its code does not run: {error}", error=True)
        seen, _ = self.judged(callback)
        if seen is None:
            return Taken(cause, "its code trains nothing that is monitored", error=True)
        return Taken(cause, why_ill(case, fit.skills, after, seen))

    def judged(self, callback: MonitorCallback) -> tuple[RunReport | None, Facts | None]:
        """Return what the service shows of a run, and the facts that it goes by."""
        if callback.run_id is None:
            return None, None
        entries = SqliteReader(self.service.data_dir).entries(callback.run_id)
        run = fed(None, arrivals(entries, decode), lambda _: Ask(CATALOGUE))
        return (None, None) if run is None else (run_report(run, CATALOGUE), run.known)


if __name__ == "__main__":
    sys.exit(main())
