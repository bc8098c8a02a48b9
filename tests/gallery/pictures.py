"""The pictures of the report of `make accuracy`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Severity
from tests.gallery.report import Results, picture
from tests.gallery.rivals.versus import Rating
from tests.gallery.score import PLANS, Score

OURS, RIVAL, PACKAGE = "#c0392b", "#34495e", "#7f8c8d"
SHADES = ("#8fb8de", "#e8a33d", "#c0392b")
"""Of information, warning and critical."""
BAR = 0.2
"""Share of the plan by which a fault from the start is to be found, in the median."""
FAR_RIGHT = 0.6
"""From where on there is no room for a name at the right of its point."""
FILLED = 0.6
"""Share of a row from which on its number is written in white."""


def draw(results: Results, directory: Path) -> None:
    """Draw all of them beside the report."""
    for name, figure in (
        ("rivals", rivals(results.ratings)),
        ("detectors", detectors(results.score, results.names)),
        ("delay", delay(results.score, results.ratings)),
        ("confusion", confusion(results.score, results.names)),
        ("reliability", reliability(results.score)),
    ):
        figure.savefig(directory / picture(results.half, name), dpi=110)


def rivals(ratings: Sequence[Rating]) -> Figure:
    """Recall of the right family over healthy trainings with a finding, each with its interval."""
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), color="0.8", linewidth=1, zorder=0)
    axes.text(0.62, 0.6, "guessing", color="0.6", rotation=36)
    for each in ratings:
        x, y = each.false, each.recall
        colour = _colour(each)
        axes.errorbar(
            x.value,
            y.value,
            xerr=_reach(x.value, x.interval),
            yerr=_reach(y.value, y.interval),
            fmt="o",
            color=colour,
            elinewidth=0.8,
            alpha=0.5,
        )
    _name_apart(axes, ratings)
    axes.set(
        xlim=(-0.03, 1.03),
        ylim=(-0.03, 1.03),
        xlabel="healthy trainings with a finding",
        ylabel="visible faults found by the right family",
        title="The upper left corner is where a tool should be",
    )
    axes.grid(alpha=0.2)
    return figure


def _name_apart(axes: Axes, ratings: Sequence[Rating]) -> None:
    """Write the names beside their points, none over another."""
    sides = {each.name: each.false.value > FAR_RIGHT for each in ratings}
    for right in (False, True):
        group = [each for each in ratings if sides[each.name] is right]
        for each, place in zip(group, _apart([r.recall.value for r in group], 0.03), strict=True):
            shift = -0.015 if right else 0.015
            axes.text(
                each.false.value + shift,
                place + 0.015,
                each.name,
                ha="right" if right else "left",
                va="center",
                fontsize=8,
                color=_colour(each),
            )


def _apart(values: Sequence[float], least: float) -> list[float]:
    """Return the values in their order, moved down as far as they have to be apart."""
    places = [0.0] * len(values)
    above = np.inf
    for i in sorted(range(len(values)), key=lambda i: -values[i]):
        places[i] = above = min(values[i], above - least)
    return places


def detectors(score: Score, names: Sequence[str]) -> Figure:
    """For each detector what it found of what it might, and in how many healthy runs it spoke."""
    figure = Figure(figsize=(10, 0.28 * len(names) + 1.5), layout="constrained")
    recall, false = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    for row, name in enumerate(names):
        found, alarms = score.of_detector(name)
        family = score.of_family(name)
        if found.count:
            recall.plot(found.interval, (row, row), color=OURS, linewidth=1)
            recall.plot(found.value, row, "o", color=OURS, markersize=5)
            recall.plot(family.value, row, "|", color=RIVAL, markersize=10, markeredgewidth=2)
            recall.text(1.03, row, f"{found.hits}/{found.count}", va="center", fontsize=7)
        begin = 0
        for count, shade in zip(alarms, SHADES, strict=True):
            false.barh(row, count, left=begin, color=shade, height=0.7)
            begin += count
    recall.set(
        yticks=range(len(names)),
        xlim=(-0.02, 1.14),
        xlabel="faults that may show as it: fired itself (dot), found by a right one (bar)",
    )
    recall.set_yticklabels(names, fontsize=8)
    keys = [Patch(color=shade, label=str(one)) for shade, one in zip(SHADES, Severity, strict=True)]
    false.legend(handles=keys, loc="lower right", fontsize=8)
    most = max(4, *(sum(score.of_detector(name)[1]) for name in names))
    false.set(xlim=(0, most + 1), xlabel=f"alerts in {len(score.healthy)} healthy trainings")
    recall.set_ylim(len(names) - 0.3, -0.7)
    recall.grid(axis="x", alpha=0.2)
    false.grid(axis="x", alpha=0.2)
    return figure


def delay(score: Score, ratings: Sequence[Rating]) -> Figure:
    """The delay by length of the plan, and the faults found by a share of it, of each tool."""
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    by_plan, by_share = figure.subplots(1, 2, width_ratios=(2, 3))
    _delay_by_plan(by_plan, score)
    _found_by_share(by_share, ratings)
    return figure


def reliability(score: Score) -> Figure:
    """How often the first cause is a true one, over its weight; best on the diagonal."""
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), color="0.8", linewidth=1, zorder=0)
    for each in score.reliability:
        if each.right.count:
            axes.plot((each.weight, each.weight), each.right.interval, color=OURS, linewidth=1)
            axes.plot(each.weight, each.right.value, "o", color=OURS)
            place = (each.weight + 0.02, each.right.value - 0.03)
            axes.text(*place, str(each.right.count), fontsize=8)
    axes.set(
        xlim=(0, 1.03),
        ylim=(-0.02, 1.03),
        xlabel="weight of the first cause (mean of a bin)",
        ylabel="it is a true one",
        title=f"Expected calibration error {score.calibration_error:.2f}",
    )
    axes.grid(alpha=0.2)
    return figure


def _delay_by_plan(axes: Axes, score: Score) -> None:
    labels = []
    for row, (above, up_to) in enumerate(PLANS):
        found = score.delays(above, up_to)
        reach = f"over {above}" if np.isinf(up_to) else f"{above + 1}-{up_to}"
        labels.append(f"{reach}\n({found.count})")
        if found.count:
            axes.plot((row, row), (found.first, found.third), color=OURS, linewidth=8, alpha=0.4)
            axes.plot(row, found.median, "o", color=OURS)
            axes.text(row + 0.12, found.median, f"{found.median:.0%}", va="center")
    axes.axhline(BAR, color="0.6", linestyle="--", linewidth=1)
    axes.set(
        xticks=range(len(labels)),
        xlim=(-0.4, len(labels) - 0.2),
        ylim=(-0.02, 1.02),
        xlabel="steps of the plan (faults)",
        ylabel="share of the plan",
        title="Delay of flatline: median and quartiles",
    )
    axes.set_xticklabels(labels)


def _found_by_share(axes: Axes, ratings: Sequence[Rating]) -> None:
    grid = np.linspace(0, 1, 201)
    ends = []
    for each in ratings:
        count = max(len(each.delays), 1)
        early = [value for value in each.delays if value < 1]
        shares = np.searchsorted(early, grid, side="right") / count
        shares[-1] = sum(one.right and one.of_delay for one in each.answers) / count
        ends.append(shares[-1])
        axes.step(
            grid,
            shares,
            where="post",
            color=_colour(each),
            linewidth=2.2 if each.is_ours else 1,
            alpha=1 if each.is_ours else 0.7,
        )
    for each, place in zip(ratings, _apart(ends, 0.035), strict=True):
        axes.text(1.01, place, each.name, fontsize=7, va="center", color=_colour(each))
    axes.axvline(BAR, color="0.6", linestyle="--", linewidth=1)
    axes.set(
        xlim=(0, 1.45),
        ylim=(0, 1.02),
        xticks=np.linspace(0, 1, 6),
        xlabel="share of the plan that is spent",
        title="Faults from the start of which something right was said by then",
    )


def confusion(score: Score, names: Sequence[str]) -> Figure:
    """Which detectors fired (columns) on faults that may show as each family (rows)."""
    fired = [each.name for each in CATALOGUE]
    table = score.confusion(names)[:, [names.index(name) for name in fired]]
    counts = np.array([score.of_family(name).count for name in names])
    share = table / np.maximum(counts, 1)[:, None]
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in zip(*np.nonzero(table), strict=True):
        dark = share[row, column] > 0.6
        axes.text(
            column,
            row,
            str(table[row, column]),
            ha="center",
            va="center",
            fontsize=7,
            color="white" if dark else "black",
        )
    axes.set(xticks=range(len(fired)), yticks=range(len(names)))
    axes.set_xticklabels(fired, rotation=90, fontsize=8)
    axes.set_yticklabels(
        [f"{name} ({n})" for name, n in zip(names, counts, strict=True)], fontsize=8
    )
    axes.set(xlabel="detector that fired", ylabel="family that was expected (faults)")
    return figure


def _reach(value: float, interval: tuple[float, float]) -> np.ndarray:
    low, high = interval
    return np.array([[max(value - low, 0)], [max(high - value, 0)]])


def _colour(rating: Rating) -> str:
    if rating.is_ours:
        return OURS
    return PACKAGE if rating.source == "the package itself" else RIVAL
