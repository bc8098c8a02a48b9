"""Run tells the monitor what the loop told it, and never disturbs the loop."""

from typing import Any

import numpy as np
import pytest

from flatline import Run
from flatline.rows import EXACT, Axes, Description, Health, Rows, Variable
from flatline.v1 import monitor_pb2
from tests.client.made import Made
from tests.client.peer import Memory, Peer, Script


def lines(caplog: pytest.LogCaptureFixture, start: str = "flatline: ") -> list[str]:
    """Return what was said in the training's log, from a word on."""
    return [r.getMessage() for r in caplog.records if r.getMessage().startswith(start)]


def chunks(memory: Memory) -> list[monitor_pb2.Chunk]:
    return [record.chunk for record in memory.records if record.HasField("chunk")]


def test_all_that_a_loop_tells_arrives(peer: Peer) -> None:
    """The numbers of log, evaluate and the constructor are those that the monitor gets."""
    with Run(
        peer.target,
        name="cifar",
        project="vision",
        tags={"gpu": "a100"},
        plan_steps=4,
        variables=["w", Variable("b", role="bias", shape=(3,))],
        task="regression",
    ) as run:
        for step in range(4):
            sampled = {"grad_norm": [1.0, 2.0], "global_grad_norm": 3.0} if step == 2 else None
            run.log(step, loss=step / 2, learning_rate=0.1, epoch=1, sampled=sampled, acc=0.5)
        run.evaluate(4, epoch=1, n=10, loss=0.25)

    memory = peer.memory
    hello, first = memory.hellos[0], chunks(memory)[0]
    assert (hello.run_id, hello.name, hello.project) == (run.run_id, "cifar", "vision")
    assert (hello.plan_steps, hello.task, hello.incarnation) == (4, monitor_pb2.TASK_REGRESSION, 0)
    assert [v.path for v in memory.records[0].variables.variables] == ["w", "b"]
    assert memory.steps == [0, 1, 2, 3]
    assert [loss for chunk in chunks(memory) for loss in chunk.loss] == [0.0, 0.5, 1.0, 1.5]
    assert first.n == 1
    assert list(first.learning_rate) == [pytest.approx(0.1)]
    assert not any(chunk.learning_rate for chunk in chunks(memory)[1:])
    measured = next(chunk for chunk in chunks(memory) if chunk.HasField("sampled"))
    assert [measured.first_step + row for row in measured.sampled.row] == [2]
    assert (list(measured.sampled.grad_norm), measured.sampled.revision) == ([1.0, 2.0], 1)
    assert [scalar.name for scalar in measured.scalars] == ["acc"]
    assert set(measured.loss_source) == {monitor_pb2.LOSS_SOURCE_AS_LOGGED}
    assert memory.records[-2].evaluation.metrics == {"loss": 0.25}
    end = memory.records[-1].end
    assert (end.status, end.step) == (monitor_pb2.END_STATUS_FINISHED, 4)


def test_steps_travel_in_batches(peer: Peer) -> None:
    """The first step goes at once, the others by the 64: the monitor's cost is per message."""
    with Run(peer.target) as run:
        for step in range(200):
            run.log(step, loss=1.0)

    sizes = [chunk.n for chunk in chunks(peer.memory)]
    assert sizes[0] == 1
    assert max(sizes) <= 64
    assert peer.memory.steps == list(range(200))


def test_a_loss_that_is_not_given_is_not_sent(peer: Peer) -> None:
    """Absent and nan are two things."""
    with Run(peer.target) as run:
        run.log(0, acc=1.0)

    assert (chunks(peer.memory)[0].n, len(chunks(peer.memory)[0].loss)) == (1, 0)


@pytest.mark.parametrize("step", [-1, "x", None, 1.5])
def test_a_step_that_is_none_is_left_out(peer: Peer, step: Any) -> None:
    """Where nobody can tell which step it is, the whole row goes."""
    with Run(peer.target) as run:
        run.log(step, loss=1.0)

    assert peer.memory.kinds == ["end"]


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (None, monitor_pb2.END_STATUS_FINISHED, ""),
        (ZeroDivisionError(), monitor_pb2.END_STATUS_FAILED, "ZeroDivisionError"),
        (KeyboardInterrupt(), monitor_pb2.END_STATUS_INTERRUPTED, "KeyboardInterrupt"),
        (SystemExit(0), monitor_pb2.END_STATUS_FINISHED, ""),
        (SystemExit(3), monitor_pb2.END_STATUS_FAILED, "SystemExit"),
    ],
)
def test_the_block_says_how_it_ended(
    peer: Peer, error: BaseException | None, status: int, name: str
) -> None:
    """An exception that leaves the block ends the run as what it is."""
    run = Run(peer.target)
    run.__exit__(None if error is None else type(error), error, None)

    end = peer.memory.records[-1].end
    assert (end.status, end.exception_type) == (status, name)


