"""What is taken down of a run beside its findings."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.diagnosis.facts import KERNELS_KEPT, facts_of
from flatline_monitor.diagnosis.safe import learn
from flatline_monitor.runs.records import Activation, ActivationKind, Role, Untrained, Variable
from tests.columns import PATHS
from tests.signals import HEALTHY, SICK, STEPS, not_finite, run, updating
from tests.views import last_view


def of(*shapes, roles=Role.KERNEL):
    """The healthy run with variables of these shapes."""
    view = last_view(run())
    roles = [roles] * len(shapes) if isinstance(roles, Role) else roles
    variables = tuple(
        Variable(f"layer_{i}/x", f"layer_{i}", role, shape)
        for i, (shape, role) in enumerate(zip(shapes, roles, strict=True))
    )
    columns = {
        name: np.repeat(column[:, :1], len(shapes), axis=1) if column.ndim > 1 else column
        for name, column in view.rows.sampled.columns.items()
        if name in {"grad_norm", "weight_norm", "update_norm"}
    }
    sampled = dataclasses.replace(view.rows.sampled, columns=columns)
    rows = dataclasses.replace(view.rows, sampled=sampled)
    return facts_of(dataclasses.replace(view, variables=variables, rows=rows))


@pytest.mark.parametrize("name", [*SICK, *HEALTHY])
def test_facts_can_be_taken_of_every_run(name):
    """Whatever it sent, and at its end too."""
    signals = {**SICK, **HEALTHY}[name]

    assert facts_of(last_view(signals)).step == STEPS - 1
    assert facts_of(last_view(signals, final=True)).step == STEPS - 1
    assert facts_of(last_view(signals.without(*signals.sampled))).update_ratio is None


def test_skill_is_measured_against_the_null_model():
    """1 - loss / null-model loss over the last quarter, by hand."""
    signals = run()
    facts = facts_of(last_view(signals))
    late = signals.sampled["data_loss"][-STEPS // 4 :].mean()

    assert facts.null_loss == pytest.approx(np.log(2), rel=1e-3)
    assert facts.skill == pytest.approx(1 - late / np.log(2), abs=0.02)


def test_updates_are_those_of_the_kernels():
    """The median of late, smallest and largest."""
    assert facts_of(last_view(updating(0.3))).update_ratio == pytest.approx((0.3, 0.3), rel=1e-3)


def test_what_is_not_trained_is_told_apart_from_what_is_frozen():
    """Weights without a gradient by their paths, those that the program has frozen by number."""
    untrained = (
        Untrained("encoder/kernel", trainable=True),
        Untrained("encoder/bias", trainable=True),
        Untrained("words/embeddings", trainable=True),
        Untrained("base/kernel", trainable=False),
        Untrained("base/gamma", trainable=False),
    )
    facts = facts_of(dataclasses.replace(last_view(run()), untrained=untrained))

    assert facts.untrained == ("encoder/kernel", "words/embeddings")
    assert facts.fixed == 1


def test_kernels_of_zeros_are_counted_but_for_the_last():
    """A head may begin at zero, and moves at once."""
    weights = np.ones((STEPS, len(PATHS)), np.float32)
    weights[:, [0, 3, -2]] = 0

    assert facts_of(last_view(run().with_columns(weight_norm=weights))).zero_kernels == 1
    assert facts_of(last_view(run().without("weight_norm"))).zero_kernels == 0


@pytest.mark.parametrize(("layer", "expected"), [("dense_5", True), ("dense_0", False)])
def test_a_last_layer_that_ends_in_a_relu_is_known(layer, expected):
    """By the name of the layer that owns the last kernel."""
    relu = Activation(layer, ActivationKind.RECTIFIER, 1)
    view = dataclasses.replace(last_view(run()), activations=(relu,))

    assert facts_of(view).rectified_output is expected
    assert not facts_of(dataclasses.replace(view, variables=())).rectified_output


@pytest.mark.parametrize(
    ("shapes", "roles", "expected"),
    [
        (((4, 8), (8, 1)), Role.KERNEL, True),
        (((4, 8), (8,), (8, 1)), [Role.KERNEL, Role.BIAS, Role.KERNEL], True),
        (((4, 8), (16, 1)), Role.KERNEL, False),
        (((3, 3, 1, 8), (8, 1)), Role.KERNEL, False),
        (((100, 8), (8, 1)), [Role.EMBEDDING, Role.KERNEL], False),
        (((4, 32), (8, 32), (8, 1)), [Role.KERNEL, Role.RECURRENT_KERNEL, Role.KERNEL], False),
    ],
    ids=["dense", "with a bias", "not chained", "convolution", "embedding", "recurrent"],
)
def test_a_stack_of_dense_layers_is_known_by_its_shapes(shapes, roles, expected):
    """Only such a model can be rebuilt from them; others get words."""
    assert of(*shapes, roles=roles).is_stack is expected


def test_a_model_of_many_layers_is_cut_short():
    """The first shapes and the last, and how many there were."""
    facts = of(*[(2, 2)] * 99, (2, 7))

    assert (len(facts.kernels), facts.depth, facts.output_units) == (KERNELS_KEPT, 100, 7)


def test_embeddings_do_not_count_as_weights_that_shrink():
    """Early and of late the same kernels are measured."""
    facts = of((1000, 8), (8, 1), roles=[Role.EMBEDDING, Role.KERNEL])

    assert facts.usual_kernel_norm == pytest.approx(np.sqrt(8 * 2 / 9))


def test_what_led_to_bad_numbers_is_remembered():
    """The rows before them are gone after a while; of other bad numbers they tell nothing."""
    view = last_view(not_finite())
    now = facts_of(view)
    calm = dataclasses.replace(now, was_calm=not now.was_calm)

    assert learn(view, calm) == calm
    assert learn(view, dataclasses.replace(calm, bad_step=9)) == now
