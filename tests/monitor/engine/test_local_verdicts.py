"""Who hears how a run is, and when."""

import asyncio
import dataclasses
import itertools

import pytest

from flatline_monitor.runs.records import EndStatus, StreamKey
from tests.monitor.engine.test_local import Client, Disk, opened, raw_of, router_on, story, until
from tests.signals import HEALTHY, HELLO, SICK, STREAM

CUTS = range(0, 400, 40)
ILL = SICK["no_skill"].records(CUTS, EndStatus.FINISHED)
WELL = HEALTHY["learns"].records(CUTS, EndStatus.FINISHED)


async def send(router, records, first=1, stream=STREAM):
    for number, record in enumerate(records, first):
        await router.submit(stream, number, record, raw_of(number, record))


@pytest.mark.parametrize("illness", ["no_skill", "gradient_explosion"])
def test_each_change_of_the_level_is_told_and_the_end_always(illness):
    """Once each, and the last word before the end is durable: the client leaves after that."""
    records = SICK[illness].records(CUTS, EndStatus.FINISHED)

    async def tell():
        client, levels = Client(), ["healthy"]
        router = router_on(Disk())
        await opened(router, client)
        for number, record in enumerate(records, 1):
            await send(router, [record], number)
            levels.append(router.report(HELLO.run_id).verdict.level.value)
        changes = [now for before, now in itertools.pairwise(levels) if now != before]
        assert changes
        assert client.verdicts == [(level, False) for level in changes] + [(changes[-1], True)]
        assert client.durable == 0

    story(tell())


def test_a_healthy_run_hears_one_verdict_at_its_end():
    """And nobody is asked for a report at each chunk before it: that would cost too much."""

    async def tell():
        client, asked = Client(), []
        router = router_on(Disk())
        await opened(router, client)
        report = router.report

        def counted(run_id):
            asked.append(run_id)
            return report(run_id)

        router.report = counted
        await send(router, WELL[:-1])
        assert (client.verdicts, asked) == ([], [])
        await send(router, WELL[-1:], len(WELL))
        assert client.verdicts == [("healthy", True)]

    story(tell())


@pytest.mark.parametrize(
    ("records", "heard"),
    [
        (ILL[:-1], [("sick", False)]),
        (WELL[:-1], []),
        (ILL, [("sick", True)]),
        (WELL, [("healthy", True)]),
    ],
    ids=["sick", "healthy", "sick and over", "healthy and over"],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_client_that_comes_back_hears_how_the_run_is(records, heard, restarted):
    """Also from a monitor that was restarted: the end may not have been acknowledged."""

    async def tell():
        disk, again = Disk(), Client()
        router = router_on(disk)
        await opened(router, Client())
        await send(router, records)
        await router.drain()
        if restarted:
            router = router_on(disk)
            router.restore([disk.remembered()])
        await opened(router, again)
        assert again.verdicts == heard

    story(tell())


def test_only_rank_0_hears_it():
    """Of several ranks that one is judged, and has the log that people read."""

    async def tell():
        first, second = Client(), Client()
        router = router_on(Disk())
        await opened(router, first)
        await opened(router, second, dataclasses.replace(HELLO, rank=1))
        await send(router, ILL)
        await send(router, ILL[-1:], stream=StreamKey(HELLO.run_id, 0, 1))
        assert first.verdicts[-1] == ("sick", True)
        assert second.verdicts == []

    story(tell())


def test_a_further_fit_has_a_last_word_of_its_own():
    """As the run opens again the client hears that the last word was not the last."""

    async def tell():
        client = Client()
        router = router_on(Disk())
        await opened(router, client)
        await send(router, ILL)
        further = dataclasses.replace(HELLO, fit=1, plan_steps=None)
        await send(router, [further, ILL[-1]], len(ILL) + 1)
        assert client.verdicts == [("sick", False), ("sick", True)] * 2

    story(tell())


@pytest.mark.parametrize("reconnects", [False, True])
def test_a_run_that_falls_silent_is_suspicious_until_it_goes_on(reconnects):
    """Who listens hears both; who comes back is not told that it is away."""

    async def tell():
        clock, client = [1_000.0], Client()
        router = router_on(Disk(), now=lambda: clock[0])
        await opened(router, client)
        await send(router, WELL[:-2])
        task = asyncio.create_task(router.run())
        clock[0] += 3600
        await until(lambda: client.verdicts)
        task.cancel()
        assert client.verdicts == [("suspicious", False)]
        if reconnects:
            router.close(STREAM, client)
            client = Client()
            await opened(router, client)
        before = list(client.verdicts)
        await send(router, WELL[-2:], len(WELL) - 1)
        assert before == ([] if reconnects else [("suspicious", False)])
        assert client.verdicts == [*before, ("healthy", False), ("healthy", True)]

    story(tell())
