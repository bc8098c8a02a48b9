"""Saturated activations: most units of a layer are stuck at an end of their sigmoid or tanh."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from flatline_monitor.detectors.contract import Finding, Severity, Side
from flatline_monitor.detectors.units import Limits, judged, shares_of
from flatline_monitor.runs.records import ActivationKind, Task
from flatline_monitor.runs.view import RunView


@dataclass(frozen=True, slots=True)
class SaturatedActivations:
    """Squashing units put out their bounds, where they have no slope, in a run that learns little.

    Statistic
        share = for each hidden layer that ends in a sigmoid or tanh, the share of its units
        whose output, scaled to -1..1, has a root mean square above 0.9 over the samples of the
        last 50 sampled steps (16 of each batch); skill = an optimistic bound of 1 - L / L0 over
        the last quarter of the run, L0 being the null model's loss; where that is not known, the
        share of the first loss that is gone.
    Fires when
        share > `share_limit` for one layer while the skill is below `skilled`. It is only
        information while the run has `little_skill`, or its loss falls in the first 30 % of the
        plan.
    Must not fire
        on gates of recurrent layers, a softmax or predictions, which are meant to be sure and are
        not looked at; on gates and codes that have learned to be near their bounds, in a run
        that has learned.
    Sources
        Glorot and Bengio (2010), section 3, on saturated units; TheDeepChecker's bounded ratio
        above .85 for half of the units; the gate by skill is ours.
    """

    name: ClassVar[str] = "saturated_activations"
    needs: ClassVar[frozenset[str]] = frozenset({"saturated_unit_share"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"share_limit": Side.ABOVE}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    share_limit: float = 0.5
    """Share of a layer's units that are saturated, above which it fires. [share]"""
    skilled: float = 0.5
    """Skill or progress from which on they do no harm. [skill]"""
    little_skill: float = 0.1
    """Skill or progress from which on they are only information. [skill]"""
    window: int = 100
    """Least window of the loss for the skill; else the last quarter of the run. [steps]"""
    warmup: int = 500

    def check(self, view: RunView) -> Finding | None:
        """Look for the layer with the most saturated units."""
        found = shares_of(view, "saturated_unit_share", ActivationKind.SQUASHER)
        steps = view.scaled(self.window)
        limits = Limits(self.share_limit, self.skilled, self.little_skill, steps, Severity.WARNING)
        told = (
            "Units are saturated: {share:.0%} of the {units} of {layer} stay at a bound of their "
            "sigmoid or tanh"
        )
        return judged(view, found, limits, "share_of_saturated_units", told)
