"""Update ratio: the optimizer changes the weights far too much, or hardly at all."""

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
from flatline_monitor.detectors.statistics import finite_median, progress
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView


@dataclass(frozen=True, slots=True)
class UpdateRatio:
    """The size of an update, relative to the weights that it changes, is out of range.

    Statistic
        for each kernel, the median over the last `window` steps of
        r = update_norm / weight_norm; steps that the optimizer skipped are left out.
    Fires when
        r > `ceiling` for one kernel; or r < `floor` for all of them while progress < 10 % and
        the loss is above half of the null model's.
    Must not fire
        on biases, gamma and beta, which begin at zero or one; on fine-tuning and on the tail of
        a schedule, where small updates are meant and the loss is low; on the start of a
        learning-rate warm-up; on embeddings, of which few rows change.
    Sources
        Karpathy, CS231n notes, part 3: about 1e-3. TheDeepChecker's 1e-4 is loosened by a
        decade, its 1e-1 kept: 85 healthy runs of small networks stay within.
    """

    name: ClassVar[str] = "update_ratio"
    needs: ClassVar[frozenset[str]] = frozenset({"loss", "update_norm", "weight_norm"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.WARNING,)
    relaxable: ClassVar[Mapping[str, Side]] = {"ceiling": Side.ABOVE, "floor": Side.BELOW}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset()

    ceiling: float = 0.1
    floor: float = 1e-5
    progress_floor: float = 0.1
    loss_floor: float = 0.5
    window: int = 100
    warmup: int = 300

    def check(self, view: RunView) -> Finding | None:
        """Look at each kernel's median ratio."""
        steps = view.scaled(self.window)
        begin = view.step - steps + 1
        updates, weights = (
            view.sampled_since(begin, name)[:, view.kernels]
            for name in ("update_norm", "weight_norm")
        )
        moved = (updates > 0).any(axis=1)
        if not (updates.size and moved.any()):
            raise NotMeasurableError
        ratios = updates[moved] / np.maximum(weights[moved], 1e-30)
        middle = np.array([finite_median(column) for column in ratios.T])
        if np.nanmax(middle) > self.ceiling:
            return self._found(view, int(np.nanargmax(middle)), middle, self.ceiling)
        if np.nanmax(middle) < self.floor and self._learns_nothing(view, steps):
            return self._found(view, int(np.nanargmax(middle)), middle, self.floor)
        return None

    def _learns_nothing(self, view: RunView, steps: int) -> bool:
        null = view.null_loss
        now = finite_median(view.loss_since(view.step - steps + 1))
        high = null is None or now > self.loss_floor * null
        return bool(high and progress(view, steps) < self.progress_floor)

    @staticmethod
    def _found(view: RunView, most: int, middle: np.ndarray, limit: float) -> Finding:
        path, ratio = view.variables[view.kernels[most]].path, float(middle[most])
        high = ratio > limit
        rate = list(view.learning_rate.values())[-1:]
        return Finding(
            severity=Severity.WARNING,
            summary=(
                f"Each step changes {path} by {ratio:.2g} of its size"
                if high
                else f"No step changes any layer by more than {ratio:.2g} of its size"
            ),
            evidence=(
                Evidence(
                    "largest_update_ratio", ratio, limit, fires=Side.ABOVE if high else Side.BELOW
                ),
                *(Evidence("learning_rate", value) for value in rate),
            ),
            variables=(path,) if high else (),
        )
