"""Frozen layer: a layer that should be trained is never updated."""

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
from flatline_monitor.detectors.statistics import finite_medians, is_on_its_way, made_up
from flatline_monitor.runs.records import SkipReason, Task
from flatline_monitor.runs.view import RunView

WEIGHTS = ("kernel", "embeddings")
SECOND_COPIES = frozenset({Task.GAN, Task.RL, Task.SSL})
"""Tasks in which parts of a model are copies of others, and are not trained by gradients."""


@dataclass(frozen=True, slots=True)
class FrozenLayer:
    """A kernel that is meant to be trained stays as it is, step after step.

    Statistic
        kernels and embeddings that are trainable and yet have no gradient, so that no optimizer
        takes them; and those whose update was exactly zero on each of the last `steps` sampled
        steps on which the optimizer changed anything (or on all, if it never did), of which there
        must be `fewest`.
    Fires when
        there is one, while the skill (an optimistic bound of 1 - L / L0 over the last quarter of
        the run, L0 being the null model's loss; the share of the first loss that is gone where
        that is not known) is below `skilled`. Of a kernel without gradient it is information in
        a run that has learned, and all of it is in the first 30 % of the plan while the loss
        falls. Critical together with a run that does not learn (`alerts/suppression.py`).
    Must not fire
        at a learning rate of 0, as at the end of a cosine; on steps that loss scaling skips or
        on which gradients accumulate; on layers that the program has frozen, and on copies that
        follow others, as a target network does; in a run that has converged, whose gradients are
        zero; on recurrent kernels, which get nothing from sequences of one step; on large arrays,
        of which only some rows are looked at; where the gradient is there but decades below that
        of other layers, or those behind get so little: that is a vanishing gradient; on the first
        steps of a layer behind one of zeros.
    Sources
        TrainCheck (Jiang et al., 2025): an optimizer's step changes each parameter that has a
        gradient; here without a reference run. None of 250 healthy trainings fires.
    """

    name: ClassVar[str] = "frozen_layer"
    needs: ClassVar[frozenset[str]] = frozenset({"update_norm"})
    severities: ClassVar[tuple[Severity, ...]] = tuple(Severity)
    relaxable: ClassVar[Mapping[str, Side]] = {}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset()

    steps: int = 20
    """The latest sampled steps that changed anything, but not it. [sampled steps]"""
    fewest: int = 5
    """Such steps without which it abstains. [sampled steps]"""
    skilled: float = 0.5
    """Skill or progress from which on a kernel that stays as it is does no harm. [skill]"""
    gap_decades: float = 3.0
    """Decades below the largest from which on a gradient vanishes on its way. [decades]"""
    window: int = 100
    """Least window of the loss for the skill; else the last quarter of the run. [steps]"""
    warmup: int = 50

    def check(self, view: RunView) -> Finding | None:
        """Look for kernels that have no gradient, and for those that are not updated."""
        without = self._without_gradient(view)
        frozen = self._not_updated(view)
        if not (without or frozen):
            return None
        learned = made_up(view, view.scaled(self.window)) >= self.skilled
        if learned and not without:
            return None
        young = learned or is_on_its_way(view)
        return Finding(
            severity=Severity.INFO if young else Severity.WARNING,
            summary=_sentence(without, frozen),
            evidence=(
                Evidence("layers_without_gradient", float(len(without)), 0.0, "layers"),
                Evidence("layers_not_updated", float(len(frozen)), 0.0, "layers"),
                Evidence("layers_updated", float(len(view.kernels) - len(frozen)), None, "layers"),
            ),
            variables=without + frozen,
        )

    @staticmethod
    def _without_gradient(view: RunView) -> tuple[str, ...]:
        if view.hello.task in SECOND_COPIES:
            return ()
        return tuple(u.path for u in view.untrained if u.trainable and u.path.endswith(WEIGHTS))

    def _not_updated(self, view: RunView) -> tuple[str, ...]:
        """Return the paths of the kernels that were not updated, though they might have been."""
        kernels = [i for i in view.kernels if not view.variables[i].estimated]
        rates = list(view.learning_rate.values())
        if not kernels or (rates and rates[-1] == 0):
            return ()
        updates = view.sampled_since(0, "update_norm")
        rows = self._moved(view, updates)
        still = (updates[rows][:, kernels] == 0).all(axis=0)
        if still.any() and view.has("grad_norm"):
            gradients = view.last_samples("grad_norm", len(updates))
            if len(gradients) == len(updates):
                still &= ~self._vanishing(gradients[rows][:, kernels])
        return tuple(view.variables[kernels[i]].path for i in np.flatnonzero(still))

    def _moved(self, view: RunView, updates: np.ndarray) -> np.ndarray:
        """Return the places of the last sampled steps on which the optimizer changed anything."""
        usable = np.isfinite(updates).all(axis=1)
        if view.has("skipped"):
            usable &= view.last_samples("skipped", len(updates)) == SkipReason.NOT_SKIPPED
        moved = usable & (updates > 0).any(axis=1)
        rows = np.flatnonzero(moved if moved.any() else usable)
        if len(rows) < min(self.fewest, view.scaled(self.fewest)):
            raise NotMeasurableError
        return rows[-self.steps :]

    def _vanishing(self, gradients: np.ndarray) -> np.ndarray:
        """Say of which kernels the gradient is lost on its way, [kernel].

        Those whose own is far below the largest, and those of zero if there is such a one.
        """
        middle = finite_medians(gradients)
        largest = np.nanmax(middle, initial=0.0)
        faint = (middle > 0) & (middle < largest * 10.0**-self.gap_decades)
        return np.asarray(faint | (faint.any() & (middle == 0)))


def _sentence(without: tuple[str, ...], frozen: tuple[str, ...]) -> str:
    paths = without or frozen
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    if without:
        return f"No gradient reaches {paths[0]}{more}, so that no step changes it"
    return f"No step changes {paths[0]}{more}, although it is to be trained"
