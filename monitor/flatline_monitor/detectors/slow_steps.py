"""Slow steps: each step takes much longer than the run's own steps took before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
    Side,
)
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once


@dataclass(frozen=True, slots=True)
class Pace:
    """How long steps take, in seconds a step; steps of one kind, sampled or not."""

    now: float
    """Lower quartile of the last steps."""
    usual: float
    """Lower quartile of the block medians of the whole run."""
    blocks: np.ndarray
    """[block] Median of each; nan: no such step."""


@dataclass(frozen=True, slots=True)
class SlowSteps:
    """Every step of late takes longer than usual, and that adds up to something.

    Statistic
        now = the lower quartile of the times of the last `window` steps; usual = the lower
        quartile of the block medians of the whole run, by their steps. Sampled steps, which are
        measured, are compared with sampled ones, others with others. lost = seconds above usual
        since the last blocks are slow; ahead = those to come, if it stays so until the plan's
        end.
    Fires when
        now > `factor` times usual, lost >= `spell` seconds and lost + ahead >= `material`
        seconds. It is a warning from `far` times usual on, when `grave` seconds are lost already;
        information in a further fit, which may train more layers or longer batches.
    Must not fire
        on a validation, a checkpoint, a garbage collection or a compilation, which makes single
        steps slow; on a long first epoch; on a machine that is busy with something else for a
        while: many steps of milliseconds stay as fast as they were, and it is over before much
        is lost; when the monitor wishes for more samples.
    Sources
        A watcher's 1.25 times the median, which healthy runs reach at their 99th percentile;
        1.5 as our catalogue has it, three judged points in a row. The quartile in place of the
        median, and the seconds: on a busy machine the median of thirty healthy steps of a
        millisecond reached 16 times the usual, and no spell cost more than seven seconds in 500
        trainings, of which one is remarked on.
    """

    name: ClassVar[str] = "slow_steps"
    needs: ClassVar[frozenset[str]] = frozenset()
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"factor": Side.ABOVE}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset()

    factor: float = 1.5
    """Times the usual time above which a step is slow. [times]"""
    far: float = 3.0
    """The same, above which it can be a warning. [times]"""
    spell: float = 3.0
    """Time lost so far without which it does not fire. [seconds]"""
    material: float = 10.0
    """Time lost so far and until the end of the plan, without which it does not. [seconds]"""
    grave: float = 30.0
    """Time lost so far from which on it can be a warning. [seconds]"""
    window: int = 30
    """The latest steps whose times are taken. [steps]"""
    fewest: int = 10
    """Steps of one kind, sampled or not, without which it abstains. [steps]"""
    fewest_blocks: int = 6
    """Blocks of steps without which nothing is usual yet. [blocks]"""
    warmup: int = 100

    def check(self, view: RunView) -> Finding | None:
        """Compare the last steps with the run's own, and add up what is lost."""
        pace = _pace(view, max(view.scaled(self.window), self.fewest), self.fewest)
        if np.count_nonzero(np.isfinite(pace.blocks)) < self.fewest_blocks or not pace.usual > 0:
            raise NotMeasurableError
        limit = self.factor * pace.usual
        if not pace.now > limit:
            return None
        begun, lost = _lost(view, pace, limit)
        ahead = (pace.now - pace.usual) * max((view.plan or 0) - view.step - 1, 0)
        if lost < self.spell or lost + ahead < self.material:
            return None
        grave = pace.now > self.far * pace.usual and lost >= self.grave and not view.hello.fit
        return Finding(
            severity=Severity.WARNING if grave else Severity.INFO,
            summary=(
                f"Steps are slow since step {begun}: {pace.now:.3g} s each, where {pace.usual:.3g} "
                f"s was usual; {lost:.0f} s are lost, and {ahead:.0f} s more until the end"
            ),
            evidence=(
                Evidence("step_seconds_over_usual", pace.now / pace.usual, self.factor),
                Evidence("step_seconds", pace.now, limit, "seconds"),
                Evidence("usual_step_seconds", pace.usual, None, "seconds"),
                Evidence("seconds_lost_or_ahead", lost + ahead, self.material, "seconds"),
            ),
            since_step=begun,
        )


@once
def _pace(view: RunView, steps: int, fewest: int) -> Pace:
    """Return how long steps take now and usually, of the kind that there is enough of."""
    step, seconds = view.rows.step[-steps:], view.rows.step_seconds[-steps:]
    known = np.isfinite(seconds)
    if not known.any():
        raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
    sampled = np.zeros(len(step), bool)
    sampled[np.searchsorted(step, view.sampled_steps_since(int(step[0])))] = True
    for name, kind in (("plain_seconds", ~sampled), ("sampled_seconds", sampled)):
        of_kind = seconds[known & kind]
        if len(of_kind) >= fewest:
            blocks, ones = view.coarse[name], np.ones(len(of_kind))
            return Pace(_quartile(of_kind, ones), _quartile(blocks, _steps(view)), blocks)
    raise NotMeasurableError


def _steps(view: RunView) -> np.ndarray:
    """Return how many steps each block spans; the older ones span more."""
    return np.asarray(view.coarse["last"] - view.coarse["first"] + 1)


def _quartile(x: np.ndarray, weights: np.ndarray) -> float:
    """Return the value that a quarter of the weight lies below; 0 when none is finite."""
    finite = np.isfinite(x)
    if not finite.any():
        return 0.0
    order = np.argsort(x[finite], kind="stable")
    below = np.cumsum(weights[finite][order])
    return float(x[finite][order][np.searchsorted(below, below[-1] / 4)])


def _lost(view: RunView, pace: Pace, limit: float) -> tuple[int, float]:
    """Return since when blocks are slow, without a pause, and the seconds that this has cost."""
    slow = pace.blocks > limit
    quick = np.flatnonzero(~slow & np.isfinite(pace.blocks))
    first = int(quick[-1]) + 1 if quick.size else 0
    if first >= len(slow):
        return view.step, 0.0
    above = np.nan_to_num(pace.blocks[first:] - pace.usual)
    lost = _steps(view)[first:] * np.maximum(above, 0)
    return int(view.coarse["first"][first]), float(lost.sum())
