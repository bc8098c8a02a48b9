"""Where a run's numbers went bad: kept until they are good again, however long that takes."""

from dataclasses import dataclass

import numpy as np

from flatline_monitor.runs.rows import Rows, bad_steps, lost_steps


@dataclass(frozen=True, slots=True)
class FirstBad:
    """The first step with a non-finite value, and where in it that was."""

    step: int
    place: str
    """input, targets, loss, gradient or weights: the first of them that was bad."""
    variables: tuple[int, ...] = ()
    """Indices of the variables whose gradient was non-finite."""


PLACES = (
    ("input_nonfinite_count", "input"),
    ("target_nonfinite_count", "targets"),
    ("loss", "loss"),
    ("global_grad_norm", "gradient"),
    ("weight_norm", "weights"),
)
"""Columns in which a value can be bad, in the order in which it spreads within one step."""


def first_bad(known: FirstBad | None, window: Rows, fresh: Rows) -> FirstBad | None:
    """Return where the numbers went bad, given what was known and the rows that came since.

    It is forgotten when no row of the window is bad any more. A step that loss scaling skipped,
    its gradient beyond float16 and its loss finite, begins nothing.
    """
    if known is not None:
        return known if bad_steps(window).size else None
    bad = bad_steps(fresh)
    if "loss_scale" in fresh.sampled.columns:
        bad = bad[np.isin(bad, lost_steps(fresh))]
    return _at(fresh, int(bad[0])) if bad.size else None


def _at(rows: Rows, step: int) -> FirstBad:
    place = next((words for name, words in PLACES if _is_bad(rows, name, step)), "loss")
    column = rows.sampled.columns.get("grad_norm")
    at = np.flatnonzero(rows.sampled.step == step)
    if column is None or not at.size:
        return FirstBad(step, place)
    return FirstBad(step, place, tuple(np.flatnonzero(~np.isfinite(column[at[0]])).tolist()))


def _is_bad(rows: Rows, name: str, step: int) -> bool:
    if name == "loss":
        at = np.flatnonzero((rows.step == step) & rows.loss_known)
        return bool(at.size and not np.isfinite(rows.loss[at[0]]))
    column, at = rows.sampled.columns.get(name), np.flatnonzero(rows.sampled.step == step)
    if column is None or not at.size:
        return False
    values = column[at[0]]
    return bool((values > 0).any() if "count" in name else not np.isfinite(values).all())
