"""Of many news one stream is told the newest, and never misses the last."""

import asyncio

from flatline.v1 import monitor_pb2 as pb
from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.ingest.outbox import Outbox
from tests.monitor.ingest.talk import run
from tests.monitor.reports import firing_alert


def test_an_ack_that_comes_during_a_write_is_not_lost() -> None:
    """The stream was closed while an earlier ack was being written."""
    written = []

    async def story() -> None:
        outbox, writing = Outbox(), asyncio.Event()

        async def write(message: bytes) -> None:
            written.append(pb.WatchResponse.FromString(message).ack)
            writing.set()
            await asyncio.sleep(0.01)

        pump = asyncio.create_task(outbox.pump(write))
        outbox.acknowledge(1, 0)
        await writing.wait()
        outbox.finish(2)
        outbox.acknowledge(2, 2)
        await pump

    run(story())
    assert [(ack.received_sequence, ack.durable_sequence) for ack in written] == [(1, 0), (2, 2)]


def test_many_acks_become_one() -> None:
    """A client that reads slowly is told the newest numbers, not all of them."""
    written = []

    async def story() -> None:
        outbox = Outbox()
        for sequence in range(1, 500):
            outbox.acknowledge(sequence, sequence - 1)
        outbox.finish(498)

        async def write(message: bytes) -> None:
            written.append(message)

        await outbox.pump(write)

    run(story())
    assert len(written) == 1


def test_a_client_hears_the_newest_verdict_before_it_may_leave() -> None:
    """Also when the last verdict, finding and ack come during a write; older ones are left out.

    So it is with wishes.
    """
    written: list[pb.WatchResponse] = []

    async def story() -> None:
        outbox = Outbox()

        async def write(message: bytes) -> None:
            written.append(pb.WatchResponse.FromString(message))
            if len(written) == 1:
                outbox.conclude(RunVerdict(Level.SICK, "sick"), ())
                outbox.conclude(RunVerdict(Level.HEALTHY, "after all", closing=True), ())
                outbox.tell(firing_alert("no_skill"))
                outbox.wish(10)
                outbox.wish(20)
                outbox.acknowledge(3, 3)

        outbox.finish(3)
        outbox.conclude(RunVerdict(Level.SUSPICIOUS, "hm"), ())
        outbox.acknowledge(2, 2)
        await outbox.pump(write)

    run(story())
    kinds = [each.WhichOneof("message") for each in written]
    assert kinds == ["verdict", "finding", "verdict", "wish", "ack"]
    assert [each.verdict.sentence for each in written if each.HasField("verdict")] == [
        "hm",
        "after all",
    ]
    assert [each.wish.steps for each in written if each.HasField("wish")] == [20]
