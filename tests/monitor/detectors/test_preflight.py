"""The pre-flight names what is wrong with a set-up, and leaves alone what is not."""

import dataclasses
import math

import pytest

from flatline_monitor.detectors.contract import Abstain, Clear, Finding, Reason, Severity
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.preflight import RULES, Preflight, faults
from flatline_monitor.runs.model import Array, Feature, Feeding, Layer, Loss, Model, Optimizer
from flatline_monitor.runs.records import Role, Variable
from tests.signals import HEALTHY
from tests.views import last_view

ORDINARY = Feature(-2.0, 2.0, 0.0, 1.0, whole=False, distinct=1000)
CODES = Feature(0.0, 6.0, 3.0, 2.0, whole=True, distinct=7)
YES_NO = Feature(0.0, 1.0, 0.5, 0.5, whole=True, distinct=2)
WIDE = Feature(0.0, 255.0, 120.0, 70.0, whole=False, distinct=1000)
BINARY = Loss("binary_crossentropy", from_logits=False)
SPARSE = Loss("sparse_categorical_crossentropy", from_logits=False)
SQUARED = Loss("mean_squared_error")
RELU = Layer("a", "Dense", "relu", 16, "GlorotUniform")


def last(activation="sigmoid", units=1, kind="Dense", **changes):
    return Layer("z", kind, activation, units, "GlorotUniform", output=True, **changes)


def given(*features, name="x", shape=None, samples=1000, **changes):
    return Array(
        name, (len(features),) if shape is None else shape, "f4", samples, features, **changes
    )


KERNELS = (Variable("a/kernel", "a", Role.KERNEL, (9, 16)),)


def drawn(scale):
    return dataclasses.replace(RELU, initializer="RandomNormal", initializer_scale=scale)


SOUND = Model(
    layers=(RELU, last()),
    chain=True,
    optimizer=Optimizer("Adam", 0.001),
    loss=BINARY,
    inputs=(given(ORDINARY, ORDINARY),),
    targets=(given(YES_NO, name="y", shape=()),),
    feeding=Feeding(shuffle=True, source="ndarray"),
    metrics=("accuracy",),
)


def view_of(model, **hello):
    view = last_view(HEALTHY["learns"])
    told = dataclasses.replace(view.hello, **{"batch_size": 32, "plan_steps": 400, **hello})
    return dataclasses.replace(view, model=model, hello=told, variables=KERNELS)


def broken(hello=None, **changes):
    """The faults of the sound set-up with these changes."""
    return set(faults(view_of(dataclasses.replace(SOUND, **changes), **(hello or {}))))


def labels(high, name="y"):
    return (given(Feature(0.0, high, 1.0, 1.0, whole=True, distinct=3), name=name, shape=()),)


def numbers(low, high):
    return (given(Feature(low, high, 0.0, 1.0, whole=False, distinct=99), name="y", shape=()),)


ONE_HOT = (given(YES_NO, YES_NO, YES_NO, name="y", one_hot=True),)
THREE = {"loss": SPARSE, "targets": labels(2.0), "layers": (RELU, last("softmax", 3, axis=-1))}

FAULTY = [
    ("activation_not_for_loss", {"layers": (RELU, last("linear"))}),
    ("activation_not_for_loss", {"layers": (RELU, last("relu"))}),
    ("activation_not_for_loss", {"layers": (RELU, last("softmax", 1))}),
    ("activation_not_for_loss", {"loss": Loss("binary_crossentropy", from_logits=True)}),
    ("activation_not_for_loss", {**THREE, "layers": (RELU, last("sigmoid", 3))}),
    ("softmax_of_yes_or_no", {"layers": (RELU, last("softmax", 2)), "targets": ONE_HOT}),
    ("softmax_over_samples", {**THREE, "layers": (RELU, last("softmax", 3, "Softmax", axis=0))}),
    ("classes_as_numbers", {"loss": SQUARED}),
    (
        "accuracy_of_numbers",
        {"loss": SQUARED, "layers": (RELU, last("linear")), "targets": numbers(-9.0, 9.0)},
    ),
    ("labels_out_of_range", {**THREE, "targets": labels(3.0)}),
    ("labels_out_of_range", {"targets": labels(2.0)}),
    (
        "labels_out_of_range",
        {
            "loss": SQUARED,
            "layers": (RELU, last("tanh")),
            "targets": numbers(-9.0, 0.5),
            "metrics": (),
        },
    ),
    ("labels_of_other_kind", {**THREE, "targets": ONE_HOT}),
    ("labels_of_other_kind", {**THREE, "loss": Loss("categorical_crossentropy")}),
    ("nothing_but_linear", {"layers": (dataclasses.replace(RELU, activation="linear"), last())}),
    (
        "deep_and_squashed",
        {"layers": (*4 * (dataclasses.replace(RELU, activation="sigmoid"),), last())},
    ),
    (
        "softmax_within",
        {"layers": (dataclasses.replace(RELU, activation="softmax"), last())},
    ),
    (
        "softmax_within",
        {**THREE, "layers": (RELU, Layer("s", "Softmax", "softmax"), last("softmax", 3, axis=-1))},
    ),
    ("constant_weights", {"layers": (dataclasses.replace(RELU, initializer="Zeros"), last())}),
    ("weights_drawn_wide", {"layers": (drawn(5.0), last())}),
    ("weights_drawn_wide", {"layers": (drawn(1e-3), last())}),
    ("dropout_high", {"layers": (RELU, Layer("d", "Dropout", rate=0.9), last())}),
    ("penalty_high", {"layers": (dataclasses.replace(RELU, l2=0.1), last())}),
    (
        "nothing_trainable",
        {
            "layers": (
                dataclasses.replace(RELU, trainable=False),
                dataclasses.replace(last(), trainable=False),
            )
        },
    ),
    ("rate_above_range", {"optimizer": Optimizer("Adam", 0.5)}),
    ("momentum_high", {"optimizer": Optimizer("SGD", 0.01, momentum=0.999)}),
    ("rate_below_range", {"optimizer": Optimizer("Adadelta", 0.001)}),
    (
        "plain_descent_of_wide_inputs",
        {"optimizer": Optimizer("SGD", 0.01), "inputs": (given(WIDE),)},
    ),
    (
        "features_of_unlike_size",
        {"inputs": (given(dataclasses.replace(WIDE, std=5e4), ORDINARY),)},
    ),
    ("categories_in_columns", {"inputs": (given(ORDINARY, CODES),)}),
    (
        "tokens_out_of_range",
        {
            "inputs": (given(CODES),),
            "layers": (Layer("e", "Embedding", units=8, vocabulary=6), RELU, last()),
        },
    ),
    (
        "missing_values",
        {"inputs": (given(dataclasses.replace(ORDINARY, nonfinite_share=0.01)),)},
    ),
    ("given_in_order", {"feeding": Feeding(shuffle=False, source="ndarray")}),
]


