"""What a monitor may answer, and what the sender makes of it."""

import grpc
import pytest

from tests.client.peer import Peer, Script, finding
from tests.client.senders import Start, record, start_senders  # noqa: F401 - a fixture


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
    ],
)
def test_a_refusal_for_good_is_final(start: Start, code: grpc.StatusCode) -> None:
    """The sender says the monitor's sentence once, and drops and counts from then on."""
    with Peer(script=Script(refuses=(code, "no such run here"))) as peer:
        sender, log = start(peer.target)
        sender.offer(record(0))

        assert log.wait("refused") == "no such run here"
        assert not sender.offer(record(1))
        assert not sender.close(5)
        assert sender.dropped == 2
        assert len(peer.memory.hellos) == 1


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL])
def test_any_other_refusal_is_tried_again(start: Start, code: grpc.StatusCode) -> None:
    """A monitor in trouble is asked again, and after each time a little later."""
    with Peer(script=Script(refuses=(code, "starting"))) as peer:
        _, log = start(peer.target)
        peer.memory.wait(lambda: len(peer.memory.hellos) >= 3)

        assert "starting" in log.wait("lost")
    assert log.count("refused") == 0


def test_another_protocol_switches_it_off(start: Start) -> None:
    """A monitor that would speak another version is told so, not guessed at."""
    with Peer(script=Script(protocol=2)) as peer:
        sender, log = start(peer.target)
        sender.offer(record(0))

        assert log.wait("refused") == "it speaks protocol 2, this client speaks 1"


def test_two_processes_under_one_name_are_noticed(start: Start) -> None:
    """Records that this process never made belong to another one; ours would be lost in theirs."""
    with Peer(script=Script(next_sequence=90)) as peer:
        _, log = start(peer.target)

        assert "another process" in log.wait("refused")


def test_a_monitor_that_talks_without_end_is_put_up_with(start: Start) -> None:
    """Findings by the thousand are read slowly, and the records still get through."""
    chatter = [finding(step=step) for step in range(3000)]
    with Peer(script=Script(findings=chatter)) as peer:
        sender, log = start(peer.target)
        sender.offer(record(0))
        log.wait("found", 1000)
        sender.close(0)

        assert log.count("found") < 3000
