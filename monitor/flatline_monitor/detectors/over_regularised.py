"""Over-regularised: what holds the weights down outweighs what they could learn."""

import math
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
from flatline_monitor.detectors.statistics import finite_median, is_on_its_way, made_up
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once


@dataclass(frozen=True, slots=True)
class OverRegularised:
    """Regularisation has the upper hand in a run that learns next to nothing.

    Statistic
        terms = the share of the loss that regularisation terms have, in the median of the last
        `recent` sampled steps; shrunk = the norm of all kernels together, embeddings apart, over
        the largest of those of the first 20 sampled steps; skill = an optimistic bound of
        1 - L / L0 over the last quarter of the run, L0 being the null model's loss; where that
        is not known, the share of the first loss that is gone.
    Fires when
        skill < `skill_floor` while terms > `dominant`, or while shrunk < `shrunken` in a model of
        two kernels or more. It is only information while the loss falls in the first 30 % of the
        plan.
    Must not fire
        on strong weight decay, or a prior that weighs much, with which the run gains skill; on
        terms that are large because a model is, at its beginning; on a linear model, whose one
        kernel shrinks to what there is to learn; on a loss that is rewarded by its terms, which
        are below zero then; on pruning that keeps what was learned.
    Sources
        TheDeepChecker's over-regularised (the gradient of the terms twice that of the data, five
        times) in terms of the loss: at rest both gradients are the same, in healthy and in sick
        runs, so their ratio tells nothing. Dropout is not seen. `dominant` lies between the
        largest share of our healthy trainings (.20) and the smallest of those without skill (.38);
        no healthy one of two kernels or more shrinks to less than .8.
    """

    name: ClassVar[str] = "over_regularised"
    needs: ClassVar[frozenset[str]] = frozenset({"data_loss", "weight_norm"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"dominant": Side.ABOVE, "shrunken": Side.BELOW}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset({Task.GAN, Task.RL, Task.SSL})

    dominant: float = 0.3
    """Share of the loss that is terms, above which they have the upper hand. [share]"""
    shrunken: float = 0.5
    """Share of their first norm below which the kernels have shrunk. [share]"""
    skill_floor: float = 0.1
    """Skill or progress from which on the run learns all the same. [skill]"""
    recent: int = 20
    """Medians are taken over so many of the latest sampled steps. [sampled steps]"""
    window: int = 500
    """Least window of the loss for the skill; else the last quarter of the run. [steps]"""
    warmup: int = 500

    def check(self, view: RunView) -> Finding | None:
        """Weigh the terms against the data, and the weights against what they began with."""
        terms, shrunk = _share_of_terms(view, self.recent), _shrunk(view, self.recent)
        if math.isnan(terms) and math.isnan(shrunk):
            raise NotMeasurableError(Reason.SIGNAL_NOT_SENT)
        heavy, small = terms > self.dominant, shrunk < self.shrunken
        if not (heavy or small):
            return None
        reached = made_up(view, view.scaled(self.window))
        if math.isnan(reached):
            raise NotMeasurableError
        if reached >= self.skill_floor:
            return None
        what = [f"its terms are {terms:.0%} of the loss"] if heavy else []
        what += [f"the weights shrank to {shrunk:.0%} of their size"] if small else []
        return Finding(
            severity=Severity.INFO if is_on_its_way(view) else Severity.WARNING,
            summary=(
                f"The regularisation is stronger than what there is to learn: {', '.join(what)}; "
                f"the run has come {max(reached, 0):.0%} of the way"
            ),
            evidence=(
                *([Evidence("share_of_terms", terms, self.dominant)] if heavy else []),
                *(
                    [Evidence("weights_left", shrunk, self.shrunken, fires=Side.BELOW)]
                    if small
                    else []
                ),
                Evidence("skill_or_progress", reached, self.skill_floor, fires=Side.BELOW),
            ),
        )


@once
def _share_of_terms(view: RunView, recent: int) -> float:
    """Return their share of the loss of late; nan: there are none, or they are a reward."""
    if not view.has("regularization_loss"):
        return math.nan
    terms, data = (
        finite_median(view.last_samples(name, recent))
        for name in ("regularization_loss", "data_loss")
    )
    if math.isnan(terms) or math.isnan(data):
        return math.nan
    return terms / (terms + data) if terms > 0 <= data else 0.0


@once
def _shrunk(view: RunView, recent: int) -> float:
    """Return what is left of the kernels' norm; nan: there is one kernel at most."""
    kernels = view.dense
    began = view.firsts.kernel_norm
    if len(kernels) < 2 or not len(began) or not began.max() > 0:  # noqa: PLR2004 - one is linear
        return math.nan
    norms = view.last_samples("weight_norm", recent)[:, kernels].astype(np.float64)
    return finite_median(np.sqrt((norms**2).sum(axis=1))) / float(began.max())
