"""From the units of a step to shares of layers: a unit is judged over many steps."""

from collections.abc import Mapping, Sequence

import numpy as np

from flatline.rows import Activation

WINDOW = 50
"""Sampled steps over which a unit is judged."""
SATURATED = 0.9
"""Root mean square, of outputs scaled to -1..1, above which a squashing unit is saturated.

TheDeepChecker takes .85 for a mean of absolute values, which is never the larger of the two.
"""
_TOGETHER = 32
"""Rows done together: of more of them, the system gives and takes back the memory each time."""


class Units:
    """What the units did on the last sampled steps."""

    def __init__(self, activations: Sequence[Activation]) -> None:
        sizes = [-(-each.units // each.stride) for each in activations]
        ends = np.cumsum([0, *sizes])
        self._layers = _Layers(sizes)
        self._of = {
            kind: (
                np.concatenate([np.arange(ends[i], ends[i + 1]) for i in places] or [ends[:0]]),
                _Layers([sizes[i] for i in places]),
            )
            for kind in ("rectifier", "squasher")
            for places in [[i for i, each in enumerate(activations) if each.kind == kind]]
        }
        lows = np.repeat([each.low for each in activations], sizes)
        self._from_zero = lows[self._of["squasher"][0]] == 0
        self._past: dict[str, np.ndarray] = {}

    def columns(self, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the columns over layers for rows that follow those that were given before."""
        if "unit_mean" not in found:
            return {}
        mean, variance = found["unit_mean"], found["unit_variance"]
        parts = [
            self._columns(mean[at : at + _TOGETHER], variance[at : at + _TOGETHER])
            for at in range(0, len(mean), _TOGETHER)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _columns(self, mean: np.ndarray, variance: np.ndarray) -> dict[str, np.ndarray]:
        mean, variance = mean.astype(np.float64), variance.astype(np.float64)
        average = self._layers.mean(mean)
        with np.errstate(invalid="ignore", over="ignore"):
            apart = mean - self._layers.spread(average)
            spread = self._layers.mean(variance + np.square(apart))
        columns = {"activation_mean": average, "activation_std": np.sqrt(spread)}
        units, layers = self._of["rectifier"]
        if units.size:
            active = self._over_window("rectifier", mean[:, units], 1.0)
            columns["dead_unit_share"] = layers.mean(active <= 0)
        units, layers = self._of["squasher"]
        if units.size:
            # A function from 0 to 1 is taken as twice its value, less 1.
            factor, shift = 1.0 + self._from_zero, 1.0 * self._from_zero
            with np.errstate(invalid="ignore", over="ignore"):
                centre = factor * mean[:, units] - shift
                scaled = np.square(factor) * variance[:, units] + np.square(centre)
            stuck = self._over_window("squasher", scaled, 0.0)
            columns["saturated_unit_share"] = layers.mean(stuck > SATURATED**2)
        return columns

    def _over_window(self, kind: str, rows: np.ndarray, unknown: float) -> np.ndarray:
        """Return the mean over the window that ends with each row, [row, unit]."""
        rows = np.where(np.isfinite(rows), rows, unknown)  # a unit that is nan is not stuck
        past = self._past.get(kind, rows[:0])
        joined = np.concatenate((past, rows))
        self._past[kind] = joined[-(WINDOW - 1) :].copy()
        sums = np.concatenate((np.zeros((1, rows.shape[1])), np.cumsum(joined, 0, np.float64)))
        ends = np.arange(len(past) + 1, len(joined) + 1)
        begins = np.maximum(ends - WINDOW, 0)
        return np.asarray((sums[ends] - sums[begins]) / (ends - begins)[:, None])


class _Layers:
    """Layers with so many units each, one after the other."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = np.array(sizes, np.float64)
        self._starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)

    def spread(self, layers: np.ndarray) -> np.ndarray:
        """Return for each unit the number of its layer, [row, unit]."""
        return np.repeat(layers, self._sizes.astype(np.int64), 1)

    def mean(self, units: np.ndarray) -> np.ndarray:
        """Return the mean over the units of each layer, [row, layer]."""
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(np.add.reduceat(units, self._starts, 1, np.float64) / self._sizes)