@pytest.mark.parametrize(("name", "changes"), FAULTY)
def test_a_fault_is_named_and_no_other(name, changes):
    """One change to a sound set-up is one fault."""
    assert broken(**changes) == {name}


@pytest.mark.parametrize(
    ("name", "hello"),
    [
        ("batch_large", {"batch_size": 500}),
        ("batch_tiny", {"batch_size": 1}),
        ("plan_short", {"plan_steps": 20}),
    ],
)
def test_batches_and_plan_are_held_against_the_data(name, hello):
    """As many samples as there are."""
    assert broken(hello) == {name}
    assert broken(hello, inputs=()) == set()


def test_an_end_that_drops_answers_is_a_fault_of_its_own():
    """Nothing else is known of such a last layer."""
    dropped = Layer("d", "Dropout", rate=0.2, output=True)

    assert "dropout_before_output" in broken(layers=(RELU, dropped))


def test_every_rule_is_broken_by_some_test():
    """A rule that nothing here breaks is not tested."""
    named = {name for name, _ in FAULTY} | {"batch_large", "batch_tiny", "plan_short"}

    assert named | {"dropout_before_output"} == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        THREE,
        {**THREE, "loss": Loss("categorical_crossentropy"), "targets": ONE_HOT},
        {"loss": Loss("binary_crossentropy", from_logits=True), "layers": (RELU, last("linear"))},
        {"loss": SQUARED, "layers": (RELU, last("linear")), "metrics": ("mae",)},
        {"loss": Loss("own", own=True), "layers": (RELU, last("linear"))},
        {"layers": (RELU, Layer("l", "Lambda", output=True))},
        {"layers": (RELU, dataclasses.replace(last("linear"), output=False)), "chain": False},
        {"loss": None, "optimizer": None, "inputs": (), "targets": ()},
        {"layers": (RELU, Layer("d", "Dropout", rate=0.5), last())},
        {"layers": (last(),)},
        {"layers": (RELU, dataclasses.replace(last(), initializer="Zeros"))},
        {"layers": (dataclasses.replace(RELU, l2=0.01), last())},
        {"layers": (drawn(0.3), last())},
        {"layers": (RELU, dataclasses.replace(last(), initializer="RandomNormal"))},
        {"optimizer": Optimizer("Adam", 9.0, "CosineDecay")},
        {"optimizer": Optimizer("OfTheProgram", 9.0)},
        {
            "optimizer": Optimizer("SGD", 0.01),
            "layers": (Layer("n", "Normalization"), RELU, last()),
        },
        {"inputs": (given(WIDE, shape=(28, 28)),)},
        {
            "inputs": (given(CODES),),
            "layers": (Layer("e", "Embedding", units=8, vocabulary=7), RELU, last()),
        },
        {"inputs": (given(YES_NO, ORDINARY),)},
        {"inputs": (given(*64 * (CODES,)),)},
        {"inputs": (given(dataclasses.replace(CODES, maximum=90.0), ORDINARY),)},
        {"targets": numbers(math.nan, math.nan)},
    ],
)
def test_a_sound_set_up_is_left_alone(changes):
    """Also one of which little is known: what was not told is no fault."""
    assert broken(**changes) == set()


def test_a_finding_says_what_is_wrong_in_words_and_numbers():
    """The first of them is its gist; of very many some are only counted."""
    model = dataclasses.replace(
        SOUND, layers=(RELU, last("linear")), optimizer=Optimizer("Adam", 0.5)
    )
    finding = judge(Preflight(), view_of(model))

    assert isinstance(finding, Finding)
    assert finding.severity is Severity.INFO
    assert finding.gist.startswith("in the set-up, binary_crossentropy takes probabilities")
    assert "a learning rate of 0.5 is high for Adam" in finding.summary
    assert [each.statistic for each in finding.evidence] == [
        "activation_not_for_loss",
        "learning_rate",
    ]


def test_without_a_set_up_there_is_nothing_to_say():
    """A client that does not tell it is not judged by it."""
    assert judge(Preflight(), view_of(None)) == Abstain(Reason.SIGNAL_NOT_SENT)
    assert judge(Preflight(), view_of(SOUND)) == Clear()
