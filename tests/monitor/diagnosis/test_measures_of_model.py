"""How a model's layers, beginning and updates are measured."""

import dataclasses
import math

import numpy as np
import pytest

from flatline_monitor.diagnosis import measures_of_model as measures
from flatline_monitor.diagnosis.facts import facts_of
from flatline_monitor.runs.records import (
    Activation,
    ActivationKind,
    Role,
    Variable,
)
from tests.columns import PATHS
from tests.signals import HEALTHY, STEPS, run
from tests.views import last_view

DENSE = tuple(
    Variable(f"{layer}/{role.value}", layer, role, shape, "Dense")
    for layer, role, shape in (
        ("a", Role.KERNEL, (4, 8)),
        ("a", Role.BIAS, (8,)),
        ("b", Role.KERNEL, (8, 1)),
        ("b", Role.BIAS, (1,)),
    )
)


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
    shares[:, 1:3] = math.nan  # not looked at

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
