"""When a norm left its range for good: found as a slow, obvious search finds it."""

import time

import numpy as np
import pytest

from flatline_monitor.engine.codec import pack, unpack
from flatline_monitor.runs.crossings import FIRST, HELD, Trails, followed
from flatline_monitor.runs.records import Chunk, Role, Sampled, Variable
from flatline_monitor.runs.rows import rows_of
from tests.play import play
from tests.signals import HEALTHY, HELLO

BLOCK, STEPS, WIDTH = 10, 200, 6
VARIABLES = tuple(Variable(f"d{i}/kernel", f"d{i}", Role.KERNEL, (4, 4)) for i in range(WIDTH))


def rows(begin, norms, **more):
    steps = np.arange(begin, begin + len(norms))
    columns = {"grad_norm": norms.astype(np.float32), **more}
    return rows_of(Chunk(steps, {}, Sampled(steps, 1, columns), steps[:0], np.zeros(0, np.float32)))


def trail_of(norms, block=BLOCK, **more):
    trails: Trails = {}
    for begin in range(0, len(norms), block):
        part = {name: column[begin : begin + block] for name, column in more.items()}
        trails = followed(trails, rows(begin, norms[begin : begin + block], **part), VARIABLES, {})
    return trails["grad_norm"]


def searched(norm, side):
    """The step since which a crossing lasted over three ends of blocks; -1: none did."""
    usual = np.median(norm[:FIRST].astype(np.float32))
    far = ~(norm <= 100 * usual) if side == 0 else norm < 1e-4 * usual
    far[:FIRST] = False
    for begin in np.flatnonzero(far & ~np.append(False, far[:-1])):
        length = np.argmin(np.append(far[begin:], False))
        ends = sum(begin <= end < begin + length for end in range(BLOCK - 1, len(norm), BLOCK))
        if ends >= HELD:
            return begin
    return -1


@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_first_crossing_that_lasts(seed):
    """Stretches of all lengths, above, below and not finite, begun anywhere in a block."""
    rng = np.random.default_rng(seed)
    norms = rng.uniform(0.5, 2, (STEPS, WIDTH))
    for variable in range(WIDTH):
        for _ in range(5):
            begin, length = rng.integers(FIRST, STEPS), rng.integers(1, 60)
            norms[begin : begin + length, variable] *= rng.choice([1e4, 1e-6, np.nan])
    first = trail_of(norms).crossed(closing=False)

    want = [[searched(norms[:, i], side) for i in range(WIDTH)] for side in (0, 1)]
    np.testing.assert_array_equal(first if first.size else np.full((2, WIDTH), -1), want)


def test_what_stands_at_the_end_counts_then():
    """A run that dies of it has no three more blocks."""
    norms = np.ones((STEPS, WIDTH))
    norms[STEPS - 4 :, 2] = np.nan
    trail = trail_of(norms)

    assert (trail.crossed(closing=False) < 0).all()
    assert trail.crossed(closing=True)[0].tolist() == [-1, -1, STEPS - 4, -1, -1, -1]


def test_an_overflow_that_loss_scaling_skips_is_no_crossing():
    norms, scale = np.ones((STEPS, WIDTH)), np.full(STEPS, 1024, np.float32)
    norms[60:120] = np.inf

    assert not trail_of(norms, loss_scale=scale).first.size


def test_a_rate_that_warms_up_or_falls_is_no_crossing():
    """Updates that grow with the rate say nothing, and neither do those that outlast it."""
    rates = {step: 1e-6 * 2 ** (step // 10) if step < 120 else 1e-9 for step in range(STEPS)}
    moves = np.array([[max(rates[step], 1e-4)] * WIDTH for step in range(STEPS)])
    trails: Trails = {}
    for begin in range(0, STEPS, BLOCK):
        part = rows(begin, np.ones((BLOCK, WIDTH)), update_norm=moves[begin : begin + BLOCK])
        trails = followed(trails, part, VARIABLES, rates)

    assert not trails["update_norm"].first.size


def test_it_outlives_a_snapshot_and_the_end():
    """A run is told after its rows are gone."""
    signals = HEALTHY["learns"]
    grown = signals.sampled["grad_norm"].copy()
    grown[200:] *= 1e4
    state = play(signals.with_columns(grad_norm=grown).records(), HELLO)
    back = unpack(pack(state)).history.trails["grad_norm"]

    np.testing.assert_array_equal(back.first, state.history.trails["grad_norm"].first)
    assert 200 in back.first


def test_it_costs_little():
    """A hundred variables: microseconds a block, a few KiB."""
    variables = tuple(Variable(f"d{i}/kernel", "", Role.KERNEL, (4, 4)) for i in range(100))
    norms = np.random.default_rng(0).uniform(0.5, 2, (50, 100)).astype(np.float32)
    block = rows(0, norms, update_norm=norms, weight_norm=norms)
    trails = followed({}, block, variables, {0: 0.1})
    took = []
    for _ in range(200):
        began = time.perf_counter()
        trails = followed(trails, block, variables, {0: 0.1})
        took.append(time.perf_counter() - began)

    parts = ("early", "limits", "since", "blocks", "first")
    assert sum(getattr(t, part).nbytes for t in trails.values() for part in parts) < 16 * 2**10
    assert np.median(took) < 1e-3, "it takes 30 us, without the tests' own checks of types"
