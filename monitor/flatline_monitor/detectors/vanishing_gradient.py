"""Vanishing gradient: the early layers have stopped learning."""

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
from flatline_monitor.detectors.statistics import finite_medians, progress, skill_bound
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once

TINY = 1e-30
"""Stands for a gradient of exactly zero, below the smallest float32 that is not denormal."""


@dataclass(frozen=True, slots=True)
class VanishingGradient:
    """The first half of the layers receives almost no gradient compared with the last.

    Statistic
        gap = log10 of the last kernel's median gradient norm over the last `window` steps, less
        the largest of those of the first half of the kernels, in decades.
    Fires when
        gap > `gap_decades` while less than `progress_floor` of the first loss is gone, or the
        skill is not above `skill_floor`: a run that learns needs no even gradients, nor does
        one that has learned (skill of `skilled` or more).
    Must not fire
        when all layers shrink together, as in a run that converges: the gap stays put;
        on frozen layers, which send no gradient and so are no variables of the run;
        on biases, gamma and beta; on fewer than `min_depth` kernels, where a gap is ordinary;
        on a model that has no gradient anywhere.
    Sources
        Glorot and Bengio (2010), section 4, on gradients shrinking with depth. Three decades as
        in AutoTrainer (Zhang et al., 2021), beta 1; the gates by progress and skill are ours.
    """

    name: ClassVar[str] = "vanishing_gradient"
    needs: ClassVar[frozenset[str]] = frozenset({"loss", "grad_norm"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.WARNING, Severity.CRITICAL)
    relaxable: ClassVar[Mapping[str, Side]] = {"gap_decades": Side.ABOVE}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset()

    gap_decades: float = 3.0
    """How far gradients shrink to the first half of the kernels when it fires. [decades]"""
    progress_floor: float = 0.1
    """Share of the first loss gone, below which the run does not learn. [share]"""
    skill_floor: float = 0.02
    """Skill below which it does not learn either. [skill]"""
    skilled: float = 0.5
    """Skill from which on uneven gradients will do. [skill]"""
    min_depth: int = 3
    """Kernels with fewer of which a gap is ordinary. [kernels]"""
    window: int = 100
    """Medians are taken over so many steps. [steps]"""
    warmup: int = 500

    def check(self, view: RunView) -> Finding | None:
        """Compare the early kernels' gradients with the last kernel's."""
        kernels = view.kernels
        if not view.variables:
            raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
        if len(kernels) < self.min_depth:
            return None
        steps = view.scaled(self.window)
        middle = _norms(view, steps)
        early = middle[: len(kernels) // 2]
        if not middle[-1] > 0:
            return None
        gap = float(np.log10(middle[-1]) - np.log10(max(early.max(), TINY)))
        if not (gap > self.gap_decades and self._learns_nothing(view, steps)):
            return None
        paths = tuple(view.variables[i].path for i in kernels[: len(early)])
        last = view.variables[kernels[-1]].path
        return Finding(
            severity=Severity.WARNING,
            summary=(
                f"The gradient shrinks by {gap:.1f} decades from {last} to "
                f"{paths[int(early.argmax())]}, and the run does not learn"
            ),
            evidence=(
                Evidence("gradient_gap_last_to_first_half", gap, self.gap_decades, "decades"),
                Evidence("progress", progress(view, steps), self.progress_floor, fires=Side.BELOW),
                Evidence("gradient_norm_last", float(middle[-1]), None, "loss per weight"),
                Evidence("gradient_norm_first_half", float(early.max()), None, "loss per weight"),
            ),
            variables=paths,
        )

    def _learns_nothing(self, view: RunView, steps: int) -> bool:
        skill = skill_bound(view, view.late(steps))
        if skill >= self.skilled:
            return False
        return bool(progress(view, steps) < self.progress_floor or skill < self.skill_floor)


@once
def _norms(view: RunView, steps: int) -> np.ndarray:
    """Return the median gradient norm of each kernel over the last steps, [kernel]."""
    norms = view.sampled_since(view.step - steps + 1, "grad_norm")[:, view.kernels]
    norms = norms[np.isfinite(norms).all(axis=1)]
    if not len(norms):
        raise NotMeasurableError(Reason.TOO_FEW_POINTS)
    return finite_medians(norms).astype(np.float64)
