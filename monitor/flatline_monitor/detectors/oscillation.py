"""Oscillation: from epoch to epoch the model is thrown to and fro."""

import math
from collections.abc import Callable, Mapping
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
from flatline_monitor.detectors.statistics import accuracy_of
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once

LITTLE = 1e-3
"""Least variance of a single answer: an accuracy of 1 has noise too."""
MOST_EPOCHS = 256
PER_SWING = 1.5
"""Variance of a value's distance from the middle of its neighbours, in variances of the value."""


@dataclass(frozen=True, slots=True)
class Swings:
    """How a series goes up and down."""

    values: np.ndarray
    from_start: bool = False
    """Whether the first half of them is how the run began."""

    @property
    def away(self) -> np.ndarray:
        """How far each value lies from the middle of its neighbours: 0 on a straight line."""
        return np.asarray(self.values[1:-1] - (self.values[:-2] + self.values[2:]) / 2)

    def share(self, amplitude: float) -> float:
        """Return how many values are a peak or a valley, by this much to both sides."""
        steps = np.diff(self.values)
        turns = steps[:-1] * steps[1:] < 0
        swing = np.minimum(np.abs(steps[:-1]), np.abs(steps[1:]))
        return float((turns & (swing >= amplitude)).mean())

    def relapses(self, amplitude: float) -> float:
        """Return the share of steps that fall by this much, where one rises by as much later."""
        steps = np.diff(self.values)
        falls, rises = np.flatnonzero(steps <= -amplitude), np.flatnonzero(steps >= amplitude)
        if not (falls.size and rises.size and rises[-1] > falls[0]):
            return 0.0
        return falls.size / steps.size


