"""Input scale: the inputs are far from zero mean and unit size."""

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
from flatline_monitor.detectors.statistics import finite_median
from flatline_monitor.runs.records import Role, Task
from flatline_monitor.runs.view import RunView, once

NOT_SENT = (float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class InputScale:
    """An input of the model is of a size that its first layer was not made for.

    Statistic
        median over the last `window` steps of each input's standard deviation and of the
        absolute value of its mean, over all elements of a batch.
    Fires when
        one of them is above `ceiling`, or the standard deviation is below `floor`.
    Must not fire
        on indices into an embedding, which are names and not sizes; on inputs around 1, as
        pixels in 0..1 and standardised features are; on a constant input (standard deviation
        zero), which is a mask or a seed.
        Alone it is information: raw pixels often learn all the same. With a high initial loss,
        an exploding gradient or a run that does not learn it is a warning
        (`alerts/suppression.py`).
    Sources
        LeCun et al. (1998), Efficient BackProp, section 4.3. `ceiling` and `floor` are two
        decades wide, because limits like 1 or 0.2, as others use them, flag most healthy
        image models.
    """

    name: ClassVar[str] = "input_scale"
    needs: ClassVar[frozenset[str]] = frozenset({"input_mean", "input_std"})
    severities: ClassVar[tuple[Severity, ...]] = (Severity.INFO, Severity.WARNING)
    relaxable: ClassVar[Mapping[str, Side]] = {"ceiling": Side.ABOVE, "floor": Side.BELOW}
    hold: ClassVar[int] = 3
    not_for: ClassVar[frozenset[Task]] = frozenset()

    ceiling: float = 10.0
    """Standard deviation, or mean, above which it fires. [units of the input]"""
    floor: float = 0.01
    """Standard deviation below which it fires. [units of the input]"""
    window: int = 100
    """Medians are taken over so many steps. [steps]"""
    warmup: int = 5

    def check(self, view: RunView) -> Finding | None:
        """Look at the size of each input."""
        if view.variables and view.variables[0].role is Role.EMBEDDING:
            return None
        begin = view.step - view.scaled(self.window) + 1
        for i, (mean, std) in enumerate(_sizes(view, begin)):
            if std > 0 and (std > self.ceiling or mean > self.ceiling or std < self.floor):
                return self._finding(view, i, begin, mean, std)
        return None

    def _finding(self, view: RunView, i: int, begin: int, mean: float, std: float) -> Finding:
        low, high = _range(view, i, begin)
        name = view.inputs[i] if i < len(view.inputs) else str(i)
        large = max(mean, std) > self.ceiling
        limit, side = (self.ceiling, Side.ABOVE) if large else (self.floor, Side.BELOW)
        return Finding(
            severity=Severity.INFO,
            summary=(
                f"Input {name} ranges over {low:.4g}..{high:.4g} with a standard deviation of "
                f"{std:.3g}; layers are made for about 1"
            ),
            evidence=(
                Evidence("input_standard_deviation", std, limit, fires=side),
                Evidence("input_mean_absolute", mean, self.ceiling),
                Evidence("input_minimum", low),
                Evidence("input_maximum", high),
            ),
        )


@once
def _sizes(view: RunView, begin: int) -> list[tuple[float, float]]:
    """Return the median absolute mean and standard deviation of each input, from this step on."""
    means, stds = (view.sampled_since(begin, name) for name in ("input_mean", "input_std"))
    if not len(stds):
        raise NotMeasurableError
    columns = zip(means.T, stds.T, strict=True)
    return [(finite_median(np.abs(mean)), finite_median(std)) for mean, std in columns]


def _range(view: RunView, i: int, begin: int) -> tuple[float, float]:
    """Return the smallest and largest element of the input in the window; nan: not sent."""
    if not (view.has("input_min") and view.has("input_max")):
        return NOT_SENT
    low = view.sampled_since(begin, "input_min")[:, i]
    high = view.sampled_since(begin, "input_max")[:, i]
    low, high = low[np.isfinite(low)], high[np.isfinite(high)]
    return (float(low.min()), float(high.max())) if low.size and high.size else NOT_SENT
