"""How a run began: its first losses and gradients, which later ones are measured against."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from flatline_monitor.runs.rows import Rows

KEPT = 20


@dataclass(frozen=True, slots=True)
class Firsts:
    """The first finite values of each signal, at most 20; arrays are never changed."""

    loss: Float[np.ndarray, " first"] = field(default_factory=lambda: np.zeros(0, np.float32))
    data_loss: Float[np.ndarray, " sampled"] = field(
        default_factory=lambda: np.zeros(0, np.float32)
    )
    """Without regularisation and weights."""
    grad_norm: Float[np.ndarray, " norm"] = field(default_factory=lambda: np.zeros(0, np.float32))
    """Global gradient norms."""

    def then(self, rows: Rows) -> "Firsts":
        """Return them with those of further rows, as long as there is room."""
        if min(len(self.loss), len(self.data_loss), len(self.grad_norm)) >= KEPT:
            return self
        columns = rows.sampled.columns
        return Firsts(
            _first(self.loss, rows.loss[rows.loss_known]),
            _first(self.data_loss, columns.get("data_loss")),
            _first(self.grad_norm, columns.get("global_grad_norm")),
        )


def _first(kept: np.ndarray, more: np.ndarray | None) -> np.ndarray:
    if more is None or len(kept) >= KEPT:
        return kept
    return np.concatenate((kept, more[np.isfinite(more)]))[:KEPT]
