"""Whatever is wrong with a message is said in a sentence, counted, and harms nobody else."""

import gzip
import random

import grpc
import pytest

from flatline.v1 import monitor_pb2 as pb
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.ingest.reasons import REASONS, Reason
from flatline_monitor.ingest.refusals import LOG_SECONDS, Refusals
from flatline_monitor.runs.records import RefusedError
from tests.monitor.ingest.memory_router import MemoryRouter
from tests.monitor.ingest.talk import Service, everything, refused, run, say, service
from tests.monitor.ingest.wire import chunk, end, evaluation, hello, model, variables

KNOWN = (hello(), variables(1))
HELLO_INVALID = [
    ("invalid_hello", [hello(run_id="")], "hello.run_id is empty"),
    ("invalid_hello", [hello(5)], "first message has sequence 5"),
    ("invalid_hello", [chunk(1)], "first message is chunk"),
    ("invalid_hello", [hello(rank=3, world_size=2)], "rank is 3 of 2"),
    ("invalid_hello", [hello(world_size=5000)], "world_size: 5000; at most 1024"),
    ("invalid_hello", [hello(plan_steps=2**63)], "plan_steps"),
    ("invalid_hello", [hello(), hello(1, run_id="other")], "a stream of its own"),
    ("invalid_name", [hello(run_id="../etc")], "'../etc' is no run id"),
    ("invalid_name", [hello(run_id="a" * 65)], "no run id"),
    ("invalid_name", [hello(run_id="a\n")], "no run id"),
    ("invalid_name", [hello(name="n" * 129)], "hello.name"),
    ("invalid_name", [hello(project="a\x00b")], "control character"),
    ("invalid_name", [hello(user="a\u2028b")], "control character"),
    ("invalid_name", [hello(tags={"k" * 65: "v"})], "65 bytes; at most 64"),
    ("invalid_name", [hello(tags={"k": "v" * 257})], "257 bytes; at most 256"),
    ("invalid_name", [hello(tags={"": "v"})], "is empty"),
    ("too_many_tags", [hello(tags={str(i): "" for i in range(33)})], "hello.tags: 33; at most 32"),
    ("invalid_hello", [hello(quiet=["x"] * 65)], "hello.quiet: 65; at most 64"),
    ("invalid_name", [hello(quiet=[""])], "hello.quiet is empty"),
    ("too_many_classes", [hello(class_count=2**21)], "class_count"),
    ("protocol_version", [hello(protocol=2)], "version 2 of the protocol, this monitor version 1"),
    ("protocol_version", [hello(protocol=0, run_id="")], "version 0"),
]
RECORDS_INVALID = [
    ("undecodable", [b"\xff\xff\xff"], "3 bytes that are no flatline.v1.WatchRequest"),
    ("undecodable", [hello(), pb.WatchRequest(sequence=1).SerializeToString()], "without content"),
    ("out_of_order", [*KNOWN, chunk(0)], "sequence 0"),
    ("out_of_order", [*KNOWN, chunk(2**63)], "sequence 9223372036854775808"),
    ("too_large", [hello(), b"\x00" * 9000], "a message of 9000 bytes; at most 8192"),
    ("invalid_variables", [hello(), variables(1, revision=0)], "revision is 0"),
    (
        "invalid_variables",
        [hello(), variables(1, variables=[pb.Variable(path="p", shape=[2**40, 2**40])])],
        "2**62 elements",
    ),
    ("invalid_name", [hello(), variables(1, variables=[pb.Variable()])], "path is empty"),
    ("too_many_variables", [hello(), variables(1, count=41)], "variables: 41; at most 40"),
    ("too_many_variables", [hello(), variables(1, inputs=1025)], "1025; at most 1024"),
    (
        "too_many_variables",
        [hello(), variables(1, untrained=[pb.Untrained(path="p")] * 41)],
        "variables.untrained: 41; at most 40",
    ),
    (
        "too_many_variables",
        [hello(), variables(1, activations=[pb.Activation(layer="l")] * 41)],
        "variables.activations: 41; at most 40",
    ),
    (
        "invalid_name",
        [hello(), variables(1, untrained=[pb.Untrained()])],
        "untrained.path is empty",
    ),
    ("invalid_name", [hello(), variables(1, activations=[pb.Activation()])], "layer is empty"),
    ("invalid_evaluation", [hello(), evaluation(1, step=-1)], "evaluation.step is -1"),
    ("invalid_evaluation", [hello(), evaluation(1, n=2**63)], "evaluation.n"),
    (
        "too_many_metrics",
        [hello(), evaluation(1, metrics={str(i): 0.0 for i in range(65)})],
        "65; at most 64",
    ),
    ("invalid_name", [hello(), evaluation(1, metrics={"": 1.0})], "is empty"),
    ("invalid_end", [hello(), end(1, status=0)], "finished (1), failed (2)"),
    ("invalid_end", [hello(), end(1, step=-5)], "end.step is -5"),
]
SCALARS = [pb.Scalar(name=f"s{i}") for i in range(513)]
CHUNK_INVALID = [
    ("invalid_chunk", chunk(n=0), "n is 0"),
    ("invalid_chunk", chunk(n=4097), "4097; at most 4096"),
    ("invalid_chunk", chunk(first_step=-1), "first_step is -1"),
    ("invalid_chunk", chunk(loss=[1.0]), "loss has 1 entries; by its axes it should have 4"),
    ("invalid_chunk", chunk(loss_source=bytes([4] * 4)), "loss_source holds 4"),
    ("invalid_chunk", chunk(loss_source=b"\x01"), "loss_source has 1 entries"),
    ("invalid_chunk", chunk(epoch=[1] * 5), "epoch has 5 entries"),
    ("invalid_chunk", chunk(learning_rate_row=[1], learning_rate=[]), "learning_rate has 0"),
    ("invalid_chunk", chunk(learning_rate_row=[2, 1], learning_rate=[1, 2]), "must ascend"),
    ("invalid_chunk", chunk(sampled={"row": [4]}), "sampled.row must ascend and stay below n"),
    ("invalid_chunk", chunk(sampled={"row": [1, 1], "grad_norm": [0] * 6}), "must ascend"),
    ("invalid_chunk", chunk(sampled={"row": []}), "grad_norm[row, variable] has 3 entries"),
    ("invalid_chunk", chunk(sampled={"grad_norm": [1, 2]}), "has 2 entries; by its axes"),
    ("invalid_chunk", chunk(sampled={"revision": 2}), "revision is 2; the variables last sent"),
    ("invalid_chunk", chunk(sampled={"data_loss": [1, 2]}), "data_loss has 2"),
    ("invalid_chunk", chunk(sampled={"grad_zero_share": [1, 2]}), "grad_zero_share[row, variable]"),
    ("invalid_chunk", chunk(sampled={"skipped": [3]}), "skipped holds 3; a reason is 0 to 2"),
    ("too_many_classes", chunk(sampled={"label_bucket_count": [1] * 257}), "257; at most 256"),
    (
        "invalid_chunk",
        chunk(sampled={"activation_mean": [1.0]}),
        "activation_mean[row, activation] has 1 entries; by its axes it should have 0",
    ),
    ("invalid_chunk", chunk(sampled={"input_mean": [1, 2]}), "input_mean[row, input] has 2"),
    (
        "invalid_chunk",
        chunk(sampled={"label_count": [1, 2], "correct_count": [1, 2, 3]}),
        "correct_count[row, class] has 3 entries; by its axes it should have 2",
    ),
    ("too_many_classes", chunk(sampled={"label_count": [1] * 257}), "257; at most 256"),
    ("invalid_chunk", chunk(scalars=[pb.Scalar(name="a", row=[0])]), "value has 0"),
    ("invalid_chunk", chunk(scalars=[pb.Scalar(name="a", value=[0] * 3)]), "should have 4"),
    ("invalid_chunk", chunk(scalars=[pb.Scalar(name="a"), pb.Scalar(name="a")]), "comes twice"),
    ("invalid_name", chunk(scalars=[pb.Scalar(name="a" * 65)]), "at most 64"),
    ("too_many_metrics", chunk(scalars=SCALARS), "513; at most 512"),
    ("invalid_model", model(layers=[pb.Layer(name="a")] * 257), "model.layers: 257; at most 256"),
    ("invalid_model", model(inputs=[pb.Array(shape=[1] * 33)]), "model.inputs.shape: 33; at most"),
    ("invalid_name", model(loss=pb.Loss(name="a\n")), "model.loss.name 'a\\n' holds a control"),
]
SMALL = Limits(message_bytes=8192, variables=40)
"""Small enough for the messages that break them to be small as well."""


