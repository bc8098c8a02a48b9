"""What is known of a fit before it has learned anything comes to the monitor as it was told."""

import dataclasses
from typing import Any

import pytest

from flatline import model as told
from flatline import wire, wire_model
from flatline_monitor.engine.codec import pack, unpack
from flatline_monitor.ingest.decode import decode
from flatline_monitor.runs import model as heard
from tests.play import play
from tests.signals import HELLO

FULL = told.Model(
    layers=(
        told.Layer("a", "Dense", "relu", 4, "Constant", 0.0, l2=0.5, trainable=False),
        told.Layer("b", "Dropout", rate=0.5),
        told.Layer("c", "Softmax", "softmax", axis=-1, output=True, vocabulary=9),
    ),
    chain=True,
    optimizer=told.Optimizer("SGD", 0.5, "CosineDecay", 0.0, clipnorm=2.0),
    loss=told.Loss("mean_squared_error", from_logits=False, reduction="sum"),
    inputs=(
        told.Array(
            "x",
            (2, 3),
            "uint8",
            2**40,
            (told.Feature(0, 3, 1.5, 0.5, whole=True, distinct=4, nonfinite_share=0.25),),
        ),
    ),
    targets=(told.Array("y", (), "int64", 9, one_hot=True),),
    feeding=told.Feeding(
        shuffle=False,
        class_weight={3: 0.5},
        sample_weight=True,
        validation_split=0.25,
        validation=True,
        source="ndarray",
    ),
    metrics=("accuracy", "own"),
    callbacks=("EarlyStopping",),
    dtype_policy="mixed_float16",
)


@pytest.mark.parametrize("model", [FULL, told.Model()], ids=["full", "empty"])
def test_what_was_told_is_what_is_heard(model: told.Model) -> None:
    """Zero, false and absent are three things; a snapshot keeps all of them."""
    _, record = decode(wire.numbered(1, wire_model.encode(model)))

    assert isinstance(record, heard.Model)
    assert dataclasses.asdict(record) == dataclasses.asdict(model)
    run = play([record], HELLO)
    assert run.history.model == record
    assert unpack(pack(run)).history.model == record


@pytest.mark.parametrize("name", ["Layer", "Optimizer", "Loss", "Feature", "Array", "Feeding"])
def test_both_sides_have_the_same_fields(name: str) -> None:
    """Also the same defaults: what one side leaves out is not something else on the other."""

    def fields(module: Any) -> list[tuple[str, object]]:
        return [(f.name, f.default) for f in dataclasses.fields(getattr(module, name))]

    assert fields(told) == fields(heard)


def test_a_name_that_is_no_name_does_not_cost_the_run() -> None:
    """Keras takes any text for a layer's name, the monitor one line of 128 bytes."""
    layer = told.Layer("a\nb" + 99 * "é", "Dense", units=2**40)
    _, record = decode(wire.numbered(1, wire_model.encode(told.Model(layers=(layer,)))))

    assert isinstance(record, heard.Model)
    assert record.layers[0].name.startswith("a bé")
    assert record.layers[0].units is None
