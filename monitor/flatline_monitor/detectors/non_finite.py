"""Non-finite: a number of the training is nan or infinite."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from flatline_monitor.detectors.contract import Evidence, Finding, Severity, Side
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.rows import bad_steps
from flatline_monitor.runs.view import RunView

Places = list[tuple[str, str]]

PLACES: Places = [
    ("input_nonfinite_count", "the input"),
    ("loss", "the loss"),
    ("global_grad_norm", "the gradient"),
    ("weight_norm", "the weights"),
]
"""Where a value can go bad, in the order in which it spreads within one step."""


@dataclass(frozen=True, slots=True)
class NonFinite:
    """A loss, gradient or weight is nan or infinite, and where that was seen first.

    Statistic
        steps in the window with a non-finite loss, global gradient norm or weight norm, and of
        the first of them the first place in the order input, loss, gradient, weights.
    Fires when
        there is one, until `patience` steps have passed without another.
        Under dynamic loss scaling a step whose gradient overflows while its loss is finite is
        skipped by the optimizer: it counts only when more than `skipped_share` of the sampled
        steps or `skipped_in_a_row` of them were skipped.
    Must not fire
        while loss scaling probes for its factor; on a nan in the input that the model copes
        with, so that loss, gradients and weights stay finite; on a loss that is not known.
    Sources
        Micikevicius et al. (2018), section 3.2, on overflow and skipped steps; Keras'
        LossScaleOptimizer starts at 2**15 and doubles after 2,000 good steps, so one skipped
        step in 2,000 is ordinary and `skipped_share` leaves room for twenty times that.
    """

    name: ClassVar[str] = "non_finite"
    needs: ClassVar[frozenset[str]] = frozenset({"loss"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.CRITICAL,)
    relaxable: ClassVar[Mapping[str, Side]] = {}
    hold: ClassVar[int] = 1
    not_for: ClassVar[frozenset[Task]] = frozenset()

    patience: int = 20
    skipped_share: float = 0.01
    skipped_in_a_row: int = 5
    warmup: int = 0

    def check(self, view: RunView) -> Finding | None:
        """Look for non-finite values in the window, and for where they began."""
        bad = self._without_skipped(view, bad_steps(view.rows))
        if not bad.size or bad[-1] <= view.step - view.scaled(self.patience):
            return None
        first = int(bad[0])
        place = _place(view, first)
        return Finding(
            severity=Severity.CRITICAL,
            summary=f"{place} is nan or infinite, first at step {first}".capitalize(),
            evidence=(
                Evidence("non_finite_steps", float(bad.size), 0.0, "steps"),
                Evidence("first_non_finite_step", float(first), None, "step"),
            ),
            since_step=first,
            variables=_variables(view, first),
        )

    def _without_skipped(self, view: RunView, bad: np.ndarray) -> np.ndarray:
        """Leave out the steps that loss scaling skipped, unless they are too many."""
        columns = view.rows.sampled.columns
        if "loss_scale" not in columns or "global_grad_norm" not in columns:
            return bad
        overflow = ~np.isfinite(columns["global_grad_norm"])
        lost = view.rows.step[view.rows.loss_known & ~np.isfinite(view.rows.loss)]
        skipped = view.rows.sampled.step[overflow]
        skipped = skipped[~np.isin(skipped, lost)]
        in_a_row = self.skipped_in_a_row
        recent = overflow[-in_a_row:]
        too_many = (
            skipped.size > max(1, self.skipped_share * overflow.size)
            and recent.size == in_a_row
            and bool(recent.all())
        )
        return bad if too_many else bad[~np.isin(bad, skipped)]


def _place(view: RunView, step: int) -> str:
    """Return the first place, in the order of PLACES, that is bad at this step or at the input."""
    return next((words for name, words in PLACES if _is_bad(view, name, step)), "the loss")


def _is_bad(view: RunView, name: str, step: int) -> bool:
    if name == "loss":
        at = np.flatnonzero(view.rows.step == step)
        return bool(at.size and view.rows.loss_known[at[0]] and ~np.isfinite(view.rows.loss[at[0]]))
    column = view.rows.sampled.columns.get(name)
    at = np.flatnonzero(view.rows.sampled.step == step)
    if column is None or not at.size:
        return False
    values = column[at[0]]
    return bool((values > 0).any() if "count" in name else not np.isfinite(values).all())


def _variables(view: RunView, step: int) -> tuple[str, ...]:
    """Return the variables whose gradient was non-finite at this step."""
    column = view.rows.sampled.columns.get("grad_norm")
    at = np.flatnonzero(view.rows.sampled.step == step)
    if column is None or not at.size or len(view.variables) != column.shape[1]:
        return ()
    return tuple(view.variables[i].path for i in np.flatnonzero(~np.isfinite(column[at[0]])))
