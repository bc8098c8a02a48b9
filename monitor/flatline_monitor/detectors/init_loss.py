"""Initial loss: the run began far above what a constant answer loses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
    Side,
)
from flatline_monitor.detectors.statistics import skill_bound
from flatline_monitor.runs.median import median
from flatline_monitor.runs.records import LossKind, Task
from flatline_monitor.runs.view import RunView


@dataclass(frozen=True, slots=True)
class InitLoss:
    """The first losses lie far above the null model's, and the run has not made up for it.

    Statistic
        first = median of the first `first_steps` data losses; L0 = the null model's loss;
        skill = an optimistic bound of 1 - L / L0 over the last quarter of the run.
    Fires when
        first > `factor` L0 + 1 nat for a cross-entropy, first > `variance_factor` L0 for a
        squared error, while skill < `skill_floor`.
    Must not fire
        on a run that has made up for it: raw pixels that learn, targets in the thousands; on
        a loss whose null model is not known (focal, label smoothing, weighted only).
        Alone it is information; with a run that does not learn it is a warning
        (`alerts/suppression.py`).
    Sources
        A classifier that knows nothing should begin at ln K (Karpathy, CS231n notes, part 3,
        sanity checks). `factor` is 5: ordinary He initialisation reaches twice ln K.
    """

    name: ClassVar[str] = "init_loss"
    needs: ClassVar[frozenset[str]] = frozenset({"data_loss"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    factor: float = 5.0
    """Times L0, and 1 more, above which the first losses are too high. [times]"""
    variance_factor: float = 10.0
    """Times L0 above which the first squared errors are too high. [times]"""
    skill_floor: float = 0.02
    """Skill from which on the run has made up for it. [skill]"""
    first_steps: int = 5
    """The first loss is the median of so many. [sampled steps]"""
    warmup: int = 5

    def check(self, view: RunView) -> Finding | None:
        """Compare the first losses with the null model's."""
        first = view.firsts.data_loss[: self.first_steps]
        null = view.null_loss
        if null is None or len(first) < min(self.first_steps, view.scaled(self.first_steps)):
            raise NotMeasurableError(Reason.TOO_FEW_POINTS)
        began = median(first)
        squared = view.hello.loss_kind is LossKind.SQUARED_ERROR
        limit = self.variance_factor * null if squared else self.factor * null + 1
        skill = skill_bound(view, view.late(view.scaled(20)))
        if not (began > limit and skill < self.skill_floor):
            return None
        return Finding(
            severity=Severity.INFO,
            summary=(
                f"The loss began at {began:.3g}, while a constant answer loses {null:.3g}, and "
                "has hardly come below that"
            ),
            evidence=(
                Evidence("first_loss", began, limit),
                Evidence("null_model_loss", null),
                Evidence("skill", skill, self.skill_floor, fires=Side.BELOW),
            ),
            since_step=0,
        )
