"""Gradient explosion: gradients a hundred times larger than the run's own."""

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
from flatline_monitor.detectors.statistics import finite_median
from flatline_monitor.runs.median import median
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once


@dataclass(frozen=True, slots=True)
class GradientExplosion:
    """The global gradient norm leaves the range of its own past by decades.

    Statistic
        number of sampled steps, among the last `recent`, whose global gradient norm is above
        `factor` times the median of the sampled steps before them and `initial_factor` times
        the median of the run's first 20; a non-finite norm counts as above.
    Fires when
        there are `hits` of them.
    Must not fire
        on single spikes, which heavy-tailed data and
        recurrent networks have; on overflows that loss scaling skips; in a run whose
        gradients shrink as it converges and come back; on loss-scaled gradients, which are
        unscaled before they are sent; on the first steps, which have no past.
        Critical together with a divergence (`alerts/suppression.py`).
    Sources
        Scale-free, unlike absolute limits; `factor` below the spikes to 1000 times that SPAM
        reports (Huang et al., 2025), `initial_factor` as in Megatron's rerun machine.
    """

    name: ClassVar[str] = "gradient_explosion"
    needs: ClassVar[frozenset[str]] = frozenset({"global_grad_norm"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.WARNING, Severity.CRITICAL)
    relaxable: ClassVar[Mapping[str, Side]] = {"factor": Side.ABOVE, "initial_factor": Side.ABOVE}
    hold: ClassVar[int] = 1
    not_for: ClassVar[frozenset[Task]] = frozenset()

    factor: float = 100.0
    """Times the median of those before, above which a gradient norm counts. [times]"""
    initial_factor: float = 10.0
    """Times the median of the first ones, above which it must be as well. [times]"""
    hits: int = 3
    """Such sampled steps from which on it fires. [sampled steps]"""
    recent: int = 20
    """The latest sampled steps that are counted. [sampled steps]"""
    warmup: int = 50

    def check(self, view: RunView) -> Finding | None:
        """Compare the latest gradients with those before them and with the first ones."""
        latest, usual, initial = _norms(view, self.recent)
        limit = max(self.factor * usual, self.initial_factor * initial)
        above = ~(latest <= limit)
        if np.count_nonzero(above) < self.hits or not limit > 0:
            return None
        worst = float(np.max(np.where(np.isfinite(latest), latest, 0.0)))
        return Finding(
            severity=Severity.WARNING,
            summary=(
                f"The gradient explodes: its norm reaches {worst:.3g}, "
                f"{worst / max(usual, 1e-30):.3g} times what it was before"
            ),
            evidence=(
                Evidence("global_gradient_norm", worst, limit, "loss per weight"),
                Evidence("usual_global_gradient_norm", usual, None, "loss per weight"),
                Evidence("steps_above", float(np.count_nonzero(above)), self.hits, "steps"),
            ),
        )


@once
def _norms(view: RunView, recent: int) -> tuple[np.ndarray, float, float]:
    """Return the latest norms, the median of those before them, and that of the first."""
    norms = view.sampled_since(0, "global_grad_norm")
    if view.has("loss_scale"):  # an overflow is skipped, and `non_finite` counts those
        norms = norms[np.isfinite(norms)]
    past, latest = norms[:-recent], norms[-recent:]
    if len(norms) < recent // 2 or not view.firsts.grad_norm.size:
        raise NotMeasurableError
    initial = median(view.firsts.grad_norm)
    return latest, finite_median(past) if len(past) else initial, initial
