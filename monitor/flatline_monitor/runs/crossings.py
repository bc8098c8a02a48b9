"""When each variable's gradient, update and weights left the range that they began in, for good.

What a signal began with is the median of its first samples. Three more numbers are kept of each
variable, and only once something has crossed, so that a block in which nothing does costs two
comparisons. Only the samples count that are kept of any block, so nothing hangs on how the rows
were cut into messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from flatline_monitor.runs.rates import in_force
from flatline_monitor.runs.records import Role, Variable
from flatline_monitor.runs.rows import Rows, samples_kept

Array = np.ndarray
FIRST = 8
"""Samples that a signal is measured by later."""
HELD = 3
"""Blocks over which a crossing must hold, to be one that lasts."""
RISES, FALLS = 0, 1
"""Sides of a range, on the first axis of what is kept."""
LIMITS: Mapping[str, tuple[float, float]] = {
    "update_norm": (100.0, 0.0),
    "grad_norm": (100.0, 1e-4),
    "weight_norm": (10.0, 0.0),
}
"""How many times its beginning a signal must be above, or below, in the order in which trouble
spreads. A factor of 100 and of 10 as in `gradient_explosion` and `weight_growth`; 1e-4 is a decade
below the gap of `vanishing_gradient`, which a run that converges reaches sooner or later."""


def _no_samples() -> Array:
    return np.zeros((0, 0), np.float32)


def _nothing() -> Array:
    return np.zeros((2, 0), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """One signal of all variables; arrays are never changed."""

    early: Float[Array, "sample variable"] = field(default_factory=_no_samples)
    """The first finite samples, until there are FIRST of them."""
    limits: Float[Array, "side variable"] = field(default_factory=_no_samples)
    """Above the first and below the second it has crossed; empty while `early` is collected."""
    since: Int[Array, "side variable"] = field(default_factory=_nothing)
    """Step since which every sample has crossed, -1: the last has not; empty: none ever has."""
    blocks: UInt8[Array, "side variable"] = field(default_factory=_nothing)
    """Block edges that this has outlasted, at most HELD."""
    first: Int[Array, "side variable"] = field(default_factory=_nothing)
    """Step of the first crossing that lasted, -1: there was none; empty likewise."""

    def __eq__(self, other: object) -> bool:
        """Say whether the other holds the same numbers."""
        if not isinstance(other, Trail):
            return NotImplemented
        pairs = ((getattr(self, part.name), getattr(other, part.name)) for part in fields(self))
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    def __hash__(self) -> int:
        return hash(self.limits.shape)

    def crossed(self, *, closing: bool) -> Int[Array, "side variable"]:
        """Return the steps of the first crossings; of a run that is over those count that stand."""
        if not closing or not self.first.size:
            return self.first
        return np.where(self.first >= 0, self.first, self.since)


Trails = Mapping[str, Trail]
"""By the name of the signal's column."""


def followed(
    trails: Trails, rows: Rows, variables: tuple[Variable, ...], rates: Mapping[int, float]
) -> Trails:
    """Return the trails after one more block of rows; `rates` holds each change of the rate."""
    columns, changed = rows.sampled.columns, {}
    for name, factors in LIMITS.items():
        column = columns.get(name)
        if column is None or column.shape[1:] != (len(variables),) or not len(column):
            continue
        column = column[-samples_kept(column.shape[1:]) :]
        step = rows.sampled.step[-len(column) :]
        if name == "update_norm" and rates:
            column, step = _per_rate(column, step, rates)
        elif "loss_scale" in columns:  # an overflow is skipped, and harmless
            finite = np.isfinite(column).all(axis=1)
            column, step = column[finite], step[finite]
        before = trails.get(name, Trail())
        after = _after(before, column, step, variables, factors)
        if after is not before:
            changed[name] = after
    return {**trails, **changed} if changed else trails


def _per_rate(update: Array, step: Array, rates: Mapping[int, float]) -> tuple[Array, Array]:
    """Return the updates over the highest learning rate so far, and their steps.

    A rate that warms up crosses nothing by that, and neither does one that is lowered.
    """
    highest = np.fmax.accumulate(np.fromiter(rates.values(), np.float64, len(rates)))
    rate = in_force(dict(zip(rates, highest.tolist(), strict=True)), step)
    if np.isnan(rate).all():
        return update, step
    usable = rate > 0
    return update[usable] / rate[usable, None].astype(np.float32), step[usable]


def _after(
    trail: Trail,
    column: Array,
    step: Array,
    variables: tuple[Variable, ...],
    factors: tuple[float, float],
) -> Trail:
    width = len(variables)
    if trail.limits.size and trail.limits.shape[1] != width:
        trail = Trail()  # others are trained now
    if not trail.limits.size:
        early = trail.early if trail.early.shape[1] == width else trail.early[:0].reshape(0, width)
        finite = np.isfinite(column).all(axis=1)
        more = column[finite][: FIRST - len(early)]
        early = np.concatenate((early, more)) if len(more) else early
        if len(early) < FIRST:
            return replace(trail, early=early) if len(more) else trail
        used = int(np.flatnonzero(finite)[len(more) - 1]) + 1 if len(more) else 0
        trail = Trail(limits=_limits(early, variables, factors))
        column, step = column[used:], step[used:]
    return _moved(trail, column, step) if len(step) else trail


def _limits(early: Array, variables: tuple[Variable, ...], factors: tuple[float, float]) -> Array:
    """Return what is far above and below the beginning; infinite where there is no kernel."""
    usual = np.median(early, axis=0)
    kernel = np.array([each.role in _FOLLOWED for each in variables])
    known = kernel & (usual > 0)
    with np.errstate(over="ignore"):
        above = np.where(known, factors[RISES] * usual, np.inf)
        below = np.where(known, factors[FALLS] * usual, -np.inf)
    return np.stack((above, below)).astype(np.float32)


_FOLLOWED = frozenset({Role.KERNEL, Role.RECURRENT_KERNEL, Role.EMBEDDING})


def _moved(trail: Trail, column: Array, step: Array) -> Trail:
    above, below = trail.limits
    inside = (column <= above) & (column >= below)
    # A limit of infinity is that of a variable which is not followed.
    quiet = bool(inside.all()) or bool((inside | ~np.isfinite(above)).all())
    if quiet and (not trail.since.size or (trail.since < 0).all()):
        return trail
    if not trail.since.size:
        none = np.full((2, len(above)), -1, np.int64)
        trail = replace(trail, since=none, first=none, blocks=np.zeros((2, len(above)), np.uint8))
    # What is not finite is as far above as anything can be; a sample without a rate says nothing.
    crossed = np.stack((~(column <= above), column < below)) & np.isfinite(above)
    since = _since(trail.since, crossed, step)
    kept = (since >= 0) & (since == trail.since)
    blocks = np.where(since < 0, 0, np.minimum(np.where(kept, trail.blocks, 0) + 1, HELD))
    lasted = (blocks >= HELD) & (trail.first < 0)
    first = np.where(lasted, since, trail.first)
    return replace(trail, since=since, blocks=blocks.astype(np.uint8), first=first)


def _since(
    before: Int[Array, "side variable"],
    crossed: Bool[Array, "side sample variable"],
    step: Int[Array, " sample"],
) -> Int[Array, "side variable"]:
    """Return the step since which every sample has crossed, -1 where the last has not."""
    back = np.argmax(~crossed[:, ::-1], axis=1)  # samples after the last that had not crossed
    whole = crossed.all(axis=1)
    begun = np.append(step, -1)[len(step) - back]
    return np.where(whole, np.where(before >= 0, before, step[0]), begun)
