"""Shares of a layer's units that pass on nothing: what dead and saturated units have in common."""

from dataclasses import dataclass

import numpy as np

from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
    Side,
)
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


@dataclass(frozen=True, slots=True)
class Limits:
    """From which share on units of no use are a finding, and what skill excuses."""

    share: float
    skilled: float
    little_skill: float
    steps: int
    """Window of the skill."""
    grave: Severity
    """How grave they are where nothing excuses them."""


def judged(view: RunView, found: Shares, limits: Limits, name: str, told: str) -> Finding | None:
    """Return the finding of the layer that is worst off; None: there is none, or it does no harm.

    `told` says what its units are, as a format of `share`, `units` and `layer`.
    """
    layers = found.above(limits.share)
    severity = _gravity(view, limits) if layers else None
    if severity is None:
        return None
    worst = layers[0]
    others = f", and most of {len(layers) - 1} more" if len(layers) > 1 else ""
    return Finding(
        severity=severity,
        summary=told.format(share=found.worst, units=worst.units, layer=worst.layer) + others,
        evidence=(
            Evidence(name, found.worst, limits.share),
            Evidence("skill", made_up(view, limits.steps), limits.skilled, fires=Side.BELOW),
            Evidence("layers_above", float(len(layers)), None, "layers"),
        ),
        variables=_kernels_in(view, layers),
    )


def _gravity(view: RunView, limits: Limits) -> Severity | None:
    """Return how grave units of no use are; None: the run has learned all the same.

    A run that has some skill, or is young and whose loss falls, can do without them so far: that
    is only information.
    """
    skill = made_up(view, limits.steps)
    if skill >= limits.skilled:
        return None
    return Severity.INFO if skill >= limits.little_skill or is_on_its_way(view) else limits.grave


def _kernels_in(view: RunView, layers: list[Activation]) -> tuple[str, ...]:
    """Return the paths of the kernels of these layers, where they have any of their own."""
    names = {layer.layer for layer in layers}
    return tuple(v.path for v in view.variables if v.layer in names and v.role is Role.KERNEL)
