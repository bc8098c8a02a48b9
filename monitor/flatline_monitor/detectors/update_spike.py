"""Update spike: single steps change a layer far more than those before them."""

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
from flatline_monitor.detectors.statistics import finite_medians
from flatline_monitor.runs.rates import in_force
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once


@dataclass(frozen=True, slots=True)
class Moves:
    """How far the sampled steps moved each kernel; those that moved any."""

    kernels: list[int]
    step: np.ndarray
    """[sampled]"""
    latest: np.ndarray
    """[sampled, kernel] The last of them, over the median of those before; nan: not measured."""
    highest: np.ndarray
    """[kernel] Largest of those before, over their median."""


@dataclass(frozen=True, slots=True)
class UpdateSpike:
    """A layer is moved again and again by many times what it was moved before.

    Statistic
        for each kernel, embeddings apart, u = update norm at the sampled steps that changed
        anything; steps of the last `recent` of these with u > `factor` times the median, and
        u > `margin` times the largest, of those before them, as far as they are kept (20 to 256
        samples), both by itself and divided by the learning rate.
    Fires when
        there are `hits` of them for one kernel. It is never more than information: part of the
        story of a run, ahead of its loss.
    Must not fire
        on a learning rate that warms up, restarts or is lowered, which both have to outdo; on
        single updates, which heavy-tailed data have; on an optimizer that changes the weights
        with every so many-th step alone; in a run whose updates shrink as it converges; on
        adversarial or reinforcement learning.
    Sources
        SPAM (Huang et al., 2025) and arXiv 2506.04805: Adam's updates grow before the loss jumps,
        those of the lower layers first. Five times, twice, as the best of the spike rules of
        2026; without `margin` it fires on 8 of 44 healthy regimes, with it on none of our 60
        healthy trainings.
    """

    name: ClassVar[str] = "update_spike"
    needs: ClassVar[frozenset[str]] = frozenset({"update_norm"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO,)
    relaxable: ClassVar[Mapping[str, Side]] = {"factor": Side.ABOVE, "margin": Side.ABOVE}
    hold: ClassVar[int] = 1
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL})

    factor: float = 5.0
    """Times the median of those before, above which an update spikes. [times]"""
    margin: float = 1.5
    """Times the largest of those before, above which it must be as well. [times]"""
    hits: int = 2
    """Such updates of one kernel from which on it fires. [sampled steps]"""
    recent: int = 5
    """The latest sampled steps that are counted. [sampled steps]"""
    fewest: int = 12
    """Sampled steps before those, without which it abstains. [sampled steps]"""
    warmup: int = 50

    def check(self, view: RunView) -> Finding | None:
        """Compare the latest updates of each kernel with those before them."""
        moves = _moves(view, self.recent)
        if len(moves.step) < self.fewest + self.recent:
            raise NotMeasurableError
        above = moves.latest > np.maximum(self.factor, self.margin * moves.highest)
        spiked = np.flatnonzero(above.sum(axis=0) >= self.hits)
        if not spiked.size:
            return None
        ratio = np.where(above, moves.latest, 0.0).max(axis=0)[spiked]
        at = int(ratio.argmax())
        worst = int(spiked[at])
        count = int(above[:, worst].sum())
        path = view.variables[moves.kernels[worst]].path
        since = int(moves.step[-self.recent :][above[:, spiked].any(axis=1)][0])
        return Finding(
            severity=Severity.INFO,
            summary=(
                f"Updates of {path} jump since step {since}: {count} of the last {self.recent} "
                f"sampled ones reach {ratio[at]:.3g} times what was usual"
            ),
            evidence=(
                Evidence("update_over_usual", float(ratio[at]), self.factor),
                Evidence("updates_above", float(count), self.hits, "steps"),
                Evidence("layers_above", float(spiked.size), None, "layers"),
            ),
            since_step=since,
            variables=tuple(view.variables[moves.kernels[i]].path for i in spiked),
        )


@once
def _moves(view: RunView, recent: int) -> Moves:
    """Return how far the kernels were moved, and what was usual before the latest samples."""
    kernels = view.dense
    if not kernels:
        raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
    updates = view.sampled_since(0, "update_norm")[:, kernels].astype(np.float64)
    step = view.rows.sampled.step[len(view.rows.sampled.step) - len(updates) :]
    rate = _rates_at(view, step)
    kept = (rate > 0) & (updates != 0).any(axis=1)
    if np.count_nonzero(kept) <= recent:
        raise NotMeasurableError
    by_itself = _over_usual(updates[kept], recent)
    by_rate = by_itself
    if np.ptp(rate[kept]) > 0:
        by_rate = _over_usual(updates[kept] / rate[kept, None], recent)
    latest = np.minimum(by_itself[-recent:], by_rate[-recent:])
    highest = np.fmax(by_itself[:-recent], by_rate[:-recent])
    return Moves(kernels, step[kept], latest, np.nan_to_num(highest).max(axis=0))


def _over_usual(size: np.ndarray, recent: int) -> np.ndarray:
    """Return sizes over the median of all but the latest; nan where nothing was usual."""
    usual = finite_medians(size[:-recent])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isfinite(size) & (usual > 0), size / usual, np.nan)


def _rates_at(view: RunView, step: np.ndarray) -> np.ndarray:
    """Return the learning rate at each of these steps; 1 throughout where it was not sent."""
    if not view.learning_rate:
        return np.ones(len(step))
    return in_force(view.learning_rate, np.maximum(step, min(view.learning_rate)))
