"""Trainings of the gallery as they were recorded, and what the monitor's core says of them.

A recording holds what the service had journalled: the bytes that the client sent, in their order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flatline_monitor.alerts.lifecycle import Alert, advance
from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Detector, Severity, Verdict
from flatline_monitor.detectors.judge import Judge, judge
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.engine.advance import Ask, Run
from flatline_monitor.engine.again import arrivals, fed
from flatline_monitor.engine.reports import run_report
from flatline_monitor.ingest.decode import decode
from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.view import RunView
from flatline_monitor.storage import recording
from tests.gallery.case import Case, cases

RECORDED = Path(__file__).parent / "recorded"


def save(name: str, runs: Sequence[Sequence[Entry]], directory: Path = RECORDED) -> None:
    """Write the journals of one training's runs, in one small file."""
    directory.mkdir(parents=True, exist_ok=True)
    recording.save(directory / f"{name}.xz", runs)


def load(name: str, directory: Path = RECORDED) -> list[list[Entry]]:
    """Return the journals of one training's runs."""
    return recording.load(directory / f"{name}.xz")


def recorded(directory: Path = RECORDED) -> list[Case]:
    """Return the trainings of which there is a recording."""
    return [case for case in cases() if (directory / f"{case.name}.xz").exists()]


@dataclass(frozen=True)
class Said:
    """An alert that began to fire, or became worse."""

    detector: str
    severity: Severity
    step: int
    """The judged point at which people were told."""
    share: float
    """The same as a share of what was planned, or else of what was trained."""


@dataclass(frozen=True)
class Span:
    """Where one run of a training lies in it."""

    first: int
    """Steps of the runs before it."""
    planned: int
    """Its own steps, as planned, or else as taken."""

    def share(self, step: int) -> float:
        """Return how much of the run is spent at the end of a step of its own."""
        return min((step + 1) / max(self.planned, 1), 1.0)


@dataclass(frozen=True)
class Outcome:
    """What the core says of one training."""

    case: Case
    said: tuple[Said, ...]
    causes: tuple[str, ...]
    """Of the run as it ended, the likeliest first."""
    steps: int
    plan: int | None
    spans: tuple[Span, ...] = ()
    weight: float | None = None
    """That of the first cause; None: none was told."""

    def worst(self, names: frozenset[str] | None = None) -> Severity | None:
        """Return the gravest thing said, by any detector or by these; None: nothing was."""
        ranks = [said.severity for said in self.said if names is None or said.detector in names]
        return max(ranks, key=lambda severity: severity.rank, default=None)

    @property
    def delay(self) -> float | None:
        """Return the share of the plan, from the onset on, until a right finding; None: none."""
        shares = [said.share for said in self.said if said.detector in self.case.families]
        return max(min(shares) - self.case.onset, 0.0) if shares else None


@dataclass
class _Watch:
    """Follows the alerts of one run point by point, as the engine does."""

    catalogue: Sequence[Detector]
    look: Judge
    alerts: dict[str, Alert] = field(default_factory=dict)
    told: list[tuple[str, Severity, int]] = field(default_factory=list)
    view: RunView | None = None

    def asking(self, _: Run) -> Ask:
        """Return how the engine asks under this watch."""
        return Ask(self.catalogue, self.judge, self.heard)

    def judge(self, detector: Detector, view: RunView, *, alerted: bool) -> Verdict:
        """Ask, and remember of which point."""
        self.view = view
        return self.look(detector, view, alerted=alerted)

    def heard(self, verdicts: Mapping[str, Verdict]) -> None:
        """Move the alerts on, and write down what people are told."""
        assert self.view is not None, "verdicts come after a judgement"
        holds = {detector.name: detector.hold for detector in self.catalogue}
        for name, verdict in verdicts.items():
            before = self.alerts.get(name, Alert())
            hold = 1 if self.view.final else holds[name]
            after = advance(before, verdict, self.view.step, hold=hold, keep=5)
            self.alerts[name] = after
            now, past = after.severity, before.severity if before.since == after.since else None
            if now is not None and (past is None or now.rank > past.rank):
                self.told.append((name, now, self.view.step))


def replayed(case: Case, directory: Path = RECORDED) -> Outcome:
    """Feed a recording to the core, and return what it says."""
    return outcome(case, load(case.name, directory))


def outcome(
    case: Case,
    runs: Sequence[Sequence[Entry]],
    catalogue: Sequence[Detector] = CATALOGUE,
    look: Judge = judge,
) -> Outcome:
    """Feed the runs of one training to the core; several runs follow one another.

    `look` asks a detector, as `judge` does; another one may write down what it sees.
    """
    said: list[Said] = []
    spans: list[Span] = []
    causes: tuple[Cause, ...] = ()
    gravest, steps, plan = -1, 0, None
    for entries in runs:
        watch = _Watch(catalogue, look)
        run = fed(None, arrivals(entries, decode), watch.asking)
        assert run is not None, "a recording has records"
        hello, taken = run.history.hello, run.history.step + 1
        span = Span(steps, hello.plan_steps or taken)
        spans.append(span)
        said += [
            Said(name, severity, steps + step, span.share(step))
            for name, severity, step in watch.told
        ]
        rank = max((severity.rank for _, severity, _ in watch.told), default=-1)
        if rank > gravest:
            gravest = rank
            causes = run_report(run, catalogue).causes
        steps, plan = steps + taken, hello.plan_steps
    names = tuple(cause.name for cause in causes)
    weight = causes[0].weight if causes else None
    return Outcome(case, tuple(said), names, steps, plan, tuple(spans), weight)
