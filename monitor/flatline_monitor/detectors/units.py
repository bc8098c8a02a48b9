"""Shares of a layer's units that pass on nothing: what dead and saturated units have in common."""

from dataclasses import dataclass

import numpy as np

from flatline_monitor.detectors.contract import NotMeasurableError, Reason, Severity
from flatline_monitor.detectors.statistics import finite_medians, is_on_its_way, made_up
from flatline_monitor.runs.records import Activation, ActivationKind, Role
from flatline_monitor.runs.view import RunView, once

RECENT = 5
"""Sampled steps of which the median is taken; each looks back over fifty by itself."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The share of the units of each layer of one kind that are of no use, of late."""

    layers: list[Activation]
    shares: np.ndarray
    """[layer], nan where it was not measured."""

    def above(self, limit: float) -> list[Activation]:
        """Return the layers with more than this share, the worst first."""
        above = np.flatnonzero(self.shares > limit)
        order = np.argsort(-self.shares[above], kind="stable")
        return [self.layers[i] for i in above[order]]

    @property
    def worst(self) -> float:
        """Return the largest share."""
        return float(np.fmax.reduce(self.shares))


@once
def shares_of(view: RunView, column: str, kind: ActivationKind) -> Shares:
    """Return what was measured of late; raises NotMeasurableError where that is nothing."""
    layers = view.activations_of(kind)
    rows = view.last_samples(column, RECENT)
    if not layers or rows.shape[1] != len(layers):
        raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
    shares = finite_medians(rows)
    if not np.isfinite(shares).any():
        raise NotMeasurableError
    return Shares(layers, shares)


def gravity(
    view: RunView, steps: int, *, skilled: float, little_skill: float, grave: Severity
) -> Severity | None:
    """Return how grave units of no use are; None: the run has learned all the same.

    A run that has some skill, or is young and whose loss falls, can do without them so far: that
    is only information.
    """
    skill = made_up(view, steps)
    if skill >= skilled:
        return None
    return Severity.INFO if skill >= little_skill or is_on_its_way(view) else grave


def kernels_in(view: RunView, layers: list[Activation]) -> tuple[str, ...]:
    """Return the paths of the kernels of these layers, where they have any of their own."""
    names = {layer.layer for layer in layers}
    return tuple(v.path for v in view.variables if v.layer in names and v.role is Role.KERNEL)
