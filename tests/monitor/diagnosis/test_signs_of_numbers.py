"""What nan and losses below zero tell: the data, a formula, a sign, or a rate that is too high."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.diagnosis import measures_of_model as measures
from flatline_monitor.diagnosis.case import Case
from flatline_monitor.diagnosis.infer import diagnose
from flatline_monitor.diagnosis.signs import present
from flatline_monitor.runs.bad import FirstBad
from flatline_monitor.runs.records import Task
from tests.columns import PATHS
from tests.monitor.diagnosis.cases import BLIND, facts, found
from tests.signals import STEPS, run
from tests.views import last_view

BAD = STEPS - 20
OWN = {"loss_name": "my_error", "task": Task.UNKNOWN, "labels": ()}


def told(name, **changes):
    return present(Case({}, facts(**changes)), name)


def gone_bad(loss=1.0, update=0.01, step=BAD):
    """A run that goes bad at a step, after losses and update ratios like these."""
    losses = np.full(STEPS, 0.7, np.float32)
    losses[max(step - 3, 1) : step] = loss
    losses[step:] = np.nan
    weights = np.ones((STEPS, len(PATHS)), np.float32)
    view = last_view(
        dataclasses.replace(
            run().with_columns(weight_norm=weights, update_norm=update * weights), loss=losses
        )
    )
    return dataclasses.replace(view, bad=FirstBad(step, "loss"))


@pytest.mark.parametrize(
    ("changes", "calm"),
    [({}, True), ({"loss": 40.0}, False), ({"update": 0.9}, False)],
    ids=["nothing grew", "the loss grew", "the updates were large"],
)
def test_a_run_is_calm_when_nothing_grew_before_it_went_bad(changes, calm):
    """A rate that is too high takes some steps to get there, and they show."""
    assert measures.was_calm(gone_bad(**changes)) is calm


def test_a_run_whose_first_step_was_bad_was_never_calm():
    """Nor was one that never went bad; the first says so in another way."""
    assert not measures.was_calm(gone_bad(step=0))
    assert not measures.was_calm(last_view(run()))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (0.7 * np.exp(np.arange(STEPS) / 40), True),
        (0.7 * np.exp(np.abs(np.arange(STEPS) - 150) / 40), False),
        (np.full(STEPS, 0.7), False),
        (0.7 * np.exp(-np.arange(STEPS) / 40), False),
    ],
    ids=["it rises", "it falls first", "it rests", "it falls"],
)
def test_a_loss_that_was_never_better_than_at_first_is_climbed(loss, expected):
    """From the first step on; what falls before it rises had the right sign."""
    assert measures.was_never_better(last_view(run(loss=loss))) is expected


def test_only_steps_of_ordinary_size_climb():
    """A rate that is too high rises as well, by steps that are too large."""
    assert told("only_rises", never_better=True)
    assert not told("only_rises", never_better=True, first_update_ratio=0.6)
    assert not told("only_rises")


@pytest.mark.parametrize("place", ["input", "targets"])
def test_data_that_are_no_numbers_are_told_apart_from_a_model_that_spoils_them(place):
    """Whichever side they are on; what lies behind them is not blamed."""
    changes = {"bad_place": place, "bad_step": 50, "was_calm": True}

    assert told("bad_input", **changes)
    assert not told("bad_elsewhere", **changes)
    assert not told("bad_from_calm", **changes)
    assert diagnose(found("non_finite"), facts(**changes))[0].name == "bad_values_in_data"


def test_one_update_that_spoils_all_was_not_finite_itself():
    """An ordinary loss has no gradient that leads beyond all numbers in one step."""
    changes = {"bad_place": "loss", "bad_step": 1, "was_calm": True}

    assert told("bad_after_one_update", **changes)
    assert not told("bad_after_one_update", **changes | {"bad_step": 2})
    assert not told("bad_after_one_update", **changes | {"was_calm": False})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"regularization": -3.0}, "penalty_below_zero"),
        ({"loss": -3.0}, "entropy_below_zero"),
        ({"loss": -3.0, **OWN}, "own_loss_below_zero"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_below_zero_and_cannot_be_is_told(changes, expected):
    """Terms, the loss of a classifier, and one of the program's own making; no two of them."""
    names = ("penalty_below_zero", "entropy_below_zero", "own_loss_below_zero")

    assert [name for name in names if told(name, **changes)] == [expected]
    assert not any(told(name) for name in names)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"bad_place": "gradient", "bad_step": 7, "was_calm": True}, "numerical_error"),
        ({"bad_place": "loss", "bad_step": 1, "was_calm": True}, "numerical_error"),
        ({"bad_place": "loss", "bad_step": 0, **OWN}, "numerical_error"),
        ({"bad_place": "loss", "bad_step": 70, "was_calm": True, **OWN}, "numerical_error"),
        ({"bad_place": "loss", "bad_step": 70, "was_calm": True}, "bad_values_in_data"),
        ({"bad_place": "loss", "bad_step": 0}, "bad_values_in_data"),
        ({"bad_place": "input", "bad_step": 70, **OWN}, "bad_values_in_data"),
        ({"bad_place": "loss", "bad_step": 4, "first_update_ratio": 0.9}, "learning_rate_too_high"),
    ],
    ids=[
        "the gradient of a finite loss",
        "after one update",
        "a loss of one's own at once",
        "a loss of one's own from calm",
        "one of Keras' from calm: a bad label",
        "one of Keras' at once",
        "the input",
        "after large updates",
    ],
)
def test_where_and_when_the_numbers_went_bad_tells_why(changes, cause):
    """And whether it is the program that computes the loss."""
    assert diagnose(found("non_finite"), facts(**changes))[0].name == cause


@pytest.mark.parametrize(
    ("findings", "changes", "cause"),
    [
        (
            found("weight_growth", "divergence"),
            {"regularization": -5.0, "skill": -2.0},
            "sign_error",
        ),
        (found("weight_growth"), {"loss": -200.0, **OWN}, "sign_error"),
        (
            found("no_skill", "divergence"),
            {"accuracy": 0.02, "skill": -9.0, "loss": 6.9},
            "sign_error",
        ),
        (
            found("divergence", "no_skill"),
            {"never_better": True, "skill": -9.0, "loss": 9.0, **OWN},
            "sign_error",
        ),
        (found("weight_growth"), {"loss": -200.0}, "wrong_last_layer_or_loss"),
    ],
    ids=["a reward", "its own loss", "ascent", "nothing but a rise", "labels outside of 0..1"],
)
def test_a_sign_is_told_by_what_it_makes_large(findings, changes, cause):
    """A cross-entropy goes below zero by labels that are no probabilities."""
    assert diagnose(findings, facts(**changes))[0].name == cause


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"accuracy": 0.1}, True),
        ({"accuracy": 0.3}, False),
        ({"accuracy": 0.1, "labels": (30, 20)}, False),
        ({"accuracy": 0.04, "labels": (9_000, 1_000)}, False),
        ({}, False),
    ],
    ids=["ascent", "chance", "few labels", "imbalance", "not counted"],
)
def test_a_model_that_is_worse_than_guessing_learns_to_be_wrong(changes, expected):
    """Of even classes; where one has most of the labels, another answer is no miracle."""
    assert bool(told("worse_than_chance", **changes)) is expected


def test_a_run_that_sent_nothing_has_no_odd_numbers():
    """Nothing is known, and nothing said."""
    names = ("bad_from_calm", "bad_gradient", "own_loss_bad", "bad_loss_from_calm")

    assert not any(present(Case({}, BLIND), name) for name in names)
