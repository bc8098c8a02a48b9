"""Why detectors spoke or were silent at each judged point of a run."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from flatline_monitor.backtest.gates import Looked, looked
from flatline_monitor.backtest.watched import Gate
from flatline_monitor.detectors.contract import Abstain, Clear, Detector, Finding, Verdict
from flatline_monitor.detectors.judge import judge
from flatline_monitor.runs.view import RunView


@dataclass(frozen=True, slots=True)
class Point:
    """What one detector made of one judged point."""

    step: int
    verdict: Verdict
    """As it counted, beside those of the others."""
    looked: Looked

    @property
    def said(self) -> str:
        """The verdict in a word: a severity, clear, or the reason of an abstention."""
        match self.verdict:
            case Finding():
                return self.verdict.severity.value
            case Abstain():
                return self.verdict.reason.value
            case Clear():
                return "clear"


@dataclass(slots=True)
class Trace:
    """Asks as the engine does, and writes down what each detector looked at."""

    names: Collection[str] | None = None
    """Detectors to look at; None: all."""
    points: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    """By detector, in their order."""
    _open: dict[str, tuple[int, Looked]] = field(default_factory=dict)

    def ask(self, detector: Detector, view: RunView, *, alerted: bool) -> Verdict:
        """Return what `judge` says; what the detector compared is asked for afterwards."""
        verdict = judge(detector, view, alerted=alerted)
        if self.names is None or detector.name in self.names:
            self._open[detector.name] = view.step, looked(detector, view, verdict)
        return verdict

    def heard(self, verdicts: Mapping[str, Verdict]) -> None:
        """Take the verdicts of the point as they counted."""
        for name, (step, compared) in self._open.items():
            self.points[name].append(Point(step, verdicts[name], compared))
        self._open.clear()


@dataclass(frozen=True, slots=True)
class Silence:
    """Why a detector was silent over a run, and at its end."""

    said: Mapping[str, int]
    """How often it said what; the commonest first."""
    held_back: Sequence[tuple[int, Gate]]
    """Where it saw nothing: how often which comparison alone kept it from a finding, and how that
    was the last time."""
    ended: Sequence[tuple[int, Gate]]
    """Where it saw nothing, and no comparison alone kept it from that: the last that it made."""


def silence(points: Sequence[Point]) -> Silence:
    """Count what a detector said, and what held it back where it saw nothing."""
    said = Counter(point.said for point in points)
    clear = [point.looked for point in points if isinstance(point.verdict, Clear)]
    alone = [each.held_back for each in clear if each.held_back]
    ended = [each.gates[-1] for each in clear if each.gates and not each.held_back]
    return Silence(dict(said.most_common()), _counted(alone), _counted(ended))


def _counted(gates: Sequence[Gate]) -> list[tuple[int, Gate]]:
    counts = Counter((gate.settings, gate.statistic) for gate in gates)
    last = {(gate.settings, gate.statistic): gate for gate in gates}
    return [(count, last[key]) for key, count in counts.most_common()]


def thinned(points: Sequence[Point], every: int) -> list[Point]:
    """Return one of each so many points in a row: the last of those with the gravest verdict."""
    parts = (points[i : i + every] for i in range(0, len(points), every))
    return [max(reversed(part), key=_gravity) for part in parts]


def _gravity(point: Point) -> int:
    return point.verdict.severity.rank if isinstance(point.verdict, Finding) else -1