async def healthy(it: Service) -> None:
    """The next client is served as if nothing had happened."""
    answers = await everything(it.watch(), [hello(run_id="next"), variables(1), chunk(2)])
    assert answers[-1].ack.durable_sequence == 2


@pytest.mark.parametrize(
    ("reason", "messages", "words"),
    [*HELLO_INVALID, *RECORDS_INVALID, *((r, [*KNOWN, m], w) for r, m, w in CHUNK_INVALID)],
)
def test_a_bad_message_is_refused_with_its_reason(
    reason: str, messages: list[bytes], words: str
) -> None:
    """Status, sentence and counter agree, and the service goes on."""

    async def story() -> None:
        roomy = len(max(messages, key=len)) > 9000
        async with service(limits=Limits() if roomy else SMALL) as it:
            code, details = await refused(it.watch(), messages)

            assert (code, words in details) == (REASONS[Reason(reason)], True), details
            assert {r: n for r, n in it.refusals.counts().items() if n} == {reason: 1}
            await healthy(it)

    run(story())


def test_every_reason_is_counted_from_zero() -> None:
    """A dashboard shows a reason before it ever happened."""
    assert Refusals().counts() == dict.fromkeys((str(reason) for reason in REASONS), 0)


def test_a_reason_that_nobody_knows_counts_as_our_own_fault() -> None:
    """A new refusal of the engine does not break the service."""
    refusals = Refusals()

    assert refusals.count(RefusedError("novel", "so"), peer="p") is grpc.StatusCode.INTERNAL
    assert refusals.counts()["internal"] == 1