def test_a_finished_run_stays_finished(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    """A second finish does nothing; what is logged afterwards is left out and said once."""
    run = Run(peer.target)
    run.finish("interrupted", step=7)
    run.finish()
    run.log(0, loss=1.0)
    run.log(1, loss=1.0)

    assert peer.memory.kinds == ["end"]
    assert peer.memory.records[0].end.step == 7
    assert len([line for line in lines(caplog) if "after finish()" in line]) == 1


def test_a_further_fit_opens_the_run_again(peer: Peer) -> None:
    """The hello of the second fit is a record like any other, and steps go on after it."""
    run = Run(peer.target)
    run.log(0, loss=1.0)
    run.finish()
    run.reopen(Description(plan_steps=10))
    run.log(1, loss=1.0)
    run.finish()

    assert peer.memory.kinds == ["chunk", "end", "hello", "chunk", "end"]
    hello = peer.memory.records[2].hello
    assert (hello.run_id, hello.fit, hello.plan_steps) == (run.run_id, 1, 10)


def test_what_keras_offers_goes_as_it_is(peer: Peer) -> None:
    """Rows that were measured elsewhere arrive with their columns and the client's health."""
    with Run(peer.target) as run:
        revision = run.set_axes(Axes((Variable("w"),), ("x",)))
        run.report_health(Health(0.008, 2))
        rows = Rows(
            first_step=5,
            loss=np.array([1.0, np.inf], np.float32),
            loss_source=np.array([EXACT, EXACT], np.uint8),
            epoch=np.zeros(2, np.uint32),
            step_seconds=np.zeros(2, np.float32),
            sampled_row=[1],
            revision=revision,
            sampled={"grad_norm": np.array([[2.0]]), "input_mean": np.array([[0.5]])},
        )
        run.offer(Made(rows))

    chunk = chunks(peer.memory)[0]
    assert (chunk.first_step, list(chunk.loss)) == (5, [1.0, np.inf])
    assert (list(chunk.sampled.grad_norm), list(chunk.sampled.input_mean)) == ([2.0], [0.5])
    assert chunk.sampled.revision == revision == 1
    assert chunk.health.overhead_ratio == pytest.approx(0.008)
    assert peer.memory.records[-1].end.step == 7


def test_chunks_keep_to_the_limits_of_the_monitor() -> None:
    """What is too long or too heavy for one message goes in several; what cannot, goes thin."""
    limits = monitor_pb2.Limits(message_bytes=2000, chunk_steps=50)
    steps = 120
    rows = Rows(
        first_step=0,
        loss=np.arange(steps, dtype=np.float32),
        loss_source=np.full(steps, EXACT, np.uint8),
        epoch=np.zeros(steps, np.uint32),
        step_seconds=np.zeros(steps, np.float32),
        learning_rate=[(0, 0.1), (60, 0.01)],
        sampled_row=[3, 60, 61],
        sampled={"label_count": np.stack([np.arange(n, n + 100) for n in (3, 60, 61)])},
        scalars={"acc": [(0, 1.0), (119, 2.0)]},
    )
    with Peer(script=Script(limits=limits)) as peer, Run(peer.target) as run:
        run.log(0)
        peer.memory.wait(lambda: peer.memory.records)
        run.offer(Made(rows))
        run.finish()

    sent = chunks(peer.memory)[1:]
    assert [loss for chunk in sent for loss in chunk.loss] == list(range(steps))
    assert all(chunk.n <= 50 and chunk.ByteSize() <= 2000 for chunk in sent)
    heads = {
        chunk.first_step + row: chunk.sampled.label_count[100 * place]
        for chunk in sent
        for place, row in enumerate(chunk.sampled.row)
    }
    assert heads == {3: 3, 60: 60, 61: 61}
    rates = [chunk.first_step + row for chunk in sent for row in chunk.learning_rate_row]
    assert rates == [0, 60]


def test_restarts_of_a_named_run_are_ordered(peer: Peer) -> None:
    """Each life of a run id has a greater incarnation, also within the same second."""
    for _ in range(2):
        Run(peer.target, run_id="calm-otter").finish()

    first, second = (hello.incarnation for hello in peer.memory.hellos)
    assert second > first > 1_600_000_000


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"target": "http://a:1"}, "target is 'http://a:1'; it must be HOST:PORT"),
        ({"run_id": "a b"}, "run_id is 'a b'"),
        ({"mode": "offline"}, "mode is 'offline', which is not there yet"),
        ({"plan_steps": 0}, "plan_steps is 0; it must be"),
        ({"variables": [3]}, r"variables\[0\] is 3; it must be"),
        ({"variables": "w"}, "variables is 'w'; it must be"),
    ],
)
def test_a_wrong_argument_raises(wrong: dict[str, Any], sentence: str) -> None:
    """A constructor may complain: the training has not begun."""
    with pytest.raises(ValueError, match=sentence):
        Run(**wrong)
