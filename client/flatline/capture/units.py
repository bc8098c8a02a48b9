"""From the units of a step to shares of layers: a unit is judged over many steps."""

from collections.abc import Mapping, Sequence

import numpy as np

from flatline.rows import Activation

WINDOW = 50
"""Sampled steps over which a unit is judged."""
DEAD = 0.01
"""Share of samples below which a rectifier counts as dead (SageMaker Debugger counts zeros)."""
SATURATED = 0.5
"""Share of samples above which a squashing unit counts as saturated."""


class Units:
    """What the units did on the last sampled steps."""

    def __init__(self, activations: Sequence[Activation]) -> None:
        self._starts = {
            kind: _starts([each for each in activations if each.kind == kind])
            for kind in ("rectifier", "squasher")
        }
        self._past: dict[str, np.ndarray] = {}

    def columns(self, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the columns over layers for rows that follow those that were given before."""
        columns: dict[str, np.ndarray] = {}
        if "activation" in found:
            mean, square = found["activation"][..., 0], found["activation"][..., 1]
            with np.errstate(invalid="ignore", over="ignore"):
                spread = np.maximum(square - np.square(mean), 0.0)
            columns |= {"activation_mean": mean, "activation_std": np.sqrt(spread)}
        if "rectifier_units" in found:
            active = self._share("rectifier", found["rectifier_units"])
            columns["dead_unit_share"] = self._layers("rectifier", active < DEAD)
        if "squasher_units" in found:
            stuck = self._share("squasher", found["squasher_units"])
            columns["saturated_unit_share"] = self._layers("squasher", stuck > SATURATED)
        return columns

    def _share(self, kind: str, rows: np.ndarray) -> np.ndarray:
        """Return the mean over the window that ends with each row, [row, unit]."""
        # A unit that is nan is not dead: it is counted as in use.
        rows = np.where(np.isfinite(rows), rows, 1.0 if kind == "rectifier" else 0.0)
        past = self._past.get(kind, np.zeros((0, rows.shape[1]), np.float32))
        joined = np.concatenate((past, rows))
        self._past[kind] = joined[-(WINDOW - 1) :].astype(np.float32)
        sums = np.concatenate((np.zeros((1, rows.shape[1])), np.cumsum(joined, 0, np.float64)))
        ends = np.arange(len(past) + 1, len(joined) + 1)
        begins = np.maximum(ends - WINDOW, 0)
        return np.asarray((sums[ends] - sums[begins]) / (ends - begins)[:, None])

    def _layers(self, kind: str, stopped: np.ndarray) -> np.ndarray:
        """Return the share of each layer's units that have stopped, [row, layer]."""
        starts, sizes = self._starts[kind]
        return np.asarray(np.add.reduceat(stopped, starts, 1, np.float32) / sizes)


def _starts(activations: Sequence[Activation]) -> tuple[np.ndarray, np.ndarray]:
    """Return where the units of each layer begin, and how many there are."""
    sizes = np.array([-(-each.units // each.stride) for each in activations], np.int64)
    return np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64), sizes
