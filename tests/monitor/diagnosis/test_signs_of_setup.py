"""What the set-up tells of causes: its faults, and what it rules out."""

import dataclasses

import pytest

from flatline_monitor.detectors.preflight import RULES
from flatline_monitor.diagnosis import measures_of_setup as measures
from flatline_monitor.diagnosis.case import Case
from flatline_monitor.diagnosis.infer import diagnose
from flatline_monitor.diagnosis.signs import present
from flatline_monitor.runs.model import Array, Feature, Feeding, Layer, Model, Optimizer
from tests.monitor.diagnosis.cases import facts, found
from tests.signals import STEPS, classes, run
from tests.views import last_view

SIGMOID = Layer("a", "Dense", "sigmoid", 4)
RELU = Layer("b", "Dense", "relu", 4)
WHOLE = Feature(0.0, 9.0, 5.0, 3.0, whole=True, distinct=10)
LAST = Layer("z", "Dense", "sigmoid", 1, output=True)


def view_of(**model):
    signals = run(counts=classes(STEPS, [24, 8], [24, 8], [20, 6]))
    return dataclasses.replace(last_view(signals), model=Model(**model))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_each_fault_speaks_for_some_cause(rule):
    """A pre-flight that finds nothing else is still explained."""
    causes = diagnose(found("preflight"), facts(faults={rule.__name__: "so it is"}))

    assert causes
    assert "so it is" in causes[0].speaks_for


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"layers": (RELU, LAST), "chain": True}, False),
        ({"layers": (RELU, Layer("d", "Dropout", rate=0.5), LAST), "chain": True}, True),
        ({"layers": (dataclasses.replace(RELU, l1=0.1), LAST), "chain": True}, True),
        (
            {"layers": (LAST,), "chain": True, "optimizer": Optimizer("AdamW", weight_decay=0.1)},
            True,
        ),
        ({"layers": (RELU, LAST), "chain": False}, None),
        ({"layers": (RELU, Layer("d", "Dropout", rate=0.5)), "chain": False}, True),
    ],
)
def test_what_holds_weights_down_is_known_where_all_layers_are(model, expected):
    """In a model with a `call` of its own there may be more than its layers."""
    assert measures.is_regularized(view_of(**model)) is expected


def test_squashing_layers_are_counted_before_the_last():
    """A layer that may do anything hides what it does."""
    assert measures.squashing_layers(view_of(layers=(SIGMOID, RELU, LAST), chain=True)) == 1
    opaque = Layer("l", "Lambda")
    assert measures.squashing_layers(view_of(layers=(opaque, LAST), chain=True)) is None
    assert measures.squashing_layers(view_of(layers=(RELU, LAST))) is None


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (Array("x", (8, 8, 1), "uint8", 9, (WHOLE,)), True),
        (Array("x", (64,), "uint8", 9, 64 * (WHOLE,)), True),
        (Array("x", (5,), "int64", 9, 5 * (WHOLE,)), False),
        (Array("x", (20, 3), "float32", 9, (WHOLE,)), False),
    ],
)
def test_pictures_are_no_categories(array, expected):
    """Also where their pixels are columns; a series has two axes."""
    assert measures.are_pictures(view_of(inputs=(array,))) == expected
    case = Case({}, facts(are_pictures=expected))
    assert bool(present(case, "pictures")) == expected


@pytest.mark.parametrize(
    ("weights", "told"),
    [({0: 3.0, 1: 1.0}, True), ({0: 1.0, 1: 3.0}, False), ({0: 3.0}, False), ({}, False)],
)
def test_weights_the_wrong_way_round_are_seen(weights, told):
    """The commonest class has the larger one; of a class without a weight nothing is said."""
    sentence = measures.weights_reversed(view_of(feeding=Feeding(class_weight=weights)))

    assert bool(sentence) == told


def test_what_is_ruled_out_speaks_against():
    """No saturation without a sigmoid, no regularisation where there is none."""
    case = Case({}, facts(squashing_layers=0, is_regularized=False))

    assert present(case, "nothing_squashes")
    assert present(case, "no_regularization")
    assert not present(Case({}, facts(squashing_layers=2)), "nothing_squashes")
    assert not present(Case({}, facts(is_regularized=True)), "no_regularization")
