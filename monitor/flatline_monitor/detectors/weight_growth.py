"""Weight growth: the weights have become many times what they began with."""

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
from flatline_monitor.detectors.statistics import finite_medians, made_up, may_fall
from flatline_monitor.runs.records import Role, Task
from flatline_monitor.runs.view import RunView, once

TINY = 1e-30
"""Stands for the norm of a kernel whose usual size is not known, and which began at zero."""


@dataclass(frozen=True, slots=True)
class WeightGrowth:
    """A kernel has grown far beyond its beginning, in a run that does not learn by it.

    Statistic
        growth = for each kernel, embeddings apart, the median of its norm over the last `recent`
        sampled steps, over the norm that it began with or half of what Glorot's initialisation
        gives it, whichever is larger; skill = an optimistic bound of 1 - L / L0 over the last
        quarter of the run, L0 being the null model's loss; where that is not known, the share of
        the first loss that is gone.
    Fires when
        growth > `factor` for one kernel while the skill is below `skilled`. It is only
        information while the loss falls, and on kernels that a normalisation follows, whose size
        does not matter to what they compute.
    Must not fire
        on regressions whose targets are large, and separable classes, which grow weights as they
        learn; on kernels that began at zero or nearly so; on embeddings.
    Sources
        TheDeepChecker's weights that double five times over, measured from the beginning; van
        Laarhoven (2017) on kernels before a normalisation. `factor` is that of finetune-doctor's
        kin, which fire on none of 44 healthy runs; ours that learn reach 58, hence the gate: of our
        trainings the sick ones stay below a skill of .05 while they grow, healthy ones begin at
        .29 (and at .45 on data that hold no more than .5).
    """

    name: ClassVar[str] = "weight_growth"
    needs: ClassVar[frozenset[str]] = frozenset({"weight_norm"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"factor": Side.ABOVE}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    factor: float = 10.0
    """Times its first norm, above which a kernel has grown. [times]"""
    skilled: float = 0.25
    """Skill or progress from which on the run learns by it. [skill]"""
    recent: int = 5
    """Norms are the median of so many of the latest sampled steps. [sampled steps]"""
    window: int = 100
    """Least window of the loss for the skill; else the last quarter of the run. [steps]"""
    warmup: int = 100

    def check(self, view: RunView) -> Finding | None:
        """Compare each kernel's norm with the one that it began with."""
        kernels, now, growth = _growth(view, self.recent)
        grown = growth > self.factor
        if not grown.any() or made_up(view, view.scaled(self.window)) >= self.skilled:
            return None
        at = int(np.nanargmax(growth))
        path = view.variables[kernels[at]].path
        matters = any(not _is_normalised(view, kernels[i]) for i in np.flatnonzero(grown))
        return Finding(
            severity=Severity.WARNING if matters and not may_fall(view) else Severity.INFO,
            summary=(
                f"The weights grow: {path} is {growth[at]:.3g} times what it began with; the run "
                "does not learn by it"
            ),
            evidence=(
                Evidence("weight_growth", float(growth[at]), self.factor),
                Evidence("weight_norm", float(now[at])),
                Evidence("first_weight_norm", float(view.firsts.weight_norm[at])),
            ),
            variables=tuple(view.variables[kernels[i]].path for i in np.flatnonzero(grown)),
        )


@once
def _growth(view: RunView, recent: int) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Return the kernels, embeddings apart, and of each its norm and how often that was the first.

    The norm is the median over the last sampled steps.
    """
    kernels = view.dense
    began = view.firsts.weight_norm
    if not kernels or len(began) != len(kernels):
        raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
    now = finite_medians(view.last_samples("weight_norm", recent)[:, kernels])
    growth = now / np.maximum(began, TINY)
    if not np.isfinite(growth).any():
        raise NotMeasurableError
    return kernels, now, growth


def _is_normalised(view: RunView, kernel: int) -> bool:
    """Say whether the next layer with a scale of its own comes before the next kernel."""
    for variable in view.variables[kernel + 1 :]:
        if variable.role is Role.GAMMA:
            return True
        if variable.role is Role.KERNEL:
            return False
    return False
