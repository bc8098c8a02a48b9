"""Loss spike: the loss of single batches leaves the range of its own past."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Severity,
    Side,
)
from flatline_monitor.runs.median import median
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once

FEWEST = 8
"""Losses of which a maximum says something."""


@dataclass(frozen=True, slots=True)
class Spikes:
    """The losses that left the range of those before them, oldest first; each is an array."""

    step: np.ndarray
    loss: np.ndarray
    highest: np.ndarray
    """The highest loss of the window before."""
    usual: np.ndarray
    """The median of that window."""
    after: np.ndarray
    """Median of the losses right after; nan: not seen yet."""

    @property
    def height(self) -> np.ndarray:
        """How far each lies above what was usual."""
        return np.asarray(self.loss - self.usual)


@dataclass(frozen=True, slots=True)
class LossSpike:
    """The loss jumps out of its own range and does not come back, or does so again and again.

    Statistic
        a spike is a loss above `factor` times the highest of the `window` losses before it, and
        above their median by `material` L0 or more, L0 being the null model's loss (the first
        loss where that is not known); it is over when the median of the next `patience` losses,
        or of the last ones, is below both limits. Both windows hold 64 samples at least.
    Fires when
        a spike is not over after `patience` steps, after `grace` steps where the learning rate
        rose before it; or there are more than `many` within the steps that are kept, of which
        those at the same place of an epoch count once.
        One that is over, and rose above what was usual by `huge` L0, is information.
    Must not fire
        on a rare hard batch that the run gets over; on one that comes with every epoch; on a
        tiny loss that wobbles, which `material` excludes; while a learning rate that was raised
        again settles; on non-finite losses, which `non_finite` counts; on adversarial or
        reinforcement learning.
    Sources
        OLMo-core's window of 128 and llm-foundry's patience; the run's own maximum in place of
        its deviation: z-scores of healthy and sick runs overlap in linear and in log space.
        Of 278 healthy trainings 14 have spikes, none an open one, four at the most, and none
        higher than 3.8 L0.
    """

    name: ClassVar[str] = "loss_spike"
    needs: ClassVar[frozenset[str]] = frozenset({"loss"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"huge": Side.ABOVE}
    hold: ClassVar[int] = 1
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL})

    factor: float = 1.5
    """Times the highest loss before it that a spike exceeds. [times]"""
    material: float = 0.1
    """How far a spike lies above the usual loss. [L0]"""
    huge: float = 10.0
    """The same, above which a spike that is over is told. [L0]"""
    many: int = 5
    """Spikes within the steps that are kept, above which it fires. [spikes]"""
    window: int = 128
    """Losses before it that a spike is compared with. [steps]"""
    patience: int = 20
    """Steps after which a spike must be over. [steps]"""
    grace: int = 200
    """The same where the learning rate rose before it. [steps]"""
    warmup: int = 200

    def check(self, view: RunView) -> Finding | None:
        """Look for losses above those before them, and at what came after."""
        scale = view.loss_scale
        step, loss = _losses(view)
        window = max(FEWEST, view.spanning(self.window))
        patience = view.spanning(self.patience)
        if not math.isfinite(scale) or len(loss) < window + patience:
            raise NotMeasurableError
        spikes = _spikes(view, self.factor, self.material * scale, window, patience)
        if not len(spikes.step):
            return None
        now = median(loss[-patience:])
        open_ = np.flatnonzero(
            self._is_above(spikes.after, spikes, scale)
            & self._is_above(np.full(len(spikes.step), now), spikes, scale)
            & (view.step - spikes.step >= self._patience(view, spikes, patience))
        )
        if open_.size:
            return self._unrecovered(spikes, int(open_[0]), now)
        places = spikes.step
        if view.steps_in_an_epoch is not None and view.steps_in_an_epoch > 1:
            places = places % view.steps_in_an_epoch
        if len(np.unique(places)) > self.many:
            return self._often(spikes, int(step[-1] - step[0] + 1))
        top = int(np.argmax(spikes.height))
        if spikes.height[top] > self.huge * scale:
            return self._recovered(spikes, top, scale)
        return None

    def _is_above(self, loss: np.ndarray, spikes: Spikes, scale: float) -> np.ndarray:
        """Return of which spikes this loss is still part."""
        far = loss > spikes.highest + (self.factor - 1) * np.abs(spikes.highest)
        return np.asarray(far & (loss - spikes.usual > self.material * scale))

    def _patience(self, view: RunView, spikes: Spikes, patience: int) -> np.ndarray:
        """Return how many steps each spike has to be over; longer after a raise of the rate."""
        grace = view.scaled(self.grace)
        rates = list(view.learning_rate.items())
        raised = [at for (_, a), (at, b) in itertools.pairwise(rates) if b > 1.1 * a]
        ago = spikes.step[:, None] - np.array(raised, np.int64)[None]
        settling = ((ago >= 0) & (ago < grace)).any(axis=1)
        return np.where(settling, max(grace, patience), patience)

    def _unrecovered(self, spikes: Spikes, i: int, now: float) -> Finding:
        limit = float(spikes.highest[i] + (self.factor - 1) * abs(spikes.highest[i]))
        return Finding(
            severity=Severity.WARNING,
            summary=(
                f"The loss jumped at step {spikes.step[i]} and has not come back: from "
                f"{spikes.usual[i]:.4g} to {spikes.loss[i]:.4g}, and it is {now:.4g} now"
            ),
            evidence=(
                Evidence("recent_loss", now, limit),
                Evidence("loss_before", float(spikes.usual[i])),
                Evidence("spike_step", float(spikes.step[i]), None, "step"),
            ),
            since_step=int(spikes.step[i]),
        )

    def _often(self, spikes: Spikes, steps: int) -> Finding:
        count = len(spikes.step)
        return Finding(
            severity=Severity.WARNING,
            summary=(
                f"The loss jumps again and again: {count} times in {steps} steps, to "
                f"{spikes.loss.max():.4g} at step {spikes.step[int(np.argmax(spikes.loss))]}"
            ),
            evidence=(Evidence("spikes", float(count), float(self.many)),),
            since_step=int(spikes.step[0]),
        )

    def _recovered(self, spikes: Spikes, i: int, scale: float) -> Finding:
        return Finding(
            severity=Severity.INFO,
            summary=(
                f"The loss jumped to {spikes.loss[i]:.4g} at step {spikes.step[i]}, where "
                f"{spikes.usual[i]:.4g} was usual, and came back"
            ),
            evidence=(
                Evidence("spike_height", float(spikes.height[i]), self.huge * scale),
                Evidence("spike_step", float(spikes.step[i]), None, "step"),
            ),
            since_step=int(spikes.step[i]),
        )


@once
def _losses(view: RunView) -> tuple[np.ndarray, np.ndarray]:
    """Return the finite losses that are kept, and their steps before them."""
    kept = view.loss_known & np.isfinite(view.rows.loss)
    return view.rows.step[kept], view.rows.loss[kept].astype(np.float64)


@once
def _spikes(view: RunView, factor: float, height: float, window: int, patience: int) -> Spikes:
    """Return the losses above both limits of those before them."""
    step, loss = _losses(view)
    highest, here = _highest(loss, window)[:-1], loss[window:]
    at = np.flatnonzero(here > highest + (factor - 1) * np.abs(highest))
    usual = np.array([median(loss[i : i + window]) for i in at])
    high = here[at] - usual > height
    at, usual = at[high], usual[high]
    later = [loss[window + i + 1 : window + i + 1 + patience] for i in at]
    after = [median(x) if len(x) == patience else math.nan for x in later]
    return Spikes(step[window:][at], here[at], highest[at], usual, np.array(after))


def _highest(x: np.ndarray, window: int) -> np.ndarray:
    """Return the highest of each so many values in a row: of 2, of 4, of 8, and so on."""
    covered = 1
    while covered < window:
        shift = min(covered, window - covered)
        x = np.maximum(x[:-shift], x[shift:])
        covered += shift
    return x
