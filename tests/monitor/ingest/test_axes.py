"""Columns go by the axes that their stream announced, over reconnects and further fits."""

import grpc
import pytest

from flatline.v1 import monitor_pb2 as pb
from tests.monitor.ingest.talk import everything, refused, run, service
from tests.monitor.ingest.wire import chunk, evaluation, hello, variables


def test_a_repeated_record_goes_by_the_variables_of_its_time() -> None:
    """The list of variables has changed since the record was first sent."""

    async def story() -> None:
        async with service() as it:
            new = variables(3, count=5, revision=2)
            fits = chunk(4, sampled={"revision": 2, "grad_norm": [1] * 5})
            await everything(it.watch(), [hello(), variables(1), chunk(2), new, fits])

            answers = await everything(it.watch(), [hello(), chunk(2), new, fits])

            assert answers[-1].ack.durable_sequence == 4

    run(story())


def test_a_reopened_stream_goes_by_the_variables_that_the_router_remembers() -> None:
    """They were sent once, on a stream that is long closed."""

    async def story() -> None:
        async with service() as it:
            await everything(it.watch(), [hello(), variables(1)])

            assert (await everything(it.watch(), [hello(), chunk(2)]))[-1].ack.durable_sequence == 2
            bad = chunk(3, sampled={"grad_norm": [1, 2]})
            code, _ = await refused(it.watch(), [hello(), bad])
            assert code is grpc.StatusCode.INVALID_ARGUMENT

    run(story())


def test_a_stream_whose_variables_were_lost_is_taken() -> None:
    """The monitor lost its disk; the run was there before it and goes on."""

    async def story() -> None:
        async with service() as it:
            answers = await everything(it.watch(), [hello(), chunk(70), evaluation(71)])

            assert answers[-1].ack.durable_sequence == 71
            code, _ = await refused(it.watch(), [hello(run_id="new"), chunk(1)])
            assert code is grpc.StatusCode.INVALID_ARGUMENT

    run(story())


def test_a_further_fit_may_change_the_number_of_classes() -> None:
    """A hello with a sequence is a record like any other."""

    async def story() -> None:
        async with service() as it:
            two = chunk(2, sampled={"label_count": [1, 1]})
            three = chunk(4, sampled={"label_count": [1, 1, 1]})
            further = hello(3, class_count=3, fit=1)

            answers = await everything(
                it.watch(), [hello(class_count=2), variables(1), two, further, three]
            )

            assert answers[-1].ack.durable_sequence == 4

    run(story())


RECTIFIER, SQUASHER = pb.ACTIVATION_KIND_RECTIFIER, pb.ACTIVATION_KIND_SQUASHER
LAYERS = [
    pb.Activation(layer=f"a{i}", kind=kind, units=8)
    for i, kind in enumerate((RECTIFIER, pb.ACTIVATION_KIND_UNSPECIFIED, SQUASHER, RECTIFIER))
]
WIDTHS = {"activation_mean": 4, "activation_std": 4, "dead_unit_share": 2}
WIDTHS["saturated_unit_share"] = 1


@pytest.mark.parametrize(("name", "width"), WIDTHS.items())
def test_shares_of_units_go_over_the_activations_of_their_kind(name: str, width: int) -> None:
    """All layers have a mean, and only those that can have dead units have a share of them."""

    async def story() -> None:
        async with service() as it:
            named = variables(1, activations=LAYERS)
            fits = chunk(2, sampled={"grad_norm": [], name: [0.5] * width})
            answers = await everything(it.watch(), [hello(), named, fits])
            assert answers[-1].ack.durable_sequence == 2

            wide = chunk(3, sampled={"grad_norm": [], name: [0.5] * (width + 1)})
            code, details = await refused(it.watch(), [hello(), wide])
            assert (code, name in details) == (grpc.StatusCode.INVALID_ARGUMENT, True)

            stale = chunk(3, sampled={"grad_norm": [], name: [0.5] * width, "revision": 2})
            code, details = await refused(it.watch(), [hello(), stale])
            assert (code, "revision is 2" in details) == (grpc.StatusCode.INVALID_ARGUMENT, True)

    run(story())
