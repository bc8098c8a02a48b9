"""What was sent is what the core sees: nan, zero and absent included."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatline.v1 import monitor_pb2 as pb
from flatline_monitor.ingest.decode import decode, parse, record
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.ingest.shape import ANY_SHAPE
from flatline_monitor.runs.records import (
    Activation,
    ActivationKind,
    Chunk,
    ClientHealth,
    End,
    EndStatus,
    Evaluation,
    Hello,
    LossKind,
    LossSource,
    RefusedError,
    Role,
    SkipReason,
    Stalled,
    Task,
    Untrained,
    Variable,
    Variables,
)
from tests.monitor.ingest.wire import chunk, end, evaluation, hello, variables

FLOATS = st.floats(width=32)
SAMPLED_AXES = {
    **dict.fromkeys(("grad_norm", "grad_zero_share", "weight_norm", "update_norm"), 3),
    **dict.fromkeys(("label_count", "prediction_count", "correct_count", "positive_count"), 4),
    **dict.fromkeys(("input_mean", "input_std", "input_min", "input_max"), 2),
    "input_nonfinite_count": 2,
    **dict.fromkeys(("target_mean", "target_variance", "target_deviation"), 5),
    "target_nonfinite_count": 5,
    **dict.fromkeys(("label_bucket_count", "prediction_bucket_count"), 256),
    **dict.fromkeys(("activation_mean", "activation_std"), 7),
    "dead_unit_share": 3,
    "saturated_unit_share": 4,
}


def test_every_field_of_a_hello_arrives() -> None:
    """Fields that the client does not know are None or empty, not 0."""
    told: dict[str, Any] = {
        "name": "n",
        "project": "p",
        "user": "u",
        "tags": {"a": "b"},
        "rank": 1,
        "world_size": 4,
        "incarnation": 2,
        "fit": 3,
        "plan_steps": 100,
        "plan_epochs": 0,
        "batch_size": 32,
        "loss_name": "l",
        "class_count": 10,
        "client_version": "1",
        "framework": "keras",
        "framework_version": "3",
        "python_version": "3.11",
        "quiet": ("plateau", "overfitting"),
    }

    sequence, full = decode(hello(7, **told, task=pb.TASK_RL, loss_kind=pb.LOSS_KIND_SQUARED_ERROR))

    assert sequence == 7
    assert full == Hello("brave-otter-1a2b", task=Task.RL, loss_kind=LossKind.SQUARED_ERROR, **told)
    assert decode(hello())[1] == Hello("brave-otter-1a2b")


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (Task, pb.Task, "TASK"),
        (LossKind, pb.LossKind, "LOSS_KIND"),
        (Role, pb.Role, "ROLE"),
        (EndStatus, pb.EndStatus, "END_STATUS"),
        (LossSource, pb.LossSource, "LOSS_SOURCE"),
        (SkipReason, pb.SkipReason, "SKIP_REASON"),
        (ActivationKind, pb.ActivationKind, "ACTIVATION_KIND"),
    ],
)
def test_our_words_are_those_of_the_wire(ours: Any, theirs: Any, prefix: str) -> None:
    """Members are matched by their place, so the places must agree."""
    names = [each.name for each in ours]
    wire = [name.removeprefix(f"{prefix}_") for name in theirs.keys()]  # noqa: SIM118 - no mapping

    assert names[-2:] == wire[-2:]
    assert [n for n in wire if n != "UNSPECIFIED"] == [
        n for n in names if n not in ("UNKNOWN", "OTHER", "NOT_SKIPPED")
    ]


def test_words_of_a_newer_client_are_unknown_and_no_error() -> None:
    """An enum may grow without a new protocol."""
    _, told = decode(hello(task=77, loss_kind=78))
    newer = cast("Any", 79)
    array, layer = pb.Variable(path="p", role=newer), pb.Activation(layer="l", kind=newer)
    _, arrays = decode(variables(1, variables=[array], activations=[layer]))

    assert isinstance(told, Hello)
    assert isinstance(arrays, Variables)
    assert (told.task, told.loss_kind) == (Task.UNKNOWN, LossKind.UNKNOWN)
    assert arrays.variables[0].role is Role.OTHER
    assert arrays.activations[0].kind is ActivationKind.OTHER


def test_all_that_is_said_of_a_model_arrives() -> None:
    """What was not trained, and which layers can have dead units, beside the variables."""
    kernel = pb.Variable(
        path="d/kernel",
        layer="d",
        role=pb.ROLE_KERNEL,
        shape=[4, 2],
        layer_class="Dense",
        estimated=True,
    )
    raw = variables(
        variables=[kernel],
        untrained=[pb.Untrained(path="n/mean"), pb.Untrained(path="e/w", trainable=True)],
        activations=[pb.Activation(layer="d", kind=pb.ACTIVATION_KIND_SQUASHER, units=2)],
    )

    _, it = decode(raw)

    assert isinstance(it, Variables)
    assert it.variables == (
        Variable("d/kernel", "d", Role.KERNEL, (4, 2), layer_class="Dense", estimated=True),
    )
    assert it.untrained == (Untrained("n/mean", trainable=False), Untrained("e/w", trainable=True))
    assert it.activations == (Activation("d", ActivationKind.SQUASHER, 2),)


@settings(deadline=None)
@given(loss=st.lists(FLOATS, min_size=1, max_size=9), first=st.integers(0, 2**40))
def test_a_chunk_is_what_value_by_value_decoding_gives(loss: list[float], first: int) -> None:
    """Reading the bytes in place is the same as asking protobuf for each value."""
    raw = chunk(
        n=len(loss),
        first_step=first,
        loss=loss,
        loss_source=bytes([2] * len(loss)),
        sampled={"row": [0], "loss_scale": [65536.0]},
        learning_rate_row=[0],
        learning_rate=[0.1],
    )
    slow = pb.WatchRequest.FromString(raw).chunk

    _, fast = decode(raw)

    assert isinstance(fast, Chunk)
    np.testing.assert_array_equal(fast.columns["loss"], np.array(slow.loss, np.float32))
    assert fast.columns["loss_source"].tolist() == [2] * len(loss)
    assert fast.step.tolist() == list(range(first, first + len(loss)))
    assert (fast.sampled.step.tolist(), fast.sampled.revision) == ([first], 1)
    assert fast.sampled.columns["loss_scale"].tolist() == [65536.0]
    assert fast.sampled.columns["grad_norm"].tolist() == [[0.5, 1.5, 2.5]]
    assert fast.learning_rate_step.tolist() == [first]
    assert set(fast.columns) == {"loss", "loss_source"}


@pytest.mark.parametrize(("name", "width"), SAMPLED_AXES.items())
def test_a_sampled_column_has_rows_and_its_own_axis(name: str, width: int) -> None:
    """Entry [row, j] is the one that the wire has at row * width + j."""
    values = np.arange(2 * width)

    _, it = decode(chunk(sampled={"row": [0, 3], "grad_norm": []} | {name: values.tolist()}))

    assert isinstance(it, Chunk)
    np.testing.assert_array_equal(it.sampled.columns[name], values.reshape(2, width))
    kind = np.uint32 if name.endswith("count") else np.float32
    assert it.sampled.columns[name].dtype == kind


def test_what_each_sampled_step_has_once_arrives() -> None:
    """Why a step changed nothing is a number of SkipReason; floats are as sent."""
    floats = ("clip_ratio", "regularization_grad_norm", "confidence")
    told = {name: [0.5, math.nan] for name in floats} | {"skipped": [0, 2]}

    _, it = decode(chunk(sampled={"row": [0, 3], "grad_norm": []} | told))

    assert isinstance(it, Chunk)
    for name in floats:
        np.testing.assert_array_equal(it.sampled.columns[name], [0.5, math.nan])
    assert it.sampled.columns["skipped"].tolist() == [0, SkipReason.ACCUMULATING]


@pytest.mark.parametrize("field", [*pb.Sampled.DESCRIPTOR.fields], ids=lambda field: field.name)
def test_no_column_of_the_wire_is_overlooked(field: Any) -> None:
    """Whatever message Sampled has, a record has it by the same name."""
    if field.name in ("row", "revision"):
        return

    _, it = decode(chunk(sampled={"grad_norm": [], field.name: [1]}))

    assert isinstance(it, Chunk)
    assert it.sampled.columns[field.name].ravel().tolist() == [1]


def test_a_number_without_offsets_has_a_value_for_every_step() -> None:
    """One without values is nothing, as ever."""
    told = [pb.Scalar(name="all", value=[4, 3, 2, 1]), pb.Scalar(name="none")]

    _, it = decode(chunk(first_step=10, scalars=told))

    assert isinstance(it, Chunk)
    assert [column.tolist() for column in it.scalars["all"]] == [[10, 11, 12, 13], [4, 3, 2, 1]]
    assert [column.tolist() for column in it.scalars["none"]] == [[], []]


@pytest.mark.parametrize(
    ("sent", "heard"), [(0.0, 0.0), (2.5, 2.5), (-1.0, None), (math.nan, None), (math.inf, None)]
)
def test_a_time_that_can_be_none_is_not_known(sent: float, heard: float | None) -> None:
    """A clock gone wrong is no reason to refuse a run; absent is not 0."""
    health = pb.ClientHealth(spent_seconds=sent, tracing_seconds=sent)
    _, it = decode(chunk(outside_seconds=sent, health=health))
    _, bare = decode(chunk(health=pb.ClientHealth()))

    assert isinstance(it, Chunk)
    assert isinstance(bare, Chunk)
    assert it.outside_seconds == heard
    assert it.health == ClientHealth(spent_seconds=heard, tracing_seconds=heard or 0.0)
    assert (bare.outside_seconds, bare.health) == (None, ClientHealth())


def test_nan_and_the_infinities_are_measurements() -> None:
    """They arrive as they were sent, in columns and in evaluations."""
    odd = [math.nan, math.inf, -math.inf, -0.0]
    _, steps = decode(chunk(loss=odd, scalars=[pb.Scalar(name="s", row=[2], value=[math.nan])]))
    _, results = decode(evaluation(3, metrics={"loss": math.nan}, n=0))

    assert isinstance(steps, Chunk)
    assert isinstance(results, Evaluation)
    np.testing.assert_array_equal(steps.columns["loss"], np.array(odd, np.float32))
    assert np.isnan(steps.scalars["s"][1]).all()
    assert math.isnan(results.metrics["loss"])
    assert results.n == 0
    _, unknown = decode(evaluation(3))
    assert isinstance(unknown, Evaluation)
    assert unknown.n is None


def test_an_end_brings_the_clients_health() -> None:
    """Its own health is part of the last record."""
    health = pb.ClientHealth(overhead_ratio=0.5, sampled_steps=3, dropped_records=2**64 - 1)

    _, last = decode(end(9, exception_type="ValueError", status=2, health=health))

    assert last == End(EndStatus.FAILED, "ValueError", 10, ClientHealth(0.5, 3, 2**62))


def test_no_bytes_are_the_mark_of_a_stalled_run() -> None:
    """The journal holds the monitor's own mark as an entry without content."""
    assert decode(b"") == (0, Stalled())


def test_what_was_taken_under_larger_limits_is_still_read() -> None:
    """Lowering a limit does not make the journal unreadable."""
    raw = variables(1, count=50)

    _, it = decode(raw)

    assert isinstance(it, Variables)
    assert len(it.variables) == 50
    with pytest.raises(RefusedError):
        record(parse(raw, Limits()), Limits(variables=40), ANY_SHAPE)
