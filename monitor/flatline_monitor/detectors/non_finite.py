"""Non-finite: a number of the training is nan or infinite."""

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
from flatline_monitor.runs.bad import FirstBad
from flatline_monitor.runs.records import Task
from flatline_monitor.runs.rows import bad_steps, lost_steps
from flatline_monitor.runs.view import RunView


@dataclass(frozen=True, slots=True)
class NonFinite:
    """A loss, gradient or weight is nan or infinite, and where that was seen first.

    Statistic
        steps in the window with a non-finite loss, global gradient norm or weight norm, and of
        the first of them the first place in the order input, loss, gradient, weights.
    Fires when
        there is one, until `patience` steps have passed without another.
        Under dynamic loss scaling a step whose gradient overflows while its loss is finite is
        skipped by the optimizer: such steps count only after `probing_steps`, and when the last
        `skipped_in_a_row` sampled ones or more than `skipped_share` of the window were skipped.
    Must not fire
        while loss scaling probes for its factor; on a nan in the input that the model copes
        with, so that loss, gradients and weights stay finite; on a loss that is not known.
    Sources
        Micikevicius et al. (2018), section 3.2, on overflow and skipped steps; Keras'
        LossScaleOptimizer starts at 2**15 and doubles after 2,000 good steps, so up to fifteen
        skipped steps at the beginning and one in 2,000 later are ordinary.
    """

    name: ClassVar[str] = "non_finite"
    needs: ClassVar[frozenset[str]] = frozenset()
    severities: ClassVar[tuple[Severity, ...]] = (Severity.CRITICAL,)
    relaxable: ClassVar[Mapping[str, Side]] = {}
    hold: ClassVar[int] = 1
    not_for: ClassVar[frozenset[Task]] = frozenset()

    patience: int = 20
    """Steps for which a value that is not finite counts. [steps]"""
    skipped_share: float = 0.05
    """Share of skipped steps above which loss scaling does not cope. [share]"""
    skipped_in_a_row: int = 5
    """Sampled steps skipped in a row with which it does not either. [sampled steps]"""
    fewest_for_share: int = 100
    """Sampled steps without which the share says nothing. [sampled steps]"""
    probing_steps: int = 30
    """Steps of the beginning in which loss scaling may skip. [steps]"""
    warmup: int = 0

    def check(self, view: RunView) -> Finding | None:
        """Look for non-finite values in the window, and for where they began."""
        bad = self._without_skipped(view, bad_steps(view.rows))
        begin_recent = view.step - view.scaled(self.patience) + 1
        if not bad.size or bad[-1] < begin_recent:
            seen = view.loss_since(begin_recent).size or view.sampled_steps_since(begin_recent).size
            if not seen:
                raise NotMeasurableError(
                    Reason.TOO_FEW_POINTS if view.sent else Reason.SIGNAL_NOT_SENT
                )
            return None
        begin = view.bad or FirstBad(int(bad[0]), "gradient")
        return Finding(
            severity=Severity.CRITICAL,
            summary=_sentence(begin),
            evidence=(
                Evidence("first_non_finite_step", float(begin.step), None, "step"),
                Evidence("non_finite_steps_in_the_window", float(bad.size), 0.0, "steps"),
            ),
            since_step=begin.step,
            variables=tuple(
                view.variables[i].path for i in begin.variables if i < len(view.variables)
            ),
        )

    def _without_skipped(self, view: RunView, bad: np.ndarray) -> np.ndarray:
        """Leave out the steps that loss scaling skipped, unless they are too many."""
        columns = view.rows.sampled.columns
        if "loss_scale" not in columns or "global_grad_norm" not in columns:
            return bad
        overflow = ~np.isfinite(columns["global_grad_norm"])
        skipped = view.rows.sampled.step[overflow]
        skipped = skipped[~np.isin(skipped, lost_steps(view.rows))]
        recent = overflow[-self.skipped_in_a_row :]
        in_a_row = recent.size == self.skipped_in_a_row and bool(recent.all())
        share = float(overflow.mean()) if overflow.size >= self.fewest_for_share else 0.0
        probing = view.step < view.scaled(self.probing_steps)
        too_many = not probing and (in_a_row or share > self.skipped_share)
        return bad if too_many else bad[~np.isin(bad, skipped)]


def _sentence(begin: FirstBad) -> str:
    verb = "are" if begin.place in {"weights", "targets"} else "is"
    return f"The {begin.place} {verb} nan or infinite, first at step {begin.step}"
