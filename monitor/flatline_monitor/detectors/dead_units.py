"""Dead units: most of a layer is never active, and passes on neither signal nor gradient."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from flatline_monitor.detectors.contract import Finding, Severity, Side
from flatline_monitor.detectors.units import Limits, judged, shares_of
from flatline_monitor.runs.records import ActivationKind, Task
from flatline_monitor.runs.view import RunView


@dataclass(frozen=True, slots=True)
class DeadUnits:
    """Rectifiers of a layer put out zero, whatever comes in, in a run that does not learn.

    Statistic
        share = for each layer that ends in a ReLU, the share of its units that were positive on
        none of the samples of the last 50 sampled steps (16 of each batch); skill = an
        optimistic bound of 1 - L / L0 over the last quarter of the run, L0 being the null model's
        loss; where that is not known, the share of the first loss that is gone.
    Fires when
        share > `share_limit` for one layer while the skill is below `skilled`. Critical from
        `critical_share` on. It is only information while the run has `little_skill`, or its loss
        falls in the first 30 % of the plan.
    Must not fire
        on sparse units that live: one sample of eight hundred is enough; under dropout, which
        comes behind a unit; on units that are switched off within a batch, as routing does; on
        narrow layers of which more than half are dead in a run that learns all the same; on the
        first steps, from which a bias may come back.
    Sources
        Lu et al. (2019), Dying ReLU and initialization. Half of the units as in SageMaker
        Debugger's DeadRelu and TheDeepChecker. Counting units, where others count zero values, is
        what keeps it quiet on healthy networks; the gate by skill is ours.
    """

    name: ClassVar[str] = "dead_units"
    needs: ClassVar[frozenset[str]] = frozenset({"dead_unit_share"})
    severities: ClassVar[tuple[Severity, ...]] = tuple(Severity)
    relaxable: ClassVar[Mapping[str, Side]] = {"share_limit": Side.ABOVE}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset()

    share_limit: float = 0.5
    """Share of a layer's units that are dead, above which it fires. [share]"""
    critical_share: float = 0.9
    """The same, from which on it is critical. [share]"""
    skilled: float = 0.5
    """Skill or progress from which on they do no harm. [skill]"""
    little_skill: float = 0.02
    """Skill or progress from which on they are only information. [skill]"""
    window: int = 100
    """Least window of the loss for the skill; else the last quarter of the run. [steps]"""
    warmup: int = 150

    def check(self, view: RunView) -> Finding | None:
        """Look for the layer with the most dead units."""
        found = shares_of(view, "dead_unit_share", ActivationKind.RECTIFIER)
        steps = view.scaled(self.window)
        limits = Limits(
            self.share_limit, self.skilled, self.little_skill, steps, self._grave(found.worst)
        )
        told = "Units are dead: {share:.0%} of the {units} of {layer} put out zero for every sample"
        return judged(view, found, limits, "share_of_dead_units", told)

    def _grave(self, share: float) -> Severity:
        """Nine of ten in float32 are a little less than .9."""
        return Severity.CRITICAL if share + 1e-6 >= self.critical_share else Severity.WARNING
