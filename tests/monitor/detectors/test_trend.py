"""Where the loss is going, and when a run has only lacked time."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatline_monitor.detectors.contract import Severity
from flatline_monitor.detectors.no_skill import NoSkill
from flatline_monitor.detectors.trend import Trend, lacks_time, loss_trend
from flatline_monitor.runs.records import LossKind
from tests.signals import HELLO, classes, flat, run
from tests.views import last_view

LN_2 = float(np.log(2))


def view_of(loss, *, plan, epochs, kind=LossKind.UNKNOWN, seen=None, **more):
    """The picture of a run of this loss after `seen` steps of the plan."""
    loss = np.asarray(loss, float)
    hello = dataclasses.replace(HELLO, plan_steps=plan, plan_epochs=epochs, loss_kind=kind)
    return last_view(run(loss=loss, hello=hello, steps=len(loss)), steps=seen, **more)


def stairs(*levels, steps=20):
    """A loss that is the same throughout each epoch."""
    return np.repeat(np.array(levels, float), steps)


@settings(max_examples=10, deadline=None)
@given(st.integers(40, 100), st.integers(0, 1_000))
def test_epochs_are_compared_by_their_means(steps, seed):
    """The obvious form: the mean of each complete epoch, and the mean of the last three drops."""
    loss = np.random.default_rng(seed).lognormal(size=steps).astype(np.float32)
    means = [loss[20 * e : 20 * (e + 1)].mean() for e in range(steps // 20)]
    drops = -np.diff(means)[-3:]
    trend = loss_trend(view_of(loss, plan=1_000, epochs=50))

    assert trend.level == pytest.approx(means[-1], rel=1e-5)
    assert trend.drop_per_epoch == pytest.approx(drops.mean(), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("levels", "falls"),
    [
        ([1.0, 0.988, 0.976, 0.964], True),
        ([1.0, 0.992, 0.984, 0.976], False),
        ([1.0, 0.95, 0.96, 0.9], False),
        ([1.0, 1.1, 1.0, 0.9, 0.8], True),
        ([1.0, 1.1, 1.2, 1.3], False),
    ],
    ids=["surely", "by a trifle", "not in between", "since three epochs", "rises"],
)
def test_it_falls_when_each_of_the_last_three_drops_is_material(levels, falls):
    """A hundredth of the null model's loss, here of the first loss, for each epoch."""
    assert loss_trend(view_of(stairs(*levels), plan=400, epochs=20)).falls == falls


def test_an_epoch_that_is_not_over_does_not_count():
    """Its mean would be that of its beginning."""
    loss = [*stairs(1.0, 0.9), *np.full(15, 5.0)]

    assert loss_trend(view_of(loss, plan=100, epochs=5)).level == pytest.approx(0.9)


def test_losses_that_are_not_known_are_left_out():
    """The epoch's mean is that of the others."""
    view = view_of(stairs(1.0, 0.9, 0.8), plan=100, epochs=5)
    loss, source = view.rows.loss.copy(), view.rows.loss_source.copy()
    loss[45:], source[45:] = np.nan, 0
    rows = dataclasses.replace(view.rows, loss=loss, loss_source=source)

    assert loss_trend(dataclasses.replace(view, rows=rows)).level == pytest.approx(0.8)


def test_within_one_epoch_a_line_tells():
    """Its end, and what it loses over an epoch, of a loss that falls by 0.4 in 400 steps."""
    trend = loss_trend(view_of(1 - np.arange(160) / 1_000, plan=400, epochs=1))

    assert trend.falls
    assert trend.level == pytest.approx(0.8425, abs=0.002)
    assert trend.drop_per_epoch == pytest.approx(0.4, rel=0.01)
    assert trend.share_per_epoch == pytest.approx(0.4 / (0.8425 + 0.4), rel=0.01)


@pytest.mark.parametrize(
    ("noise", "slope", "falls"), [(0.001, 0.012, True), (0.001, 0.008, False), (0.3, 0.012, False)]
)
def test_a_line_must_be_sure_and_fall_by_more_than_a_trifle(noise, slope, falls):
    """A hundredth of the first loss in an epoch, and beyond the noise."""
    rng = np.random.default_rng(1)
    loss = 1 - slope * np.arange(200) / 400 + noise * rng.normal(size=200)

    assert loss_trend(view_of(loss, plan=400, epochs=1)).falls == falls


def test_too_little_has_no_trend():
    """A few blocks of one epoch, or epochs of which nobody told."""
    assert loss_trend(view_of(np.ones(16), plan=400, epochs=1)) is None
    assert loss_trend(view_of(np.ones(60), plan=None, epochs=None)) is None


@pytest.mark.parametrize("level", [-0.1, -1.0])
def test_a_share_is_of_something(level):
    """Of the loss an epoch ago; one of zero or less has none, and none is more than all of it."""
    assert Trend(0.0, 0.1, falls=True).share_per_epoch == 1
    assert np.isnan(Trend(level, 0.1, falls=True).share_per_epoch)


FALLS = 1 - np.arange(600) / 1_200
FLAT = flat(1.0, 600)


@pytest.mark.parametrize(
    ("loss", "seen", "expected"),
    [
        (FLAT, 36, True),
        (FLAT, 40, False),
        (FALLS, 40, True),
        (FALLS, 196, True),
        (FALLS, 200, False),
    ],
)
def test_ten_epochs_are_few(loss, seen, expected):
    """Two of them are too few to say; then each must be better than the one before."""
    assert lacks_time(view_of(loss, plan=400, epochs=20, seen=seen)) == expected


@pytest.mark.parametrize(
    ("loss", "seen", "expected"),
    [(FLAT, 160, True), (FLAT, 200, False), (FALLS, 480, True), (FALLS, 520, False)],
)
def test_of_long_epochs_five_hundred_steps_are_few(loss, seen, expected):
    """And two hundred are enough to tell a fall from noise."""
    assert lacks_time(view_of(loss, plan=4_000, epochs=4, seen=seen)) == expected


def test_the_end_of_a_run_is_no_time_to_wait():
    """What did not fall by then has not fallen."""
    view = view_of(FLAT[:36], plan=400, epochs=20)

    assert lacks_time(view)
    assert not lacks_time(dataclasses.replace(view, final=True))


def test_a_run_of_unknown_epochs_is_never_excused():
    """Nobody can tell how many there were."""
    assert not lacks_time(view_of(FALLS[:60], plan=None, epochs=None))


@pytest.mark.parametrize(("seen", "expected"), [(9, True), (10, False)])
def test_an_epoch_may_be_a_single_step(seen, expected):
    """Four samples in one batch: ten steps are ten epochs."""
    loss = 1 - 0.05 * np.arange(20)

    assert lacks_time(view_of(loss, plan=100, epochs=100, seen=seen)) == expected


@pytest.mark.parametrize(("drop", "expected"), [(0.008, Severity.CRITICAL), (0.012, Severity.INFO)])
def test_a_model_without_skill_may_have_lacked_epochs(drop, expected):
    """No better than guessing after four epochs: only information if each was better."""
    loss = LN_2 * (1.04 - drop * np.arange(4).repeat(20))
    hello = dataclasses.replace(HELLO, plan_steps=100, plan_epochs=5)
    counts = classes(80, [16, 16], [15, 17], [8, 8])
    view = last_view(run(loss=loss, hello=hello, counts=counts, steps=80))

    assert NoSkill().check(view).severity is expected
