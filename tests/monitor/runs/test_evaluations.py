"""What is kept of many passes over a validation set."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatline_monitor.runs import history as histories
from flatline_monitor.runs.history import EVALUATIONS_KEPT
from flatline_monitor.runs.records import Evaluation
from tests.signals import HELLO


def kept_of(losses):
    """What a run keeps that told these validation losses, one an epoch of twenty steps."""
    history = histories.begin(HELLO)
    for epoch, loss in enumerate(losses):
        metrics = {} if loss is None else {"loss": loss}
        history = histories.evaluated(history, Evaluation(20 * epoch + 20, epoch, 100, metrics))
    return history.evaluations


def test_all_are_kept_while_there_is_room():
    """In the order in which they came."""
    kept = kept_of([1.0] * EVALUATIONS_KEPT)

    assert [evaluation.epoch for evaluation in kept] == list(range(EVALUATIONS_KEPT))


@pytest.mark.parametrize("n", [257, 400, 3_000])
def test_more_are_thinned_from_the_old_end(n):
    """At most 256, ascending, with the last hundred complete and the past still spanned."""
    epochs = [evaluation.epoch for evaluation in kept_of([1.0] * n)]

    assert len(epochs) <= EVALUATIONS_KEPT
    assert epochs == sorted(set(epochs))
    assert epochs[0] == 0
    assert epochs[-100:] == list(range(n - 100, n))


def test_one_too_many_costs_every_other_one_of_the_older_half():
    """And none of the newer half."""
    epochs = [evaluation.epoch for evaluation in kept_of([1.0] * (EVALUATIONS_KEPT + 1))]

    assert epochs == [*range(0, 128, 2), *range(128, 257)]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 599), st.sampled_from([1.0, math.nan, math.inf, None]))
def test_the_best_never_goes(best, others):
    """Whenever it was, and whether the others are numbers or not."""
    losses = [others] * 600
    losses[best] = 0.5

    assert 0.5 in [evaluation.metrics.get("loss") for evaluation in kept_of(losses)]


def test_a_better_one_takes_the_place_of_the_best():
    """The one before it may go like any other."""
    losses = [1.0] * 1_200
    losses[101], losses[801] = 0.5, 0.4
    kept = [evaluation.metrics["loss"] for evaluation in kept_of(losses)]

    assert 0.4 in kept
    assert 0.5 not in kept


def test_going_back_to_a_checkpoint_forgets_what_came_after_it():
    """What was told until then stays."""
    history = histories.begin(HELLO)
    for epoch in range(10):
        evaluation = Evaluation(20 * epoch + 20, epoch, 100, {"loss": 1.0})
        history = histories.evaluated(history, evaluation)

    assert [e.step for e in histories.begin_at(history, 60).evaluations] == [20, 40, 60]