def test_a_flood_of_refusals_is_one_line_in_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """A client gone mad does not fill the disk with the log."""
    now = [0.0]
    refusals = Refusals(clock=lambda: now[0])
    for _ in range(1000):
        refusals.count(RefusedError("undecodable", "junk"), peer="p")
    now[0] = LOG_SECONDS
    refusals.count(RefusedError("undecodable", "junk"), peer="p")

    lines = capsys.readouterr().out.splitlines()

    assert len(lines) == 2
    assert "refusals=1000" in lines[1].replace("\x1b[0m", "").replace("\x1b[35m", "")


def test_a_stream_that_says_nothing_is_ended() -> None:
    """Holding a connection open costs a stranger more than it costs us."""

    async def story() -> None:
        async with service(limits=Limits(hello_seconds=1)) as it:
            call = it.watch()

            assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert it.refusals.counts()["no_hello"] == 1

    run(story())


def test_too_many_streams_are_asked_to_come_again() -> None:
    """The limit is on open streams: when one closes, the next is taken."""

    async def story() -> None:
        async with service(limits=Limits(streams=1)) as it:
            first = it.watch()
            await say(first, hello())

            assert (await refused(it.watch(), [hello()]))[0] is grpc.StatusCode.UNAVAILABLE
            assert it.refusals.counts()["too_many_streams"] == 1

            await everything(first, [])
            await healthy(it)

    run(story())


def test_too_many_runs_are_refused_by_the_router() -> None:
    """What the router refuses reaches the client like any refusal."""

    async def story() -> None:
        async with service(MemoryRouter(max_runs=1)) as it:
            await everything(it.watch(), [hello()])

            code, details = await refused(it.watch(), [hello(run_id="second")])

            assert (code, details) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "1 runs are open")

    run(story())


def test_a_message_that_grows_beyond_the_limit_is_never_unpacked() -> None:
    """A hundred mebibytes of zeros in a few bytes are refused by gRPC itself."""

    async def story() -> None:
        async with service() as it:
            call = it.watch(compression=grpc.Compression.Gzip)
            await say(call, hello())
            bomb = bytes(100 * 2**20)
            assert len(gzip.compress(bomb, 1)) < 2**20

            assert (await refused(call, [bomb]))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
            await healthy(it)

    run(story())


def test_garbage_never_ends_the_service() -> None:
    """Random bytes are refused or, where they happen to mean something harmless, taken."""
    dice = random.Random(7)  # noqa: S311 - the same garbage each time
    good = chunk(2)

    async def story() -> None:
        async with service() as it:
            for _ in range(150):
                spoilt = bytearray(good)
                for _ in range(dice.randrange(1, 8)):
                    spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
                code, _ = await refused(it.watch(), [*KNOWN, bytes(spoilt)])
                assert code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)
            assert it.refusals.counts()["internal"] == 0
            await healthy(it)

    run(story())


def test_a_refused_stream_may_come_back() -> None:
    """What was taken before the refusal is not asked for again."""

    async def story() -> None:
        async with service() as it:
            await refused(it.watch(), [hello(), variables(1), chunk(2, n=0)])
            call = it.watch()

            assert (await say(call, hello())).welcome.next_sequence == 2
            assert (await say(call, chunk(2))).WhichOneof("message") == "ack"

    run(story())
