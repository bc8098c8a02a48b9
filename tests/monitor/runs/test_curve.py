"""The curve of a run says what its rows say, in few points, whatever its length."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flatline_monitor.runs import history as histories
from flatline_monitor.runs.curve import MOST_POINTS, Curve, before, extended
from flatline_monitor.runs.records import Chunk, Hello, Sampled
from flatline_monitor.runs.rows import Rows, cut

RATES = {0: 0.5, 300: 0.25}


def rows(steps, loss=None, source=None, every=1, **sampled) -> Rows:
    """Rows at these steps; every n-th of them is sampled."""
    step = np.asarray(steps)
    columns = {name: np.asarray(values)[::every] for name, values in sampled.items()}
    return Rows(
        step,
        np.asarray(step if loss is None else loss, np.float32),
        np.ones(len(step), np.uint8) if source is None else np.asarray(source, np.uint8),
        np.ones(len(step), np.float32),
        Sampled(step[::every], 0, columns),
    )


def grown(whole: Rows, edges) -> Curve:
    """The curve after blocks that end at these steps."""
    curve = Curve()
    last = int(whole.step[-1]) + 1
    for begin, end in itertools.pairwise([0, *edges, last]):
        curve = extended(curve, cut(whole, begin, end), RATES)
    return curve


def test_a_short_run_is_shown_step_by_step():
    """Up to 512 points, nothing is merged."""
    curve = grown(rows(range(MOST_POINTS)), [50, 100])

    assert curve.width == 1
    assert curve["first"].tolist() == curve["last"].tolist() == list(range(MOST_POINTS))
    assert curve.loss.tolist() == list(range(MOST_POINTS))


@given(
    steps=st.lists(st.integers(0, 4_000), min_size=1, max_size=900, unique=True).map(sorted),
    edges=st.sets(st.integers(1, 4_000), max_size=40).map(sorted),
)
def test_a_point_is_the_rows_of_as_many_steps(steps, edges):
    """However many steps are missing, and wherever the blocks end."""
    curve = grown(rows(steps), [edge for edge in edges if edge <= steps[-1]])
    groups = [list(g) for _, g in itertools.groupby(steps, lambda step: step // curve.width)]

    assert len(curve) <= MOST_POINTS
    assert curve["first"].tolist() == [min(group) for group in groups]
    assert curve["last"].tolist() == [max(group) for group in groups]
    assert curve["loss_count"].tolist() == [len(group) for group in groups]
    assert curve.loss == pytest.approx([np.mean(group) for group in groups])
    assert curve["loss_min"].tolist() == curve["first"].tolist()
    assert curve["loss_max"].tolist() == curve["last"].tolist()
    rates = [0.25 if max(group) >= 300 else 0.5 for group in groups]
    assert curve["learning_rate"].tolist() == rates


@pytest.mark.parametrize("length", [513, 1_024, 1_025, 10_000, 100_003])
def test_a_run_of_any_length_has_256_points_or_more_and_512_at_most(length):
    curve = grown(rows(range(length)), range(50, length, 50))

    assert 256 < len(curve) <= MOST_POINTS
    assert (curve["first"][0], curve["last"][-1]) == (0, length - 1)
    assert curve["loss_count"].sum() == length


def test_a_loss_that_is_not_finite_is_counted_and_spoils_no_mean():
    """One that was not measured is neither."""
    losses, source = [1.0, np.nan, np.inf, 3.0, 9.0], [1, 1, 1, 1, 0]
    curve = grown(rows([*range(5), 1_000], [*losses, 0.0], [*source, 1]), [])
    curve = extended(curve, rows(range(1_001, 1_512)), RATES)

    assert curve.width == 2
    assert curve["loss_bad"].tolist()[:3] == [1, 1, 0]
    assert curve["loss_count"].tolist()[:3] == [1, 1, 0]
    assert curve.loss.tolist()[:2] == [1, 3]
    assert np.isnan(curve.loss[2])
    assert np.isnan(curve["loss_min"][2])


def test_accuracy_and_gradient_norm_come_from_sampled_steps():
    """Sums over the sampled steps of a point; nan where there was none."""
    n = 1_024
    whole = rows(
        range(n),
        every=4,
        label_count=np.tile(np.array([6, 2], np.uint32), (n, 1)),
        correct_count=np.tile(np.array([5, 1], np.uint32), (n, 1)),
        global_grad_norm=np.where(np.arange(n) == 8, np.nan, 2.0).astype(np.float32),
    )
    curve = grown(whole, range(50, n, 50))

    assert curve.width == 2
    assert curve.accuracy.tolist()[::2] == [0.75] * 256
    assert np.isnan(curve.accuracy[1::2]).all()
    assert curve.global_grad_norm[0] == 2
    assert np.isnan(curve.global_grad_norm[4])
    assert curve["norm_bad"].tolist()[:6] == [0, 0, 0, 0, 1, 0]


def test_curves_of_the_same_points_are_equal():
    """What is not known is no difference; a run that is read back is the run that was kept."""
    one, same, longer = (grown(rows(range(n)), []) for n in (600, 600, 601))

    assert one == same
    assert one != longer
    assert one != "a curve"
    assert extended(Curve(), rows(range(3)), {}) == extended(Curve(), rows(range(3)), {})


def test_what_was_never_sent_is_not_a_number():
    curve = extended(Curve(), rows(range(3)), {})

    for column in (curve.accuracy, curve.global_grad_norm, curve["learning_rate"]):
        assert np.isnan(column).all()


def test_going_back_leaves_what_was_before():
    """A point that reaches the step is left out; the older curve is as it was."""
    curve = grown(rows(range(1_000)), [])
    back = before(curve, 501)

    assert (back["last"][-1], len(back), len(curve)) == (499, 250, 500)
    assert len(before(curve, 0)) == 0
    assert before(curve, 1_000) is curve
    again = extended(back, rows(range(501, 600)), RATES)
    assert again["first"].tolist()[248:252] == [496, 498, 501, 502]


def test_a_learning_rate_that_changes_every_step_is_kept_however_it_was_cut():
    """More changes at once than are remembered for the judging."""
    hello = Hello("run-1", plan_steps=2_000)
    step = np.arange(500)

    def chunk(begin: int, end: int) -> Chunk:
        at = step[begin:end]
        value = at.astype(np.float32)
        return Chunk(at, {"loss": value}, learning_rate_step=at, learning_rate=value)

    def after(*edges: int) -> histories.History:
        history = histories.begin(hello)
        for begin, end in itertools.pairwise([0, *edges, 500]):
            history = histories.take(history, chunk(begin, end))
            for after, _ in histories.full_blocks(history):
                history = after
        return history

    at_once, in_parts = after(), after(7, 290, 300)
    assert at_once.curve["learning_rate"].tolist() == at_once.curve["last"].tolist()
    assert at_once.curve.table.tobytes() == in_parts.curve.table.tobytes()
    assert at_once.learning_rate == in_parts.learning_rate


def test_the_curve_of_a_run_that_is_over_stays():
    history = histories.begin(Hello("run-1"))
    history = histories.take(history, Chunk(np.arange(30), {"loss": np.ones(30, np.float32)}))
    *_, (history, _) = histories.full_blocks(history)
    history, _ = histories.last_block(history)

    assert histories.ended(history).curve["last"][-1] == 29