@dataclass(frozen=True, slots=True)
class Oscillation:
    """Accuracy or loss swings from epoch to epoch, by far more than chance makes them swing.

    Statistic
        over the last half of the evaluations, or of the epochs, `fewest` at least.
        Of the validation's accuracy: the share of evaluations in which it falls, if it rises as
        far afterwards; and the variance that the distances from the middle of two neighbours
        imply, over p (1 - p) / n, that of the mean of n answers. Of the mean training loss of
        whole epochs, which see the same samples, and of the validation's loss where there is no
        accuracy: the share of values that are a peak or a valley, in units of L0, the null
        model's loss (the first loss where it is not known).
    Fires when
        `share` of the accuracies fall by `amplitude`, and their variance is `dispersion` times
        that of chance; or `share` of the losses are peaks or valleys by `material` L0, to both
        sides. Before 30 % of the plan, and while the beginning of the run is among the values, it
        is only information.
    Must not fire
        on small validation sets, whose noise is wide; on a learning curve, however steep, which
        does not turn; on a training accuracy that dropout makes noisy, which is not looked
        at; while the learning rate goes up and down in cycles; on the batches of one epoch,
        which differ by what is in them.
    Sources
        AutoTrainer (Zhang et al., 2021): amplitude .03 in a fifth of the epochs, by itself not
        regarding the size of the set. Without turns, by distances alone, five of 278 healthy
        trainings fire: a learning curve with a sharp bend. An autocorrelation of the losses below
        -.4 was tried: it holds in healthy full-batch trainings, whose loss is next to nothing.
    """

    name: ClassVar[str] = "oscillation"
    needs: ClassVar[frozenset[str]] = frozenset({"loss"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"dispersion": Side.ABOVE, "share": Side.ABOVE}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    dispersion: float = 9.0
    """Times the variance of chance above which accuracies swing. [times]"""
    amplitude: float = 0.03
    """Fall of the accuracy that counts, where it rises as far later. [share]"""
    material: float = 0.1
    """Rise and fall of the loss that counts. [L0]"""
    share: float = 0.2
    """Share of such swings from which on it fires. [share]"""
    fewest: int = 8
    """Validations, or epochs, without which it abstains. [validations]"""
    warmup: int = 200

    def check(self, view: RunView) -> Finding | None:
        """Look at the accuracies first, then at the losses of whole epochs."""
        accuracy = _swings(view, _accuracies, self.fewest)
        validation = None if accuracy else _swings(view, _validations, self.fewest)
        training = _swings(view, _epochs, self.fewest)
        if accuracy is None and validation is None and training is None:
            raise NotMeasurableError(Reason.TOO_FEW_POINTS)
        if self._cycles(view):
            return None
        found = self._of_accuracy(view, accuracy) if accuracy else None
        for swings, what in ((training, "training"), (validation, "validation")):
            if found is None and swings is not None:
                found = self._of_loss(view, swings, what)
        return found

    def _cycles(self, view: RunView) -> bool:
        """Say whether the learning rate rose again after it had fallen, in the last half."""
        rates = [rate for at, rate in view.learning_rate.items() if at >= view.step // 2]
        changes = np.sign(np.diff(rates))
        return bool((changes > 0).any() and (changes < 0).any())

    def _of_accuracy(self, view: RunView, swings: Swings) -> Finding | None:
        n = view.evaluations[-1].n
        if n is None:
            return None
        p = float(swings.values.mean())
        chance = max(p * (1 - p), LITTLE) / n
        dispersion = float((swings.away**2).mean()) / PER_SWING / chance
        share = swings.relapses(self.amplitude)
        if dispersion <= self.dispersion or share < self.share:
            return None
        low, high = swings.values.min(), swings.values.max()
        return Finding(
            severity=self._severity(view, swings),
            summary=(
                f"The validation accuracy swings between {low:.1%} and {high:.1%}: "
                f"{dispersion:.0f} times as much as {n} samples make it by chance"
            ),
            evidence=(
                Evidence("variance_over_that_of_chance", dispersion, self.dispersion),
                Evidence("share_of_large_swings", share, self.share),
            ),
        )

    def _of_loss(self, view: RunView, swings: Swings, what: str) -> Finding | None:
        scale = view.loss_scale
        share = swings.share(self.material * scale) if math.isfinite(scale) else 0.0
        if share < self.share:
            return None
        low, high = swings.values.min(), swings.values.max()
        return Finding(
            severity=self._severity(view, swings),
            summary=(
                f"The {what} loss swings from epoch to epoch, between {low:.4g} and {high:.4g}: "
                f"by more than {self.material:.0%} of what a constant answer loses in {share:.0%} "
                f"of the last {len(swings.values)} epochs"
            ),
            evidence=(
                Evidence("share_of_large_swings", share, self.share),
                Evidence("swing", float(np.sqrt((swings.away**2).mean())), self.material * scale),
            ),
        )

    @staticmethod
    def _severity(view: RunView, swings: Swings) -> Severity:
        # A log whose rows are epochs is asked at its end alone, however short it is.
        beginning = swings.from_start and not (view.final and view.hello.row_steps == 1)
        return Severity.INFO if view.is_young or beginning else Severity.WARNING


@once
def _swings(view: RunView, series: Callable[[RunView], np.ndarray], fewest: int) -> Swings | None:
    """Return the swings of the last half of a series; None: too few values."""
    values = series(view)
    values = values[np.isfinite(values)].astype(np.float64)
    if len(values) < fewest:
        return None
    return Swings(values[-max(fewest, len(values) // 2) :], from_start=2 * len(values) < 3 * fewest)


def _accuracies(view: RunView) -> np.ndarray:
    return np.array([accuracy_of(e) for e in view.evaluations])


def _validations(view: RunView) -> np.ndarray:
    return np.array([e.metrics.get("loss", math.nan) for e in view.evaluations])


def _epochs(view: RunView) -> np.ndarray:
    """Return the mean loss of each whole epoch that is kept; none where epochs are not known.

    From the losses of single steps where epochs are short, else from blocks, each of which counts
    to the epoch that holds its middle.
    """
    steps = view.steps_in_an_epoch
    if steps is None:
        return np.zeros(0)
    step, known = view.rows.step, view.loss_known & np.isfinite(view.rows.loss)
    epoch, loss, weight = step // steps, view.rows.loss.astype(np.float64), known.astype(float)
    first, last = (int(step[0]), int(step[-1])) if len(step) else (0, -1)
    fine = view.fine
    if len(fine) and int(fine["first"][0]) < first and steps > (fine["last"] - fine["first"]).max():
        epoch = (fine["first"] + fine["last"]) // 2 // steps
        weight = fine["loss_count"].astype(np.float64)
        loss = fine["loss_sum"] / np.maximum(weight, 1)
        first, last = int(fine["first"][0]), int(fine["last"][-1])
    begin, end = -(-first // steps), (last + 1) // steps
    inside = (epoch >= begin) & (epoch < end) & (weight > 0)
    if end <= begin or not inside.any():
        return np.zeros(0)
    at = epoch[inside] - begin
    total = np.bincount(at, weight[inside] * loss[inside], end - begin)
    count = np.bincount(at, weight[inside], end - begin)
    return np.asarray((total[count > 0] / count[count > 0])[-MOST_EPOCHS:])
