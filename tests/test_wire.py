"""The bytes on the wire: columns as bytes and columns as numbers are the same message."""

import math
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st

from flatline import wire
from flatline.rows import (
    EXACT,
    RECONSTRUCTED,
    UNKNOWN,
    Activation,
    Axes,
    Description,
    Ending,
    Evaluation,
    Health,
    Rows,
    Untrained,
    Variable,
)
from flatline.v1 import monitor_pb2, packed_pb2

TWINS = [
    (getattr(monitor_pb2, name), getattr(packed_pb2, f"Packed{name}"))
    for name in ("WatchRequest", "Chunk", "Sampled", "Scalar")
]
COLUMN = {FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_FIXED32}


def repeated(field: Any) -> bool:
    """Whether a field is repeated; protobuf has renamed the question since its fourth version."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == field.LABEL_REPEATED)


def shape(descriptor: Descriptor) -> dict[int, tuple[str, str, bool]]:
    """Return name, type and repetition of each field by its number, packed columns as bytes."""
    fields = {}
    for field in descriptor.fields:
        kind, many = str(field.type), repeated(field)
        if many and field.type in COLUMN:
            kind, many = str(FieldDescriptor.TYPE_BYTES), False
        elif field.message_type is not None:
            kind = field.message_type.name.removeprefix("Packed")
        fields[field.number] = (field.name, kind, many)
    return fields


@pytest.mark.parametrize(("plain", "packed"), TWINS, ids=lambda twin: twin.DESCRIPTOR.name)
def test_twins_have_the_same_fields(plain: Any, packed: Any) -> None:
    """Number for number they differ in nothing but how Python sees a packed column."""
    assert shape(plain.DESCRIPTOR) == shape(packed.DESCRIPTOR)


def rows(**columns: object) -> Rows:
    """Make three steps, of which the second is sampled."""
    values: dict[str, object] = {
        "first_step": 7,
        "loss": np.array([0.0, np.nan, np.inf], np.float32),
        "loss_source": np.array([EXACT, UNKNOWN, RECONSTRUCTED], np.uint8),
        "epoch": np.array([0, 0, 1], np.uint32),
        "step_seconds": np.array([0.5, 0.25, 0.125], np.float32),
        "learning_rate": [(0, 0.5), (2, 0.25)],
        "sampled_row": [1],
        "revision": 2,
        "sampled": {"grad_norm": np.array([[0.0, np.nan]]), "sample_count": np.array([32])},
        "scalars": {"acc": [(1, 0.5)]},
    }
    return Rows(**(values | columns))  # type: ignore[arg-type]


def decoded(record: bytes) -> monitor_pb2.WatchRequest:
    return monitor_pb2.WatchRequest.FromString(record)


def test_absent_zero_and_nan_arrive_as_three_things() -> None:
    """A column that was not measured is empty, 0 is 0, nan is nan."""
    chunk = decoded(wire.chunk(rows())).chunk

    assert chunk.loss[0] == 0.0
    assert math.isnan(chunk.loss[1])
    assert chunk.loss[2] == math.inf
    assert chunk.sampled.grad_norm[0] == 0.0
    assert math.isnan(chunk.sampled.grad_norm[1])
    assert list(chunk.sampled.weight_norm) == []
    assert list(chunk.sampled.sample_count) == [32]


def test_both_twins_write_the_same_bytes() -> None:
    """What Python writes as bytes, any other language reads as numbers, and the other way round."""
    record = wire.numbered(3, wire.chunk(rows(), Health(0.25, 1, 0)))
    plain = decoded(record)

    assert plain.sequence == 3
    packed = packed_pb2.PackedWatchRequest.FromString(plain.SerializeToString())
    assert packed == packed_pb2.PackedWatchRequest.FromString(record)
    assert np.frombuffer(packed.chunk.epoch, "<u4").tolist() == [0, 0, 1]


GOLDEN = (
    "08032a7d080710031a0c000000000000c07f0000807f22030100022a0c0000000000000000010000"
    "00320c0000003f0000803e0000003e3a08000000000200000042080000003f0000803e4a180a0401"
    "00000010022208000000000000c07f5a042000000052110a036163631204010000001a040000003f"
    "5a070d0000803e1001"
)


def test_a_chunk_is_these_bytes() -> None:
    """The wire does not change by accident: old clients and journals must stay readable."""
    record = wire.numbered(3, wire.chunk(rows(), Health(0.25, 1, 0)))

    assert record.hex() == GOLDEN


def test_a_record_is_numbered_without_encoding_it_again() -> None:
    """The number in front of a record is its sequence, however large."""
    record = wire.evaluation(Evaluation(5))

    for sequence in (1, 127, 128, 2**63):
        assert decoded(wire.numbered(sequence, record)).sequence == sequence
        assert decoded(wire.numbered(sequence, record)).evaluation.step == 5


def test_a_hello_says_what_is_known_and_no_more() -> None:
    """A plan that is not known is absent, not 0."""
    identity = wire.Identity("calm-otter", tags={"a": "b"}, rank=1, world_size=2)
    known = Description(plan_steps=10, task="gan", loss_kind="squared_error", class_count=2)
    hello = decoded(wire.hello(identity, known, fit=3)).hello
    bare = decoded(wire.hello(identity, Description())).hello

    assert (hello.protocol, hello.run_id, hello.fit, dict(hello.tags)) == (
        wire.PROTOCOL,
        "calm-otter",
        3,
        {"a": "b"},
    )
    assert (hello.plan_steps, hello.class_count, hello.task) == (10, 2, monitor_pb2.TASK_GAN)
    assert hello.loss_kind == monitor_pb2.LOSS_KIND_SQUARED_ERROR
    for field in ("plan_steps", "plan_epochs", "batch_size", "class_count"):
        assert not bare.HasField(field)


def test_variables_evaluations_and_the_end_arrive() -> None:
    """The other records are what they were made from."""
    arrays = [Variable("a/kernel", "a", "kernel", (2, 3), "Dense", estimated=True), Variable("b")]
    layers = (Activation("a", "rectifier", 3), Activation("c"))
    axes = Axes(tuple(arrays), ("x",), layers, (Untrained("d", trainable=True),))
    variables = decoded(wire.axes(2, axes)).variables
    evaluation = decoded(wire.evaluation(Evaluation(5, 1, 0, {"loss": math.nan}))).evaluation
    end = decoded(
        wire.end(Ending("failed", "ValueError", "no x"), 9, Health(dropped_records=4))
    ).end

    assert (variables.revision, list(variables.inputs)) == (2, ["x"])
    assert list(variables.variables[0].shape) == [2, 3]
    assert variables.variables[0].role == monitor_pb2.ROLE_KERNEL
    assert variables.variables[1].role == monitor_pb2.ROLE_UNSPECIFIED
    assert [each.layer_class for each in variables.variables] == ["Dense", ""]
    assert [each.estimated for each in variables.variables] == [True, False]
    assert [(each.layer, each.kind, each.units) for each in variables.activations] == [
        ("a", monitor_pb2.ACTIVATION_KIND_RECTIFIER, 3),
        ("c", monitor_pb2.ACTIVATION_KIND_UNSPECIFIED, 0),
    ]
    assert [(each.path, each.trainable) for each in variables.untrained] == [("d", True)]
    assert (evaluation.step, evaluation.epoch, evaluation.HasField("n")) == (5, 1, True)
    assert math.isnan(evaluation.metrics["loss"])
    assert (end.status, end.exception_type, end.step) == (
        monitor_pb2.END_STATUS_FAILED,
        "ValueError",
        9,
    )
    assert end.exception_text == "no x"
    assert end.health.dropped_records == 4


def test_a_number_that_every_step_has_needs_no_offsets() -> None:
    """Its values alone say which steps they belong to; one that some steps have keeps them."""
    every = rows(scalars={"a": list(enumerate([1.0, 2.0, 3.0])), "b": [(1, 0.5)]})
    scalars = decoded(wire.chunk(every)).chunk.scalars

    assert [(each.name, list(each.row), list(each.value)) for each in scalars] == [
        ("a", [], [1.0, 2.0, 3.0]),
        ("b", [1], [0.5]),
    ]


def test_what_the_client_costs_is_absent_where_it_is_not_known() -> None:
    """Seconds of 0 are a measurement."""
    unknown = decoded(wire.chunk(rows(), Health(None))).chunk
    known = decoded(wire.chunk(rows(outside_seconds=0.0), Health(spent_seconds=0.0))).chunk

    assert not unknown.HasField("outside_seconds")
    assert not unknown.health.HasField("spent_seconds")
    assert not unknown.health.HasField("overhead_ratio")
    assert known.HasField("outside_seconds")
    assert known.health.HasField("spent_seconds")


def test_a_column_that_is_none_is_refused() -> None:
    """The sentence names it and those that there are."""
    with pytest.raises(ValueError, match="sampled has no column grad_nrom; it has"):
        wire.chunk(rows(sampled={"grad_nrom": np.zeros((1, 1))}))


floats = st.lists(st.floats(width=32), min_size=1, max_size=50)


@given(floats, st.integers(0, 2**40), st.data())
def test_any_numbers_arrive_as_they_were(
    loss: list[float], first_step: int, data: st.DataObject
) -> None:
    """Every float32 and every count survives, bit for bit, in its place."""
    n = len(loss)
    row = data.draw(st.lists(st.integers(0, n - 1), unique=True).map(sorted))
    counts = data.draw(
        st.lists(st.integers(0, 2**32 - 1), min_size=3 * len(row), max_size=3 * len(row))
    )
    wide = np.array(counts, np.uint32).reshape(len(row), 3)
    sent = rows(
        first_step=first_step,
        loss=np.array(loss, np.float32),
        loss_source=np.full(n, EXACT, np.uint8),
        epoch=np.arange(n, dtype=np.uint32),
        step_seconds=np.array(loss, np.float32),
        learning_rate=[],
        sampled_row=row,
        sampled={"label_count": wide},
        scalars={"x": list(enumerate(loss))},
    )
    chunk = decoded(wire.chunk(sent)).chunk

    assert (chunk.first_step, chunk.n) == (first_step, n)
    np.testing.assert_array_equal(np.array(chunk.loss, np.float32), sent.loss)
    np.testing.assert_array_equal(np.array(chunk.scalars[0].value, np.float32), sent.loss)
    assert list(chunk.sampled.row) == row
    assert list(chunk.sampled.label_count) == wide.ravel().tolist()
