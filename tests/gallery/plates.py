"""A plate for each detector: what made it fire, and what nearly did on healthy trainings."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Side
from tests.gallery.pictures import SHADES
from tests.gallery.probe import Point, Trace, magnitude, traced
from tests.gallery.replay import Outcome, Said

COLUMNS = 3
SPREAD = 50.0
"""Largest over middle loss from which on its axis is logarithmic."""
SHOWN = (2, 98)
"""Percentiles of the statistic between which it is shown."""
LOSS, STATISTIC = "0.55", "#1f5f99"


def draw_plates(pool: Executor, outcomes: Sequence[Outcome], directory: Path) -> None:
    """Draw the plates of some outcomes, replayed once more under a probe."""
    chosen = [each for each in outcomes if each.said or not each.case.sick]
    traces = list(pool.map(traced, [each.case for each in chosen], chunksize=4))
    directory.mkdir(parents=True, exist_ok=True)
    pairs = list(zip(chosen, traces, strict=True))
    for detector in CATALOGUE:
        plate(detector.name, pairs).savefig(directory / f"{detector.name}.png", dpi=90)


def plate(name: str, pairs: Sequence[tuple[Outcome, Trace]]) -> Figure:
    """Return the plate of one detector."""
    figure = Figure(figsize=(14, 6), layout="constrained")
    figure.suptitle(f"{name}: what made it fire, and how near healthy trainings came")
    above, below = figure.subplots(2, COLUMNS)
    for axes, pair in zip(above, _sick(name, pairs), strict=False):
        _panel(axes, name, *pair)
    for axes, pair in zip(below, _healthy(name, pairs), strict=False):
        _panel(axes, name, *pair)
    for axes in [*above, *below]:
        if not axes.has_data():
            axes.set_axis_off()
    _say_if_empty(above[0], "it fired in no sick training")
    _say_if_empty(below[0], "it came near in no healthy training")
    return figure


def _say_if_empty(axes: Axes, what: str) -> None:
    if not axes.has_data():
        axes.text(0.5, 0.5, what, ha="center", color="0.6", transform=axes.transAxes)


def _sick(name: str, pairs: Sequence[tuple[Outcome, Trace]]) -> list[tuple[Outcome, Trace]]:
    """Return those in which it fired: expected first, then the earliest, a middle, the latest."""
    fired = [pair for pair in pairs if pair[0].case.sick and _said(name, pair[0])]
    expected = [pair for pair in fired if name in pair[0].case.families]
    ranked = sorted(expected or fired, key=lambda pair: _said(name, pair[0])[0].share)
    places = np.unique(np.linspace(0, len(ranked) - 1, COLUMNS).round().astype(int))
    return [ranked[place] for place in places] if ranked else []


def _healthy(name: str, pairs: Sequence[tuple[Outcome, Trace]]) -> list[tuple[Outcome, Trace]]:
    """Return those in which it fired, gravely first, then those which came nearest."""

    def near(pair: tuple[Outcome, Trace]) -> tuple[int, float]:
        ranks = [said.severity.rank for said in _said(name, pair[0])]
        point = pair[1].nearest(name)
        return max(ranks, default=-1), point.share if point else 0.0

    healthy = [pair for pair in pairs if not pair[0].case.sick and near(pair) > (-1, 0.0)]
    return sorted(healthy, key=near, reverse=True)[:COLUMNS]


def _said(name: str, each: Outcome) -> list[Said]:
    return [said for said in each.said if said.detector == name]


def _panel(axes: Axes, name: str, each: Outcome, trace: Trace) -> None:
    axes.plot(trace.step, trace.loss, color=LOSS, linewidth=0.8)
    finite = trace.loss[np.isfinite(trace.loss)]
    if finite.size and _wide(finite):
        middle = float(np.median(np.abs(finite))) or 1.0
        scale = {"linthresh": middle} if finite.min() <= 0 else {}
        axes.set_yscale("symlog" if scale else "log", **scale)
    axes.set_ylabel("loss", color=LOSS, fontsize=8)
    axes.tick_params(labelsize=7)
    points = list(trace.points.get(name, ()))
    other = axes.twinx()
    _statistic(other, points)
    said = _said(name, each)
    for one in said:
        axes.axvline(one.step, color=SHADES[one.severity.rank], linewidth=1.6)
    nearest = trace.nearest(name)
    if said:
        note = ", ".join(f"{one.severity.value} at {one.share:.0%}" for one in said)
    elif nearest:
        axes.axvline(nearest.step, color="0.4", linewidth=1, linestyle=":")
        held = "a finding that did not last"
        note = held if nearest.share == 1 else f"would fire at {nearest.share:.0%} of its limits"
    else:
        note = "never near"
    right = "" if not each.case.sick or name in each.case.families else " (not expected)"
    kind = "sick" if each.case.sick else "healthy"
    axes.set_title(f"{each.case.name}, {kind}{right}: {note}", fontsize=8)


def _wide(loss: np.ndarray) -> bool:
    middle = float(np.median(loss))
    return bool(loss.max() > SPREAD * middle or 0 < loss.min() * SPREAD < middle)


def _statistic(axes: Axes, points: Sequence[Point]) -> None:
    """Draw the first evidence at each judged point that came near, and its limit where it fired."""
    axes.tick_params(labelsize=7, colors=STATISTIC)
    commonest = [point.evidence.statistic for point in points if point.evidence]
    if not commonest:
        return
    statistic = max(set(commonest), key=commonest.count)
    shown = [p for p in points if p.evidence and p.evidence.statistic == statistic]
    values = [magnitude(point.evidence) for point in shown]
    axes.plot([p.step for p in shown], values, ".-", color=STATISTIC, markersize=3, linewidth=0.8)
    limits = [(p.step, p.evidence) for p in shown if p.share == 1.0 and p.evidence]
    known = [(step, each.limit) for step, each in limits if each.limit is not None]
    if known:
        axes.plot(*zip(*known, strict=True), "--", color=STATISTIC, linewidth=0.8)
    low, high = np.nanpercentile([*values, *(limit for _, limit in known)], SHOWN)
    if high > low:
        room = 0.1 * (high - low)
        axes.set_ylim(low - room, high + room)
    side = "below" if shown[-1].evidence and shown[-1].evidence.fires is Side.BELOW else "above"
    axes.set_ylabel(f"{statistic}\n(fires {side})", fontsize=7, color=STATISTIC)
