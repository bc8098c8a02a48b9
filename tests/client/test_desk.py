"""A desk does things in order, on a thread of its own."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from flatline import Run
from flatline.desk import ROOM, Desk
from flatline.rows import EXACT, Rows
from tests.client.peer import Peer

PATIENCE_SECONDS = 10.0
"""Longest wait for something that is bound to happen."""


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a piece of work waits for; open at the end, so that no thread stays behind."""
    event = threading.Event()
    yield event
    event.set()


def closed(desk: Desk, gate: threading.Event) -> None:
    """Give a desk something that waits for the gate, and let it begin."""
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        gate.wait(PATIENCE_SECONDS)

    assert desk.put(wait)
    assert begun.wait(PATIENCE_SECONDS)


def test_things_are_done_in_order_by_one_thread() -> None:
    """That is not the one which puts them there."""
    desk, done = Desk("desk"), list[tuple[int, str]]()

    def note(i: int) -> None:
        done.append((i, threading.current_thread().name))

    for i in range(ROOM):
        assert desk.put(partial(note, i))

    assert desk.settle(PATIENCE_SECONDS)
    assert done == [(i, "desk") for i in range(ROOM)]


def test_a_desk_that_is_never_used_has_no_thread() -> None:
    """It is started when needed."""
    Desk("idle desk")

    assert "idle desk" not in {thread.name for thread in threading.enumerate()}


def test_settling_waits_for_what_was_put_before(gate: threading.Event) -> None:
    """It says whether that is done; it does not wait for ever."""
    desk, done = Desk("desk"), threading.Event()
    assert desk.settle(PATIENCE_SECONDS)
    closed(desk, gate)
    desk.put(done.set)

    assert not desk.settle(0.01)
    assert not done.is_set()
    gate.set()
    assert desk.settle(PATIENCE_SECONDS)
    assert done.is_set()


def test_a_full_desk_refuses_at_once(gate: threading.Event) -> None:
    """What it took is done; what it refused is not."""
    desk, done = Desk("desk"), list[int]()
    closed(desk, gate)

    taken = [desk.put(partial(done.append, i)) for i in range(ROOM + 3)]
    assert taken == [True] * ROOM + [False] * 3
    assert not desk.settle(0.01)
    gate.set()
    assert desk.settle(PATIENCE_SECONDS)
    assert done == list(range(ROOM))
    assert desk.put(lambda: None)


def test_a_piece_of_work_that_fails_does_not_stop_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The first failure is told, with its traceback."""

    def fail() -> None:
        raise ValueError

    desk, done = Desk("desk"), list[int]()
    with caplog.at_level(logging.ERROR):
        for i in range(4):
            desk.put(fail)
            desk.put(partial(done.append, i))
        assert desk.settle(PATIENCE_SECONDS)

    assert done == [0, 1, 2, 3]
    assert [record.exc_info is not None for record in caplog.records] == [True]


@dataclass(frozen=True)
class Step:
    """One step that becomes rows when the gate opens."""

    first_step: int
    begun: threading.Event
    gate: threading.Event

    def __len__(self) -> int:
        return 1

    def rows(self) -> Rows:
        self.begun.set()
        assert self.gate.wait(PATIENCE_SECONDS)
        return Rows(
            first_step=self.first_step,
            loss=np.ones(1, np.float32),
            loss_source=np.full(1, EXACT, np.uint8),
            epoch=np.zeros(1, np.uint32),
            step_seconds=np.ones(1, np.float32),
        )


def test_a_run_counts_what_its_desk_has_no_room_for(gate: threading.Event) -> None:
    """The training waits for nothing, and the monitor is told how much is missing."""
    begun, lost = threading.Event(), 5
    with Peer() as peer:
        run = Run(peer.target)
        run.offer(Step(0, begun, gate))
        assert begun.wait(PATIENCE_SECONDS)
        for step in range(1, ROOM + lost + 1):
            run.offer(Step(step, begun, gate))
        gate.set()
        peer.memory.wait(lambda: len(peer.memory.steps) > ROOM)
        run.finish()

    assert peer.memory.steps == list(range(ROOM + 1))
    assert peer.memory.records[-1].end.health.dropped_records == lost
