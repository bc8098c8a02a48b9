"""Update ratio: the optimizer changes the weights far too much, or hardly at all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from flatline_monitor.detectors.contract import (
    Evidence,
    Finding,
    NotMeasurableError,
    Severity,
    Side,
)
from flatline_monitor.detectors.statistics import (
    finite_medians,
    first_update_ratio,
    made_up,
    may_fall,
    progress,
    recent_loss,
)
from flatline_monitor.runs.firsts import glorot_norm
from flatline_monitor.runs.plan import FEWEST_STEPS
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView, once

FEW_WEIGHTS = 16


@dataclass(frozen=True, slots=True)
class UpdateRatio:
    """The size of an update, relative to the weights that it changes, is out of range.

    Statistic
        for each kernel, embeddings apart, the median over the last `window` steps of
        r = update_norm / weight_norm, the weights as they are after the update, but Glorot's
        initial norm at least for a kernel of fewer than 16 numbers, which may lie near zero by
        chance; steps that changed nothing are left out, unless all did. r_first = the second
        largest r of any kernel in the first `first_steps` steps: what the learning rate did to
        initial weights.
    Fires when
        r_first > `first_ceiling` and the skill is below `skilled`: the run has not made up for
        it (only information in the first `patience` steps if it has some, `little_skill`, or if
        before the share `early` of the plan its loss is below `left_behind` of the very first:
        targets in the thousands are reached by such steps); and,
        after `settling` steps,
        r > `ceiling` for one kernel while the skill is below `skilled`; or r < `floor` for all
        of them while progress < 10 % and the loss is above half of the null model's, unless the
        learning rate is below `tail` of its highest.
    Must not fire
        on the first steps of ordinary recipes, Adam at 0.05 included, whose r_first stays below
        0.1; on biases, gamma and beta, which begin at zero or one; on fine-tuning and on the
        tail of a schedule, where small updates are meant and the loss is low; on the start of a
        learning-rate warm-up; on embeddings, of which few rows change.
    Sources
        Karpathy, CS231n notes, part 3: about 1e-3. TheDeepChecker's 1e-4 is loosened by a
        decade, its 1e-1 kept: 85 healthy runs of small networks stay within. `first_ceiling`
        lies between the largest r_first of our healthy trainings (0.1) and the smallest of
        those that a learning rate has harmed (0.23: Adam at 0.3 and more, SGD at 3 and more).
    """

    name: ClassVar[str] = "update_ratio"
    needs: ClassVar[frozenset[str]] = frozenset({"loss", "update_norm", "weight_norm"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {
        "first_ceiling": Side.ABOVE,
        "ceiling": Side.ABOVE,
        "floor": Side.BELOW,
    }
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset()

    first_ceiling: float = 0.2
    """Update over weight in the first steps, above which they were too large. [ratio]"""
    first_steps: int = 5
    """The first sampled steps, which are looked at apart. [sampled steps]"""
    little_skill: float = 0.05
    """Skill or progress from which on that is only information early. [skill]"""
    early: float = 0.5
    """Share of the plan before which a loss that fell far excuses that. [share of the plan]"""
    left_behind: float = 0.5
    """Share of the very first loss below which it fell far. [share]"""
    falling: float = 0.1
    """Fall over the last half, as a share of its level, of a loss that is on its way. [share]"""
    patience: int = 100
    """Steps for which it is early. [steps]"""
    skilled: float = 0.5
    """Skill or progress from which on large updates do no harm. [skill]"""
    ceiling: float = 0.1
    """Update over weight of a kernel above which it fires. [ratio]"""
    floor: float = 1e-5
    """Update over weight of all kernels below which it fires. [ratio]"""
    progress_floor: float = 0.1
    """Share of the first loss gone, from which on small updates will do. [share]"""
    loss_floor: float = 0.5
    """Share of L0 up to which the loss is low, and small updates will do. [L0]"""
    tail: float = 0.1
    """Share of its highest below which the learning rate is at its end. [share]"""
    window: int = 100
    """Medians are taken over so many steps. [steps]"""
    settling: int = 300
    """Steps before which only the first ones are looked at. [steps]"""
    warmup: int = 20

    def check(self, view: RunView) -> Finding | None:
        """Look at the first updates, and at each kernel's median ratio."""
        if finding := self._began_too_large(view):
            return finding
        return self._of_late(view) if view.step + 1 >= view.scaled(self.settling) else None

    def _began_too_large(self, view: RunView) -> Finding | None:
        if len(view.firsts.update_ratio) < min(self.first_steps, view.scaled(self.first_steps)):
            return None
        ratio = first_update_ratio(view, self.first_steps)
        made = made_up(view, view.scaled(self.window))
        if not ratio > self.first_ceiling or made >= self.skilled:
            return None
        early = view.step < self.patience and (made >= self.little_skill or self._falls(view))
        on_its_way = early or may_fall(view, self.falling)
        return Finding(
            severity=Severity.INFO if on_its_way else Severity.WARNING,
            summary=(
                f"The first steps each changed a layer by {ratio:.2g} of its size and swept the "
                "initial weights away; the run has not made up for it"
            ),
            evidence=(
                Evidence("first_update_ratio", ratio, self.first_ceiling),
                *_rate(view, first=True),
            ),
            since_step=0,
        )

    def _falls(self, view: RunView) -> bool:
        """Say whether an early run has left most of its very first loss behind."""
        share = view.share_of_plan
        young = share is not None and share < self.early
        first, now = view.firsts.loss, recent_loss(view, FEWEST_STEPS)
        return bool(young and len(first) and now < self.left_behind * float(first[0]))

    def _of_late(self, view: RunView) -> Finding | None:
        steps = view.scaled(self.window)
        kernels, middle = _ratios(view, steps)
        largest = np.fmax.reduce(middle)
        if largest > self.ceiling and made_up(view, steps) < self.skilled:
            found = self._found(view, kernels, middle, self.ceiling)
            falls = may_fall(view, self.falling)
            return replace(found, severity=Severity.INFO) if falls else found
        if largest < self.floor and self._learns_nothing(view, steps):
            return self._found(view, kernels, middle, self.floor)
        return None

    def _learns_nothing(self, view: RunView, steps: int) -> bool:
        rates = list(view.learning_rate.values())
        if rates and rates[-1] < self.tail * max(rates):
            return False  # the end of a schedule
        null = view.null_loss
        now = recent_loss(view, steps)
        high = null is None or now > self.loss_floor * null
        return bool(high and progress(view, steps) < self.progress_floor)

    @staticmethod
    def _found(view: RunView, kernels: list[int], middle: np.ndarray, limit: float) -> Finding:
        most = int(np.nanargmax(middle))
        path, ratio = view.variables[kernels[most]].path, float(middle[most])
        high = ratio > limit
        return Finding(
            severity=Severity.WARNING,
            summary=(
                f"Each step changes {path} by {ratio:.2g} of its size"
                if high
                else f"No step changes any layer by more than {ratio:.2g} of its size"
                if ratio
                else "No step changes any layer at all"
            ),
            evidence=(
                Evidence(
                    "largest_update_ratio", ratio, limit, fires=Side.ABOVE if high else Side.BELOW
                ),
                *_rate(view),
            ),
            variables=(path,) if high else (),
        )


@once
def _ratios(view: RunView, steps: int) -> tuple[list[int], np.ndarray]:
    """Return the kernels, embeddings apart, and the median ratio of each over the last steps."""
    begin = view.step - steps + 1
    kernels = view.dense
    updates, weights = (
        view.sampled_since(begin, name)[:, kernels] for name in ("update_norm", "weight_norm")
    )
    if not updates.size:
        raise NotMeasurableError
    moved = (updates > 0).any(axis=1)
    if moved.any():
        updates, weights = updates[moved], weights[moved]
    usual = [
        glorot_norm(variable.shape) if variable.size < FEW_WEIGHTS else 0.0
        for variable in (view.variables[i] for i in kernels)
    ]
    with np.errstate(invalid="ignore"):
        ratios = updates / np.maximum(weights, np.maximum(usual, 1e-30))
    middle = finite_medians(ratios)
    if not np.isfinite(middle).any():
        raise NotMeasurableError
    return kernels, middle


def _rate(view: RunView, *, first: bool = False) -> tuple[Evidence, ...]:
    """Return the learning rate now, or at the beginning; nothing where it was not sent."""
    rates = list(view.learning_rate.values())
    return tuple(Evidence("learning_rate", rate) for rate in (rates[:1] if first else rates[-1:]))
