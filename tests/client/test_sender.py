"""What is offered arrives, once and in order, whatever the monitor does; nobody waits for it."""

import os
import time

import pytest

from flatline import wire
from flatline.rows import Description
from tests.client.peer import Memory, Peer, Script
from tests.client.senders import END, Start, record, start_senders  # noqa: F401 - a fixture


def test_records_arrive_once_and_in_order(start: Start) -> None:
    """What is offered before the close is there after it, under numbers without holes."""
    with Peer() as peer:
        sender, _ = start(peer.target)
        for step in range(200):
            assert sender.offer(record(step))
        assert sender.close(10)

    assert [r.sequence for r in peer.memory.records] == list(range(1, 201))
    assert [r.evaluation.step for r in peer.memory.records] == list(range(200))
    assert not peer.memory.again
    assert not peer.memory.holes


def test_nothing_is_sent_before_the_welcome(start: Start) -> None:
    """A monitor that never answers gets a hello and nothing else."""
    with Peer(script=Script(answers=False)) as peer:
        sender, _ = start(peer.target)
        sender.offer(record(0))
        peer.memory.wait(lambda: peer.memory.hellos)
        began = time.monotonic()

        assert not sender.close(5)
        assert time.monotonic() - began < 3
        assert peer.memory.kinds == []


def test_a_monitor_that_dies_and_comes_back_misses_nothing(start: Start) -> None:
    """What it had not made durable is sent again, to whoever has its port and its disk."""
    memory = Memory()
    peer = Peer(memory, Script(closes_after=20))
    sender, log = start(peer.target)
    for step in range(50):
        sender.offer(record(step))
    memory.wait(lambda: len(memory.records) == 50)  # through three streams
    peer.die()
    log.wait("lost")
    for step in range(50, 100):
        sender.offer(record(step))
    with Peer(memory, port=peer.port):
        memory.wait(lambda: len(memory.records) == 100)

        assert sender.close(10)
    assert [r.evaluation.step for r in memory.records] == list(range(100))
    assert not memory.holes


def test_an_acknowledgement_that_got_lost_is_fetched(start: Start) -> None:
    """Where the monitor has everything and never said so, the newest record asks for it."""
    with Peer(script=Script(closes_after=3)) as peer:
        sender, _ = start(peer.target)
        for step in range(3):
            sender.offer(record(step))
        peer.memory.wait(lambda: len(peer.memory.records) == 3)

        assert sender.close(10)
        assert peer.memory.again == [3]


def test_a_monitor_that_never_acknowledges_delays_the_end_and_no_more(start: Start) -> None:
    """The close gives up when its time is over, and what was not acknowledged stays counted."""
    with Peer(script=Script(acknowledges=False)) as peer:
        sender, _ = start(peer.target)
        sender.offer(record(0))
        peer.memory.wait(lambda: peer.memory.records)
        began = time.monotonic()

        assert not sender.close(1)
        assert time.monotonic() - began < 3
        assert sender.waiting == 1


def test_a_full_memory_refuses_chunks_and_keeps_room_for_the_rest(start: Start) -> None:
    """Chunks are dropped and counted; the end still gets in; nothing was given a number in vain."""
    sender, _ = start("127.0.0.1:1", capacity_bytes=100_000)
    taken = [sender.offer(bytes(1000), chunk=True) for _ in range(200)]

    assert sender.dropped == taken.count(False) > 0
    assert sender.offer(END)
    assert sender.waiting == taken.count(True) + 1


def test_offering_never_waits_for_a_monitor_that_reads_nothing(start: Start) -> None:
    """Ten thousand records into a silent monitor cost the caller next to nothing."""
    with Peer(script=Script(answers=False)) as peer:
        sender, _ = start(peer.target, capacity_bytes=50_000)
        began = time.monotonic()
        for step in range(10_000):
            sender.offer(record(step), chunk=True)

        assert time.monotonic() - began < 5
        assert sender.dropped > 9000


def test_an_absent_monitor_holds_nobody_up(start: Start) -> None:
    """Where nobody listens the close returns within a second."""
    sender, log = start("127.0.0.1:1")
    sender.offer(record(0))
    assert log.wait("lost") == "connection refused"
    began = time.monotonic()

    assert not sender.close(5)
    assert time.monotonic() - began < 1.5


def test_a_second_start_goes_on_where_the_close_left_off(start: Start) -> None:
    """After an end the same sender may go on, with numbers that go on."""
    with Peer() as peer:
        sender, _ = start(peer.target)
        sender.offer(record(0))
        assert sender.close(10)
        sender.offer(record(1))
        sender.start()

        assert sender.close(10)
        assert [r.sequence for r in peer.memory.records] == [1, 2]


def test_the_hello_of_a_further_fit_opens_later_streams(start: Start) -> None:
    """Once the monitor has it, the newest hello is the one that a new stream begins with."""
    memory = Memory()
    peer = Peer(memory)
    sender, log = start(peer.target)
    second = wire.hello(wire.Identity("calm-otter-0001"), Description(), fit=1)
    sender.offer(second, opening=second)
    log.wait("progressed")
    peer.die()
    with Peer(memory, port=peer.port):
        memory.wait(lambda: len(memory.hellos) == 2)

    assert [hello.fit for hello in memory.hellos] == [0, 1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_sender_of_the_parent_does_not_start_in_a_child(start: Start) -> None:
    """A thread that did not survive the fork is not replaced: the parent goes on sending."""
    with Peer() as peer:
        sender, _ = start(peer.target)
        sender._pid = -1  # as the child sees it
        sender.close(5)
        sender.start()

        assert sender._thread is None
