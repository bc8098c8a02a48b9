"""Streams, acknowledgements and the store, around the core."""

import asyncio
import contextlib
import dataclasses
import pickle

import pytest

from flatline_monitor.detectors.catalogue import Catalogues
from flatline_monitor.engine.codec import VERSION
from flatline_monitor.engine.local import LocalRouter
from flatline_monitor.runs.journal import Entry, Remembered, Snapshot
from flatline_monitor.runs.records import EndStatus, RefusedError
from tests.signals import HELLO, SICK, STREAM

RECORDS = SICK["no_skill"].records(range(0, 400, 40), EndStatus.FINISHED)


class Disk:
    """A store in memory that can be full; `raw` of an entry is the pickled record itself."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.snapshots: list[Snapshot] = []
        self.full = False

    async def commit(self, entries, snapshots, reports):
        await asyncio.sleep(0)
        if self.full:
            msg = "no space left on device"
            raise OSError(msg)
        self.entries += entries
        self.snapshots += snapshots

    def remembered(self) -> Remembered:
        snapshot = self.snapshots[-1] if self.snapshots else None
        after = snapshot.entries if snapshot else 0
        return Remembered(HELLO.run_id, snapshot, self.entries[after:], lambda: self.entries)


class Client:
    """Listens to one stream, and sends it."""

    def __init__(self) -> None:
        self.received = self.durable = 0
        self.told: list[tuple[str, str]] = []
        self.verdicts: list[tuple[str, bool]] = []
        self.wishes: list[int] = []

    def acknowledge(self, received, durable):
        assert received >= self.received
        assert durable >= self.durable
        self.received, self.durable = received, durable

    def tell(self, report):
        self.told.append((report.detector, report.state.value))

    def conclude(self, verdict, causes):
        self.verdicts.append((verdict.level.value, verdict.closing))

    def wish(self, steps):
        self.wishes.append(steps)

    async def send(self, router, numbers):
        for number in numbers:
            record = RECORDS[number - 1]
            await router.submit(STREAM, number, record, raw_of(number, record))


def raw_of(number, record):
    return pickle.dumps((number, record))


def router_on(disk, now=lambda: 1.0, **options) -> LocalRouter:
    return LocalRouter(
        store=disk, decode=pickle.loads, catalogues=Catalogues(), clock=now, **options
    )


async def opened(router, client, hello=HELLO):
    return await router.open(hello, raw_of(0, hello), client)


def story(coroutine):
    """Run an example of an event loop."""
    asyncio.run(coroutine)


def alerts(router):
    return [(a.detector, a.state, a.severity) for a in router.report(HELLO.run_id).alerts]


def test_nothing_is_durable_before_the_commit():
    """Received at once, durable when the store has it."""

    async def tell():
        disk, client = Disk(), Client()
        router = router_on(disk)
        assert await opened(router, client) == 1
        await client.send(router, [1, 2, 3])
        assert (client.received, client.durable, disk.entries) == (3, 0, [])
        await router.drain()
        assert (client.received, client.durable, len(disk.entries)) == (3, 3, 4)

    story(tell())


def test_what_came_twice_is_acknowledged_again_and_not_fed_again():
    """A client that resends gets its acknowledgement, and the run stays as it was."""

    async def tell():
        disk, client = Disk(), Client()
        router = router_on(disk)
        await opened(router, client)
        await client.send(router, [1, 2, 3])
        await router.drain()
        before = router.report(HELLO.run_id)
        again = Client()
        assert await opened(router, again) == 4
        await again.send(router, [2, 3])
        assert (again.received, again.durable) == (3, 3)
        assert router.counters.duplicates == 2
        assert router.report(HELLO.run_id) == before

    story(tell())


def test_numbers_that_never_came_are_counted():
    """A client that lost records goes on after the hole."""

    async def tell():
        client = Client()
        router = router_on(Disk())
        await opened(router, client)
        await client.send(router, [1, 5])
        assert (router.counters.gaps, client.received) == (3, 5)

    story(tell())


@pytest.mark.parametrize("crash_after", range(1, len(RECORDS) + 1))
def test_a_restart_continues_every_run_and_alert(crash_after):
    """Whatever was durable is there again, and what follows gives the same alerts."""

    async def tell():
        disk, client = Disk(), Client()
        router = router_on(disk)
        await opened(router, client)
        await client.send(router, range(1, crash_after + 1))
        await router.drain()
        before = router.report(HELLO.run_id)

        again = router_on(disk)
        again.restore([disk.remembered()])
        assert again.report(HELLO.run_id) == before
        assert await opened(again, client) == crash_after + 1
        await client.send(again, range(crash_after + 1, len(RECORDS) + 1))

        whole = router_on(Disk())
        await opened(whole, Client())
        await Client().send(whole, range(1, len(RECORDS) + 1))
        assert alerts(again) == alerts(whole)

    story(tell())


def test_a_full_disk_acknowledges_nothing_and_loses_nothing():
    """The next commit holds what the failed one did."""

    async def tell():
        disk, client = Disk(), Client()
        router = router_on(disk)
        await opened(router, client)
        disk.full = True
        await client.send(router, [1, 2])
        with contextlib.suppress(OSError):
            await router.drain()
        assert client.durable == 0
        disk.full = False
        await client.send(router, [3])
        await router.drain()
        assert client.durable == 3
        assert [entry.sequence for entry in disk.entries] == [0, 1, 2, 3]

    story(tell())


def test_a_client_hears_of_alerts_and_hears_of_them_again():
    """As they begin, and those that fire when it comes back."""

    async def tell():
        client, again = Client(), Client()
        router = router_on(Disk())
        await opened(router, client)
        await client.send(router, range(1, len(RECORDS)))
        assert ("no_skill", "firing") in client.told
        router.close(STREAM, client)
        await opened(router, again)
        assert set(again.told) == set(client.told)
        assert ("no_skill", "firing") in again.told

    story(tell())


def test_a_silent_run_is_marked_and_comes_back():
    """Stalled after a minute, running again with the next record; the mark is in the journal."""

    async def tell():
        clock = [1_000.0]
        disk, client = Disk(), Client()
        router = router_on(disk, now=lambda: clock[0])
        await opened(router, client)
        await client.send(router, [1, 2])
        task = asyncio.create_task(router.run())
        clock[0] += 61
        await until(lambda: router.report(HELLO.run_id).state == "stalled")
        await until(lambda: disk.entries and disk.entries[-1].raw == b"")
        await client.send(router, [3])
        assert router.report(HELLO.run_id).state == "running"
        task.cancel()

    story(tell())


async def until(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


def test_too_many_runs_are_refused_with_a_sentence():
    """And one that ended makes room."""

    async def tell():
        router = router_on(Disk(), max_runs=1)
        await opened(router, Client())
        other = dataclasses.replace(HELLO, run_id="run-2")
        with pytest.raises(RefusedError, match="watches 1 runs") as error:
            await opened(router, Client(), other)
        assert error.value.reason == "too_many_runs"
        await Client().send(router, range(1, len(RECORDS) + 1))
        assert await opened(router, Client(), other) == 1

    story(tell())


def test_a_snapshot_of_another_version_is_never_asked_for():
    """Snapshots carry the codec's version, so that a store can leave others out."""

    async def tell():
        disk, client = Disk(), Client()
        router = router_on(disk)
        await opened(router, client)
        await client.send(router, [1, 2])
        await router.drain()
        assert [(s.version, s.entries) for s in disk.snapshots] == [(VERSION, 3)]

    story(tell())


def test_a_snapshot_that_cannot_be_read_is_done_without():
    """The journal is the truth: the run is what it was, and the service starts."""

    async def tell():
        disk, client = Disk(), Client()
        router = router_on(disk)
        await opened(router, client)
        await client.send(router, range(1, 6))
        await router.drain()
        before = router.report(HELLO.run_id)
        disk.snapshots[-1] = dataclasses.replace(disk.snapshots[-1], blob=b"not a zip file")

        again = router_on(disk)
        again.restore([disk.remembered()])
        assert again.report(HELLO.run_id) == before

    story(tell())
