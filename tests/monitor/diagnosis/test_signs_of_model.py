"""What a model's layers, beginning, updates and learning rate tell, and how it is measured."""

import dataclasses
import math

import numpy as np
import pytest

from flatline_monitor.diagnosis import measures_of_model as measures
from flatline_monitor.diagnosis.case import Case
from flatline_monitor.diagnosis.facts import facts_of
from flatline_monitor.diagnosis.infer import diagnose
from flatline_monitor.diagnosis.signs import present
from flatline_monitor.runs.records import (
    Activation,
    ActivationKind,
    Role,
    Task,
    Variable,
)
from tests.columns import PATHS
from tests.monitor.diagnosis.cases import BLIND, facts, finding, found
from tests.signals import HEALTHY, STEPS, run
from tests.views import last_view

REGRESSION = {"task": Task.REGRESSION, "labels": ()}
DENSE = tuple(
    Variable(f"{layer}/{role.value}", layer, role, shape, "Dense")
    for layer, role, shape in (
        ("a", Role.KERNEL, (4, 8)),
        ("a", Role.BIAS, (8,)),
        ("b", Role.KERNEL, (8, 1)),
        ("b", Role.BIAS, (1,)),
    )
)


def told(name, findings=None, **changes):
    return present(Case(findings or {}, facts(**changes)), name)


def of_dense(signals, **columns):
    """The run's view as one of two dense layers, with these columns over its four arrays."""
    view = last_view(signals)
    sampled = dict(view.rows.sampled.columns)
    n = len(view.rows.sampled.step)
    for name in ("grad_norm", "weight_norm", "update_norm"):
        value = columns.get(name, np.ones(4))
        sampled[name] = np.broadcast_to(np.asarray(value, np.float32), (n, 4))
    rows = dataclasses.replace(
        view.rows, sampled=dataclasses.replace(view.rows.sampled, columns=sampled)
    )
    return dataclasses.replace(view, variables=DENSE, rows=rows, activations=())


@pytest.mark.parametrize(("gradient", "share"), [(12.0, 1.0), (0.12, 0.01)])
def test_a_regression_that_is_far_off_is_told_so_by_its_last_bias(gradient, share):
    """Half the gradient is the mean error: 6 where a constant off by 6 loses 36 more."""
    view = of_dense(HEALTHY["regression that learns"], grad_norm=[1, 1, 1, gradient])
    null = view.null_loss or 0.0
    late = np.full(len(view.coarse), null + 36)
    coarse = dataclasses.replace(view.coarse, columns={**view.coarse.columns, "loss_median": late})
    view = dataclasses.replace(view, coarse=coarse)

    assert measures.error_returned(view, null + 36) == pytest.approx(share, rel=0.01)
    assert measures.error_returned(view, null) is None
    assert measures.error_returned(dataclasses.replace(view, variables=()), null + 36) is None


def test_a_loss_that_jumps_about_tells_nothing_of_the_mean_error():
    """Its answers are not constant."""
    view = of_dense(HEALTHY["regression that learns"])
    late = np.linspace(1, 90, len(view.coarse))
    coarse = dataclasses.replace(view.coarse, columns={**view.coarse.columns, "loss_median": late})

    assert measures.error_returned(dataclasses.replace(view, coarse=coarse), 60.0) is None


def test_dense_layers_without_a_nonlinearity_are_one():
    """Whatever activation is seen makes them several, and so does another kind of layer."""
    view = of_dense(run())
    relu = Activation("a", ActivationKind.RECTIFIER, 8)
    conv = (dataclasses.replace(DENSE[0], layer_class="Conv1D"), *DENSE[1:])

    assert measures.is_linear(view)
    assert not measures.is_linear(dataclasses.replace(view, activations=(relu,)))
    assert not measures.is_linear(dataclasses.replace(view, variables=conv))
    assert not measures.is_linear(dataclasses.replace(view, variables=DENSE[:2]))


@pytest.mark.parametrize(
    ("rate", "expected"), [(0.1, True), (0.05, False)], ids=["the gradient", "half of it"]
)
def test_plain_descent_is_the_gradient_times_the_rate(rate, expected):
    """Of every kernel."""
    view = of_dense(run(), grad_norm=np.full(4, 2.0), update_norm=np.full(4, 0.2))
    view = dataclasses.replace(view, learning_rate={0: rate})

    assert measures.is_plain_descent(view) is expected
    assert not measures.is_plain_descent(dataclasses.replace(view, learning_rate={}))


def test_the_kernel_that_began_largest_is_measured_by_its_own_size():
    """One layer of many is enough; He's rule is the larger for layers of few inputs."""
    view = of_dense(run())
    usual = [math.sqrt(2 * DENSE[i].shape[-1]) for i in (0, 2)]
    firsts = dataclasses.replace(
        view.firsts, weight_norm=np.array([usual[0], 9 * usual[1]], np.float32)
    )

    assert measures.largest_beginning(dataclasses.replace(view, firsts=firsts)) == pytest.approx(9)
    assert measures.largest_beginning(dataclasses.replace(view, variables=())) is None


def test_the_first_kernel_may_be_without_gradient_where_its_input_is_sparse():
    """The others are looked at."""
    shares = np.zeros((STEPS, len(PATHS)), np.float32)
    shares[:, 0] = 1
    assert measures.masked_share(last_view(run().with_columns(grad_zero_share=shares))) == 0
    shares[:, 3:] = 0.9

    assert measures.masked_share(
        last_view(run().with_columns(grad_zero_share=shares))
    ) == pytest.approx(0.9)
    assert measures.masked_share(last_view(run().without("grad_zero_share"))) is None


@pytest.mark.parametrize(("validated", "excess"), [(0.2, 0.5), (1.2, -0.5)])
def test_what_training_loses_more_than_validation_is_measured_by_the_null_model(validated, excess):
    """By the worst of the late validations; not known without two of them."""
    signals = dataclasses.replace(run(), validation=(validated,) * 20)
    view = last_view(signals)
    null = view.null_loss or 0.0

    assert measures.training_excess(view, validated + excess * null) == pytest.approx(excess)
    assert measures.training_excess(view, None) is None
    assert measures.training_excess(last_view(run()), 0.7) is None


def test_moving_means_and_recurrent_states_are_known_by_their_variables():
    """By the class of the layer, and the role."""
    gamma = Variable("n/gamma", "n", Role.GAMMA, (8,), "BatchNormalization")
    layer = dataclasses.replace(gamma, layer_class="LayerNormalization")
    state = Variable("r/kernel", "r", Role.RECURRENT_KERNEL, (8, 8), "GRU")
    view = of_dense(run())

    assert measures.moves_means(dataclasses.replace(view, variables=(gamma,)))
    assert not measures.moves_means(dataclasses.replace(view, variables=(layer,)))
    assert facts_of(dataclasses.replace(last_view(run()), variables=(state,))).is_recurrent
    assert not facts_of(last_view(run())).is_recurrent


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
