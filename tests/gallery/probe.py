"""How near a run came to each detector's limits: asked again with limits that are further eased."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from flatline_monitor.detectors.contract import (
    Abstain,
    Detector,
    Evidence,
    Finding,
    NotMeasurableError,
    Reason,
    Side,
    Verdict,
)
from flatline_monitor.detectors.judge import judge
from flatline_monitor.runs.view import RunView
from tests.gallery.case import Case
from tests.gallery.replay import load, outcome
from tests.gallery.series import series

EASES = (0.8, 0.5, 0.2)
"""Shares of the limits, from the nearest on."""


@dataclass(frozen=True)
class Point:
    """What one detector made of one judged point."""

    step: int
    share: float
    """Of its limits at which it would have fired: 1 if it did, 0 if at none that was tried."""
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Trace:
    """One training: its loss, and what each detector made of it."""

    case: Case
    step: np.ndarray
    loss: np.ndarray
    points: Mapping[str, Sequence[Point]]

    def nearest(self, detector: str) -> Point | None:
        """Return the first of the points at which it came nearest to fire; None: never near."""
        points = [point for point in self.points.get(detector, ()) if point.share]
        return max(points, key=lambda point: point.share, default=None)


@dataclass
class Probe:
    """Asks as the engine does, and writes down how near it was."""

    first: int = 0
    """Steps of the runs before the one that is asked about."""
    last: int = -1
    points: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))

    def __call__(self, detector: Detector, view: RunView, *, alerted: bool) -> Verdict:
        """Return what `judge` says."""
        if view.step < self.last:  # the next run of the same training
            self.first += self.last + 1
        self.last = view.step
        verdict = judge(detector, view)
        share, finding = _nearness(detector, view, verdict)
        if finding is not None:
            evidence = finding.evidence[0] if finding.evidence else None
            self.points[detector.name].append(Point(self.first + view.step, share, evidence))
        return verdict


def _nearness(detector: Detector, view: RunView, verdict: Verdict) -> tuple[float, Finding | None]:
    if isinstance(verdict, Finding):
        return 1.0, verdict
    unasked = isinstance(verdict, Abstain) and verdict.reason is not Reason.BETWEEN_LIMITS
    if unasked or not detector.relaxable:
        return 0.0, None
    for share in EASES:
        try:
            finding = _eased(detector, share).check(view)
        except NotMeasurableError:
            return 0.0, None
        if finding is not None:
            return share, finding
    return 0.0, None


def _eased(detector: Detector, share: float) -> Detector:
    limits = {
        name: getattr(detector, name) * (share if side is Side.ABOVE else 1 / share)
        for name, side in detector.relaxable.items()
    }
    return replace(detector, **limits)  # type: ignore[type-var]


def traced(case: Case) -> Trace:
    """Replay a recording under the probe."""
    entries, probe = load(case.name), Probe()
    outcome(case, entries, look=probe)
    runs = [series(run) for run in entries]
    offsets = np.cumsum([0, *(len(run.step) for run in runs)])
    steps = [
        run.step - run.step[0] + at for run, at in zip(runs, offsets, strict=False) if len(run.step)
    ]
    losses = [run.loss for run in runs]
    return Trace(
        case,
        np.concatenate(steps) if steps else np.zeros(0),
        np.concatenate(losses) if losses else np.zeros(0),
        {name: tuple(points) for name, points in probe.points.items()},
    )


def magnitude(evidence: Evidence | None) -> float:
    """Return the number of an evidence, nan without one."""
    return math.nan if evidence is None else evidence.value
