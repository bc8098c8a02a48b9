"""How a run began, against what counting row by row finds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatline_monitor.runs.firsts import KEPT, Firsts, glorot_norm
from flatline_monitor.runs.records import LossSource, Role, Sampled, Variable
from flatline_monitor.runs.rows import Rows

DENSE = Variable("dense/kernel", "dense", Role.KERNEL, (16, 16))
WIDE = Variable("wide/kernel", "wide", Role.KERNEL, (16, 64))
KERNELS = {0: DENSE, 2: WIDE}
"""The second of three variables is a bias."""
USUAL = glorot_norm(DENSE.shape)


def rows(updates, weights, *, first=0, loss=None, **columns):
    """Steps that were all sampled, with these norms [step, variable]."""
    n = len(updates)
    step = np.arange(first, first + n)
    given = {"update_norm": updates, "weight_norm": weights, **columns}
    told = {name: np.asarray(values, np.float32) for name, values in given.items()}
    return Rows(
        step,
        np.asarray(np.zeros(n) if loss is None else loss, np.float32),
        np.full(n, LossSource.EXACT, np.uint8),
        np.zeros(n, np.float32),
        Sampled(step, 1, told),
    )


def then(updates, weights, **columns):
    return Firsts().then(rows(updates, weights, **columns), KERNELS)


def table(*values):
    """Norms of a few steps: three updates, then three weights."""
    return st.lists(st.tuples(*[st.sampled_from(values)] * 6), min_size=1, max_size=30)


@settings(max_examples=50, deadline=None)
@given(table(0.0, 0.3, 1.0, 4.0, 9.0))
def test_looking_at_one_kernel_of_one_step_after_the_other_finds_the_same(told):
    """The obvious form: the largest share by which a kernel of some size was changed."""
    found = []
    for norms in told:
        updates, weights = norms[:3], norms[3:]
        shares = [
            updates[i] / weights[i] if weights[i] >= glorot_norm(kernel.shape) / 2 else 0.0
            for i, kernel in KERNELS.items()
        ]
        if any(updates[i] > 0 for i in KERNELS):
            found.append(max(shares))

    ratio = then(np.array(told)[:, :3], np.array(told)[:, 3:]).update_ratio
    assert ratio.tolist() == pytest.approx(found[:KEPT], rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(table(0.0, 1.0, 9.0, math.inf, math.nan), st.integers(1, 30))
def test_the_cut_of_the_messages_does_not_matter(told, cut):
    """Nor do values that are no numbers: none is kept."""
    updates, weights = np.array(told)[:, :3], np.array(told)[:, 3:]
    whole, parts = then(updates, weights), then(updates[:cut], weights[:cut])
    if len(told) > cut:
        parts = parts.then(rows(updates[cut:], weights[cut:], first=cut), KERNELS)

    for name in ("update_ratio", "kernel_norm", "weight_norm"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
        assert np.isfinite(getattr(whole, name)).all()


def test_the_largest_of_the_kernels_counts_and_no_bias():
    """A bias that began at zero has a ratio of its own."""
    firsts = then([[0.4, 9.0, 0.8]], [[4.0, 1e-9, 4.0]])

    assert firsts.update_ratio == pytest.approx([0.2])


@pytest.mark.parametrize(("size", "expected"), [(0.49, 0.0), (0.51, 0.4 / 0.51 / USUAL)])
def test_a_kernel_that_began_near_zero_is_left_out(size, expected):
    """Below half of the size that Glorot gives it; the other kernel still counts as moved."""
    firsts = then([[0.4, 0, 0.0]], [[size * USUAL, 1, 9]])

    assert firsts.update_ratio == pytest.approx([expected])


def test_a_step_that_changed_nothing_is_left_out():
    """A skipped one, or one of many whose gradients accumulate."""
    firsts = then([[0, 5, 0], [0.4, 0, 0], [0, 0, 0]], [[4.0, 1, 4]] * 3)

    assert firsts.update_ratio == pytest.approx([0.1])
    assert len(firsts.kernel_norm) == 3


def test_the_norm_of_all_kernels_is_that_of_one_long_vector():
    """Three and four make five; the bias is no kernel."""
    assert then([[1, 1, 1]], [[3.0, 100.0, 4.0]]).kernel_norm == pytest.approx([5.0])


def test_a_kernel_began_at_least_with_what_the_first_update_cannot_have_made():
    """Four of which one was added; of a half that one was added to, half of the usual size."""
    firsts = then([[1, 9, 1], [7, 7, 7]], [[4.0, 1, 0.5], [9.0, 9.0, 9.0]])

    assert firsts.weight_norm == pytest.approx([3.0, glorot_norm(WIDE.shape) / 2])


def test_the_first_step_of_finite_weights_is_the_beginning():
    """Whatever came before it, and without updates they are what they are."""
    firsts = then([[1, 1, 1], [0, 0, 0]], [[np.nan, 1, 4], [5.0, 1, 6.0]])
    bare = rows([[1, 1, 1]], [[4, 1, 5]])
    del bare.sampled.columns["update_norm"]

    assert firsts.weight_norm.tolist() == [5.0, 6.0]
    assert Firsts().then(bare, KERNELS).weight_norm.tolist() == [4.0, 5.0]


def test_other_kernels_begin_anew():
    """Layers that are thawed change what is trained; while their names are due nothing does."""
    full = Firsts().then(rows([[0, 0, 0]] * 30, [[4, 1, 4]] * 30), KERNELS)
    later = rows([[0, 0, 0]], [[8, 1, 9]], first=30)

    assert full.then(later, {}).weight_norm.tolist() == [4.0, 4.0]
    assert full.then(later, KERNELS).weight_norm.tolist() == [4.0, 4.0]
    assert full.then(later, {0: DENSE, 1: DENSE, 2: WIDE}).weight_norm.tolist() == [8.0, 2.0, 9.0]


def test_values_that_are_no_numbers_are_left_out():
    """Of each signal by itself: a nan in one loss costs no gradient."""
    firsts = then(
        [[1, 1, 1]] * 3,
        [[4, 1, 4], [np.nan, 1, 4], [4, 1, np.inf]],
        loss=[np.nan, 2.0, 3.0],
        data_loss=[1.0, np.inf, 2.0],
        global_grad_norm=[5.0, 6.0, np.nan],
    )

    assert firsts.loss.tolist() == [2.0, 3.0]
    assert firsts.data_loss.tolist() == [1.0, 2.0]
    assert firsts.grad_norm.tolist() == [5.0, 6.0]
    assert firsts.kernel_norm == pytest.approx([math.sqrt(32)])


def test_a_loss_that_was_not_measured_is_not_a_first_one():
    """Its source is unknown."""
    told = rows([[1, 1, 1]] * 2, [[4, 1, 4]] * 2, loss=[7.0, 8.0])
    told.loss_source[0] = LossSource.UNKNOWN

    assert Firsts().then(told, KERNELS).loss.tolist() == [8.0]


def test_twenty_are_kept():
    """And nothing changes them any more."""
    many = rows(
        [[1, 1, 1]] * 30,
        [[4, 1, 4]] * 30,
        loss=np.arange(30),
        data_loss=np.arange(30),
        global_grad_norm=np.arange(30),
    )
    full = Firsts().then(many, KERNELS)

    assert full.loss.tolist() == list(range(KEPT))
    assert len(full.update_ratio) == len(full.kernel_norm) == KEPT
    assert full.then(many, KERNELS) is full


def test_what_is_not_sent_stays_empty():
    """No kernels, or no norms: the losses are kept all the same."""
    told = rows([[1, 1, 1]], [[4, 1, 4]], loss=[2.0])
    without = Firsts().then(told, {})
    silent = Firsts().then(Rows(told.step, told.loss, told.loss_source, told.step_seconds), KERNELS)

    for firsts in (without, silent):
        assert firsts.loss.tolist() == [2.0]
        assert len(firsts.update_ratio) == len(firsts.kernel_norm) == 0


@pytest.mark.parametrize("shape", [(16, 16), (784, 10), (20, 512)])
def test_a_dense_kernel_begins_with_glorots_norm(shape):
    """As drawn from within the square root of six over the sum of its ends."""
    edge = math.sqrt(6 / sum(shape))
    drawn = np.random.default_rng(0).uniform(-edge, edge, shape)

    assert glorot_norm(shape) == pytest.approx(np.linalg.norm(drawn), rel=0.05)
