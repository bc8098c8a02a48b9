"""The backlog keeps what the monitor does not have for sure, within its memory."""

from flatline.backlog import Backlog
from flatline.v1 import monitor_pb2


def filled(records: int) -> Backlog:
    """Make a backlog of so many records."""
    backlog = Backlog()
    for _ in range(records):
        assert backlog.take(b"", steps=2)
    return backlog


def sent(backlog: Backlog) -> list[int]:
    """Send all there is; return the numbers."""
    numbers = []
    while (raw := backlog.send()) is not None:
        numbers.append(monitor_pb2.WatchRequest.FromString(raw).sequence)
    return numbers


def test_nothing_is_sent_before_the_monitor_has_said_where_to_begin() -> None:
    """Only a welcome opens the backlog."""
    assert sent(filled(3)) == []


def test_a_new_stream_begins_where_the_monitor_says() -> None:
    """What it has is not sent again, except the newest, to have it acknowledged."""
    backlog = filled(5)
    for asked, expected in [(1, [1, 2, 3, 4, 5]), (4, [4, 5]), (6, [5])]:
        backlog.resume(asked)
        assert sent(backlog) == expected
        backlog.hang_up()


def test_a_monitor_that_lost_its_memory_gets_what_there_is() -> None:
    """What was durable once is not here any more; the oldest that is kept comes first."""
    backlog = filled(5)
    backlog.resume(1)
    sent(backlog)
    backlog.acknowledge(3)
    backlog.resume(1)

    assert sent(backlog) == [4, 5]


def test_what_was_never_sent_is_not_durable() -> None:
    """A monitor that says more than it can know costs no record."""
    backlog = filled(5)
    backlog.resume(1)
    backlog.send()
    backlog.acknowledge(1000)

    assert (backlog.first, len(backlog)) == (2, 4)
    assert backlog.acknowledged_steps == 2
    assert sent(backlog) == [2, 3, 4, 5]


def test_a_refused_record_has_no_number() -> None:
    """Numbers have no holes, whatever was dropped in between."""
    backlog = Backlog(capacity_bytes=1000)
    taken = [backlog.take(bytes(100), chunk=True) for _ in range(10)]

    assert taken.count(True) == len(backlog) == backlog.next - 1
    assert backlog.dropped == taken.count(False) > 0
    assert not backlog.take(bytes(800))
    assert backlog.take(b"")


def test_memory_that_was_acknowledged_is_free_again() -> None:
    """A monitor that has caught up gets everything again."""
    backlog = Backlog(capacity_bytes=1000)
    while backlog.take(bytes(100), chunk=True):
        pass
    backlog.resume(1)
    while backlog.send() is not None:
        pass
    backlog.acknowledge(backlog.next - 1)

    assert backlog.take(bytes(100), chunk=True)


def test_what_is_given_up_is_counted() -> None:
    """After a refusal for good nothing is left, and it is known how much that was."""
    backlog = filled(5)
    backlog.clear()

    assert (len(backlog), backlog.dropped, backlog.next) == (0, 5, 6)
