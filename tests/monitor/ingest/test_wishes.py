"""A client hears over its stream that more of its steps should be sampled."""

import asyncio
from typing import Any

from flatline.v1 import monitor_pb2 as pb
from flatline_monitor.detectors.catalogue import Catalogues
from flatline_monitor.engine.local import LocalRouter
from flatline_monitor.ingest.decode import decode
from flatline_monitor.runs.records import Chunk
from tests.columns import Signals
from tests.monitor.engine.test_local import Disk
from tests.monitor.ingest.talk import everything, run, service
from tests.monitor.ingest.wire import end, hello
from tests.signals import STEPS, collapsed

HELLO = hello(
    plan_steps=STEPS,
    class_count=2,
    task=pb.TASK_CLASSIFICATION,
    loss_kind=pb.LOSS_KIND_CROSS_ENTROPY,
)
COLUMNS = ("data_loss", "label_count", "prediction_count", "correct_count")


def spoken(signals: Signals) -> list[bytes]:
    """The run in messages of four steps, with the columns over classes, and its end."""
    chunks = [each for each in signals.records(range(0, STEPS, 4)) if isinstance(each, Chunk)]
    told = [
        pb.WatchRequest(sequence=number, chunk=message(it)).SerializeToString()
        for number, it in enumerate(chunks, 1)
    ]
    return [HELLO, *told, end(len(told) + 1, step=STEPS)]


def message(chunk: Chunk) -> pb.Chunk:
    first, sampled = int(chunk.step[0]), chunk.sampled
    columns: dict[str, Any] = {name: sampled.columns[name].ravel().tolist() for name in COLUMNS}
    return pb.Chunk(
        first_step=first,
        n=len(chunk.step),
        loss=chunk.columns["loss"].tolist(),
        loss_source=chunk.columns["loss_source"].tobytes(),
        sampled=pb.Sampled(row=(sampled.step - first).tolist(), **columns),
    )


def heard(signals: Signals) -> list[pb.WatchResponse]:
    """Send the run to a monitor, and return all that it answers."""

    async def story() -> list[pb.WatchResponse]:
        disk: Any = Disk()
        router = LocalRouter(store=disk, decode=decode, catalogues=Catalogues())
        async with service(router) as it:
            committing = asyncio.create_task(router.run())
            answers = await everything(it.watch(), spoken(signals))
            committing.cancel()
            return answers

    return run(story())


def test_a_client_that_samples_little_is_asked_for_more_when_something_begins() -> None:
    """And acknowledged as ever; one that samples every step is asked for nothing."""
    few, all_of_them = heard(collapsed().sparse(10)), heard(collapsed())

    wishes = [each.wish.steps for each in few if each.HasField("wish")]
    assert wishes
    assert set(wishes) == {12}
    assert few[-1].ack.durable_sequence == all_of_them[-1].ack.durable_sequence
    assert not any(each.HasField("wish") for each in all_of_them)
