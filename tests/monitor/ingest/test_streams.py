"""A stream from its hello to its end, over real gRPC."""

import grpc

from flatline.v1 import monitor_pb2 as pb
from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport
from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.detectors.contract import Evidence, Severity
from flatline_monitor.diagnosis.contract import Cause, Remedy
from flatline_monitor.runs.records import StreamKey
from tests.monitor.ingest.memory_router import MemoryRouter
from tests.monitor.ingest.talk import answer, everything, refused, run, say, service, until
from tests.monitor.ingest.wire import chunk, end, hello, variables

RUN = StreamKey("brave-otter-1a2b", 0, 0)
ALERT = AlertReport(
    run_id=RUN.run_id,
    detector="no_skill",
    severities=(Severity.WARNING,),
    state=State.FIRING,
    severity=Severity.WARNING,
    since_step=3,
    last_step=9,
    summary="No skill.",
    evidence=(Evidence("skill", float("nan"), 0.1), Evidence("steps", 9.0)),
    variables=(),
    transition_at=1.0,
)


def test_a_run_is_welcomed_and_acknowledged() -> None:
    """The welcome says where to go on, what is taken, and where people may look."""

    async def story() -> None:
        async with service() as it:
            answers = await everything(it.watch(), [hello(), variables(1), chunk(2), end(3)])

            welcome = answers[0].welcome
            assert (welcome.protocol, welcome.monitor_version) == (1, "1.2.3")
            assert (welcome.next_sequence, welcome.limits.chunk_steps) == (1, 4096)
            assert welcome.run_url == "http://monitor/runs/brave-otter-1a2b"
            assert answers[-1].ack == pb.Ack(received_sequence=3, durable_sequence=3)
            assert [sequence for _, sequence, _ in it.router.journal] == [1, 2, 3]
            assert it.servicer.streams == 0
            assert not it.router.listeners

    run(story())


def test_the_stream_ends_when_its_last_record_is_durable() -> None:
    """A half-close while the commit is still going on loses no acknowledgement."""

    async def story() -> None:
        async with service(MemoryRouter(commit_seconds=0.3)) as it:
            answers = await everything(it.watch(), [hello(), variables(1), chunk(2)])

            assert answers[-1].ack.durable_sequence == 2

    run(story())


def test_a_finding_comes_before_the_ack_of_what_caused_it() -> None:
    """Evidence without a limit is context; nan travels."""

    async def story() -> None:
        async with service(MemoryRouter(tell_on_first=ALERT)) as it:
            answers = await everything(it.watch(), [hello(), variables(1)])

            assert [each.WhichOneof("message") for each in answers][:3] == [
                "welcome",
                "finding",
                "ack",
            ]
            finding = answers[1].finding
            assert finding.state == pb.ALERT_STATE_FIRING
            assert (finding.since_step, finding.step) == (3, 9)
            assert finding.severity == pb.SEVERITY_WARNING
            assert [each.HasField("limit") for each in finding.evidence] == [True, False]

    run(story())


def test_the_last_word_comes_before_the_ack_that_lets_the_client_go() -> None:
    """With what explains it and what to do; no more of it than a client will read."""
    remedy = Remedy("r" * 3000, "c" * 5000)
    cause = Cause("learning_rate_too_high", "the rate", 0.75, ("for",), ("against",), remedy)
    verdict = RunVerdict(Level.SICK, "s" * 3000, closing=True)

    async def story() -> None:
        async with service(MemoryRouter(conclude_on_end=(verdict, (cause,) * 4))) as it:
            answers = await everything(it.watch(), [hello(), variables(1), end(2)])

            told = next(each.verdict for each in answers if each.HasField("verdict"))
            assert answers[-1].ack.durable_sequence == 2
            assert (told.level, told.closing) == (pb.VERDICT_LEVEL_SICK, True)
            assert (len(told.sentence), len(told.causes)) == (2000, 3)
            first = told.causes[0]
            assert (first.name, first.title, first.weight) == (cause.name, "the rate", 0.75)
            assert (len(first.remedy), len(first.code)) == (2000, 4000)

    run(story())


def test_a_repeated_record_is_acknowledged_again_and_not_taken_twice() -> None:
    """Else a client that did not hear the first ack would wait for ever."""

    async def story() -> None:
        async with service() as it:
            await everything(it.watch(), [hello(), variables(1), chunk(2)])
            answers = await everything(it.watch(), [hello(), variables(1), chunk(2)])

            assert answers[0].welcome.next_sequence == 3
            assert answers[-1].ack.durable_sequence == 2
            assert len(it.router.journal) == 2

    run(story())


def test_idle_streams_do_not_keep_others_waiting() -> None:
    """Three hundred trainings between two samples cost the next one nothing."""

    async def story() -> None:
        async with service() as it:
            idle = [it.watch() for _ in range(300)]
            for number, call in enumerate(idle):
                await say(call, hello(run_id=f"idle-{number}"))

            answers = await everything(it.watch(), [hello(), variables(1), chunk(2)])

            assert answers[-1].ack.durable_sequence == 2
            assert it.servicer.streams == 300
            for call in idle:
                call.cancel()

    run(story())


def test_a_second_stream_of_the_same_rank_ends_the_first() -> None:
    """A client that lost its connection is not kept out by what is left of the old one."""

    async def story() -> None:
        async with service() as it:
            first, second = it.watch(), it.watch()
            await say(first, hello(), variables(1))

            answers = await everything(second, [hello(), variables(1), chunk(2)])

            code, details = await refused(first, [])
            assert (code, "run id" in details) == (grpc.StatusCode.ABORTED, True)
            assert answers[-1].ack.durable_sequence == 2
            assert it.refusals.counts()["superseded"] == 1

    run(story())


def test_a_client_that_vanishes_leaves_nothing_behind() -> None:
    """Its stream is closed; its run may come back."""

    async def story() -> None:
        async with service() as it:
            call = it.watch()
            await say(call, hello(), variables(1))
            call.cancel()
            await until(lambda: it.servicer.streams == 0)

            assert not it.router.listeners

    run(story())


def test_draining_acknowledges_what_was_taken_and_sends_clients_away() -> None:
    """Nobody has to repeat what this process has made durable."""

    async def story() -> None:
        async with service(MemoryRouter(commit_seconds=0.2)) as it:
            call = it.watch()
            await say(call, hello(), variables(1), chunk(2))
            await until(lambda: len(it.router.journal) == 2)
            it.servicer.drain()

            ack = (await answer(call)).ack
            while ack.durable_sequence < 2:
                ack = (await answer(call)).ack
            assert await call.code() is grpc.StatusCode.UNAVAILABLE
            assert "shutting down" in await call.details()
            assert (await refused(it.watch(), [hello()]))[0] is grpc.StatusCode.UNAVAILABLE

    run(story())


class BrokenRouter(MemoryRouter):
    """A router with a fault."""

    async def submit(self, *_: object) -> None:
        message = "secret detail"
        raise ZeroDivisionError(message)


def test_a_fault_of_ours_is_told_as_ours() -> None:
    """The client hears that the monitor failed, and nothing of what is inside."""

    async def story() -> None:
        async with service(BrokenRouter()) as it:
            code, details = await refused(it.watch(), [hello(), variables(1)])

            assert (code, "secret" in details) == (grpc.StatusCode.INTERNAL, False)
            assert it.refusals.counts()["internal"] == 1

    run(story())
