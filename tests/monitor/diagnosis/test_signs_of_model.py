"""What a model's layers, beginning, updates and learning rate tell, and how it is measured."""

import pytest

from flatline_monitor.diagnosis.case import Case
from flatline_monitor.diagnosis.infer import diagnose
from flatline_monitor.diagnosis.signs import present
from flatline_monitor.runs.records import (
    Task,
)
from tests.monitor.diagnosis.cases import BLIND, facts, finding, found

REGRESSION = {"task": Task.REGRESSION, "labels": ()}


def told(name, findings=None, **changes):
    return present(Case(findings or {}, facts(**changes)), name)


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("error_not_returned", {"error_returned": 0.02}, True),
        ("error_not_returned", {"error_returned": 0.9}, False),
        ("masked", {"masked_share": 0.97}, True),
        ("masked", {"masked_share": 0.97, "batch_size": 2}, False),
        ("masked", {"masked_share": 0.5}, False),
        ("no_regularization", {"masked_share": 0.97}, False),
        ("no_regularization", {"training_excess": 0.4}, False),
        ("training_worse", {"training_excess": 0.4}, True),
        ("training_worse", {"training_excess": 0.01}, False),
        ("linear_layers", {"is_linear": True}, True),
        ("tiny_batches_normalised", {"moves_means": True, "batch_size": 2}, True),
        ("tiny_batches_normalised", {"moves_means": True}, False),
        ("tiny_batches_normalised", {"batch_size": 2}, False),
        ("means_lag", {"moves_means": True, "skill": 0.9, "validation_skill": -1.0}, True),
        ("means_lag", {"moves_means": True, "skill": 0.9, "validation_skill": 0.2}, False),
        ("means_lag", {"moves_means": True, "skill": 0.1, "validation_skill": -1.0}, False),
        ("began_large", {"largest_beginning": 19.0}, True),
        ("began_large", {"largest_beginning": 19.0, "first_update_ratio": None}, False),
        ("began_ordinary", {}, True),
        ("began_ordinary", {"largest_beginning": 19.0}, False),
        ("began_ordinary", {"first_kernel_norm": 0.1}, False),
        ("rate_usual", {"learning_rate": 0.01}, True),
        ("rate_usual", {"learning_rate": 0.1}, False),
        ("rate_high", {"learning_rate": 0.1}, True),
        ("rate_high", {"learning_rate": 0.1, "plain_descent": True}, False),
        ("rate_zero", {"learning_rate": 0.0}, True),
        ("rate_usual", {"learning_rate": 0.0}, False),
        ("optimizer_timid", {"first_update_ratio": 1e-6}, True),
        ("optimizer_timid", {}, False),
        ("optimizer_timid", {"first_update_ratio": 1e-6, "plain_descent": True}, False),
        ("optimizer_timid", {"first_update_ratio": 1e-6, "learning_rate": 1e-6}, False),
        ("validation_skilled", {"validation_skill": 0.3}, True),
        ("validation_skilled", {"validation_skill": 0.04}, False),
        ("validation_skilled", {"validation_skill": 9.0}, False),
        ("narrow_layer", {"kernels": ((4, 1), (1, 1))}, True),
        ("narrow_layer", {}, False),
        ("recurrent", {"is_recurrent": True}, True),
        ("far_below_constant", {"skill": -3.0}, True),
        ("far_below_constant", {"skill": -0.2}, False),
        ("only_answer", {"lowest_confidence": 1.0, "predictions": (0, 9)}, True),
        ("only_answer", {"lowest_confidence": 1.0, "predictions": (1, 9)}, False),
        ("only_answer", {"lowest_confidence": 0.9, "predictions": (0, 9)}, False),
    ],
)
def test_a_sign_is_there_or_not(name, changes, expected):
    """On both sides of its limit."""
    assert bool(told(name, **changes)) is expected


def test_dead_units_are_no_dropout():
    """They have no gradient either, and for good."""
    dead = {"dead_units": finding()}

    assert not told("masked", dead, masked_share=0.97)


def test_a_class_that_starves_is_not_fitted():
    """However good the loss is on the whole."""
    assert told("fits_training_data", skill=0.85)
    assert not told("fits_training_data", found("starved_class"), skill=0.85)


def test_what_is_learned_by_heart_is_no_improvement():
    """Only what the validation lacks: without a difference each epoch counts."""
    changes = {"improving": 0.02, "validation_skill": 0.0}

    assert told("improving", skill=0.01, **changes)
    assert not told("improving", skill=0.6, **changes)


@pytest.mark.parametrize(
    ("findings", "changes", "cause"),
    [
        (
            found("stagnation", "no_skill", "update_ratio"),
            {"error_returned": 0.0, "skill": -50.0, "update_ratio": (1e-7, 1e-6), **REGRESSION},
            "wrong_last_layer_or_loss",
        ),
        (
            found("class_collapse"),
            {"lowest_confidence": 1.0, "predictions": (0, 900), "kernels": ((4, 8), (8, 1))},
            "wrong_last_layer_or_loss",
        ),
        (
            found("no_skill"),
            {"masked_share": 0.98, "training_excess": 0.3, "skill": -0.3},
            "regularization_too_strong",
        ),
        (found("no_skill", "stagnation"), {"is_linear": True}, "capacity_too_small"),
        (found("no_skill"), {"largest_beginning": 19.0}, "poor_initialization"),
        (
            found("no_skill", "stagnation", "vanishing_gradient"),
            {"first_kernel_norm": 0.1, "kernels": ((9, 9),) * 9, "gradient_gap": 9.0},
            "poor_initialization",
        ),
        (
            found("init_loss", "input_scale", "no_skill", "update_ratio"),
            {
                "inputs": ((0.0, 255.0, 90.0, 80.0),),
                "began_at": 90.0,
                "first_update_ratio": 0.4,
                "learning_rate": 0.01,
                "skill": -3.0,
            },
            "inputs_not_scaled",
        ),
        (
            found("dead_units", "no_skill", "lr_schedule"),
            {"kernels_without_gradient": 3, "learning_rate": 0.2},
            "schedule_wrong",
        ),
        (
            found("lr_schedule", "stagnation"),
            {"update_ratio": (0.0, 0.0), "learning_rate": 0.0},
            "learning_rate_too_low",
        ),
        (
            found("lr_schedule", "plateau"),
            {"update_ratio": (0.0, 0.0), "learning_rate": 0.01},
            "schedule_wrong",
        ),
        (
            found("gradient_explosion", "loss_spike"),
            {"is_recurrent": True, "learning_rate": 0.001},
            "gradients_not_clipped",
        ),
        (
            found("overfitting"),
            {
                "skill": 0.99,
                "samples": 60,
                "parameters": 9_000,
                "best_epoch": 2,
                "validation_skill": 0.04,
            },
            "too_little_data",
        ),
        (
            found("starved_class"),
            {"skill": 0.85, "kernels": ((8, 5),), "learning_rate": 0.01},
            "capacity_too_small",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_lies_behind_a_symptom_comes_before_it(findings, changes, cause):
    """Positive evidence of its own beats what merely fits."""
    assert diagnose(findings, facts(**changes))[0].name == cause


def test_of_a_run_that_sent_nothing_none_of_this_is_told():
    """Unknown is neither small nor large."""
    names = ("masked", "error_not_returned", "linear_layers", "means_lag", "only_answer")
    rates = ("rate_usual", "rate_high", "rate_zero", "plain_descent", "narrow_layer")

    assert not any(present(Case({}, BLIND), name) for name in names + rates)
