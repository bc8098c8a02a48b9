"""How a run began: its first losses, gradients and weights, which later ones are measured by."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from flatline_monitor.runs.records import Variable
from flatline_monitor.runs.rows import Rows

KEPT = 20


def _none() -> np.ndarray:
    return np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Firsts:
    """The first finite values of each signal, at most 20; arrays are never changed."""

    loss: Float[np.ndarray, " first"] = field(default_factory=_none)
    data_loss: Float[np.ndarray, " sampled"] = field(default_factory=_none)
    """Without regularisation and weights."""
    grad_norm: Float[np.ndarray, " norm"] = field(default_factory=_none)
    """Global gradient norms."""
    kernel_norm: Float[np.ndarray, " kernels"] = field(default_factory=_none)
    """Norm of all kernels together, after the update."""
    update_ratio: Float[np.ndarray, " update"] = field(default_factory=_none)
    """Largest update norm / weight norm of a kernel; a step that changed nothing is left out.

    Kernels below half of Glorot's initial size are left out: they began at zero, or nearly so,
    and their ratio is large however small the update.
    """
    weight_norm: Float[np.ndarray, " kernel"] = field(default_factory=_none)
    """Norm of each kernel before the first update, at least; half of Glorot's where that is larger.

    Anew when others are trained.
    """

    def then(self, rows: Rows, kernels: Mapping[int, Variable]) -> "Firsts":
        """Return them with those of further rows, as long as there is room.

        `kernels` are the kernels by their index on the rows' variable axis, embeddings apart.
        """
        if self.is_full(kernels):
            return self
        columns = rows.sampled.columns
        weights, updates = (
            columns[name][:, [*kernels]] if kernels and name in columns else None
            for name in ("weight_norm", "update_norm")
        )
        return Firsts(
            _first(self.loss, rows.loss[rows.loss_known]),
            _first(self.data_loss, columns.get("data_loss")),
            _first(self.grad_norm, columns.get("global_grad_norm")),
            _first(self.kernel_norm, None if weights is None else _together(weights)),
            _first(self.update_ratio, _ratios(updates, weights, [*kernels.values()])),
            _before(self.weight_norm, updates, weights, [*kernels.values()]),
        )

    def is_full(self, kernels: Mapping[int, Variable]) -> bool:
        """Say whether further rows, with these kernels, would change nothing."""
        kept = (self.loss, self.data_loss, self.grad_norm, self.kernel_norm, self.update_ratio)
        return min(map(len, kept)) >= KEPT and len(self.weight_norm) == len(kernels)


def _first(kept: np.ndarray, more: np.ndarray | None) -> np.ndarray:
    if more is None or len(kept) >= KEPT:
        return kept
    return np.concatenate((kept, more[np.isfinite(more)]))[:KEPT]


def _together(norms: np.ndarray) -> np.ndarray:
    """Return the norm of several arrays together, out of their norms [sampled, kernel]."""
    return np.asarray(np.sqrt((norms.astype(np.float64) ** 2).sum(axis=1)), np.float32)


def _before(
    kept: np.ndarray,
    updates: np.ndarray | None,
    weights: np.ndarray | None,
    kernels: Sequence[Variable],
) -> np.ndarray:
    """Return the norms less what the first update can have added to them, [kernel]."""
    if weights is None or len(kept) == len(kernels):
        return kept
    moved = np.zeros_like(weights) if updates is None else updates
    known = np.flatnonzero((np.isfinite(weights) & np.isfinite(moved)).all(axis=1))
    if not known.size:
        return _none()
    return np.asarray(np.maximum(weights[known[0]] - moved[known[0]], _half_of_usual(kernels)))


def _ratios(
    updates: np.ndarray | None, weights: np.ndarray | None, kernels: Sequence[Variable]
) -> np.ndarray | None:
    if updates is None or weights is None:
        return None
    moved = (updates > 0).any(axis=1)
    sizes = _half_of_usual(kernels)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(weights >= sizes, updates / weights, 0.0)
    return np.asarray(ratios[moved].max(axis=1), np.float32)


def _half_of_usual(kernels: Sequence[Variable]) -> np.ndarray:
    return 0.5 * np.array([glorot_norm(kernel.shape) for kernel in kernels], np.float32)


def glorot_norm(shape: tuple[int, ...]) -> float:
    """Return the norm that a kernel begins with (Glorot and Bengio, 2010, section 4.2.1)."""
    if len(shape) < 2:  # noqa: PLR2004 - a vector has no fan
        return 0.0
    field = math.prod(shape[:-2])
    return math.sqrt(math.prod(shape) * 2 / (field * (shape[-2] + shape[-1])))
