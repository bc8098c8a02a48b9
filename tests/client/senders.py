"""Senders for tests, with a listener that remembers."""

import threading
from collections.abc import Callable, Iterator

import pytest

from flatline import wire
from flatline.rows import Description, Ending, Evaluation, Health
from flatline.sender import Sender
from flatline.transport import Stream
from flatline.v1 import monitor_pb2


class Log:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.events: list[tuple[str, str]] = []

    def connected(self, welcome: monitor_pb2.Welcome) -> None:
        self._add("connected", welcome.run_url)

    def progressed(self) -> None:
        self._add("progressed", "")

    def lost(self, reason: str) -> None:
        self._add("lost", reason)

    def refused(self, sentence: str) -> None:
        self._add("refused", sentence)

    def found(self, message: monitor_pb2.Finding) -> None:
        self._add("found", message.detector)

    def wished_for(self, steps: int) -> None:
        self._add("wished for", str(steps))

    def concluded(self, message: monitor_pb2.Verdict) -> None:
        self._add("concluded", message.sentence)

    def wait(self, kind: str, times: int = 1) -> str:
        """Wait for an event; return what it said."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.count(kind) >= times, 15), self.events
            return next(text for k, text in reversed(self.events) if k == kind)

    def count(self, kind: str) -> int:
        return [k for k, _ in self.events].count(kind)

    def _add(self, kind: str, text: str) -> None:
        with self.changed:
            self.events.append((kind, text))
            self.changed.notify_all()


Start = Callable[..., tuple[Sender, Log]]
HELLO = wire.hello(wire.Identity("calm-otter-0001"), Description())
END = wire.end(Ending(), 0, Health())


def record(step: int) -> bytes:
    return wire.evaluation(Evaluation(step, metrics={"loss": 1.0}))


@pytest.fixture(name="start")
def start_senders() -> Iterator[Start]:
    """Start senders, which are closed afterwards."""
    senders = []

    def start(target: str, **options: int) -> tuple[Sender, Log]:
        log = Log()
        sender = Sender(lambda r: Stream(target, r), HELLO, log, **options)
        senders.append(sender)
        sender.start()
        return sender, log

    yield start
    for sender in senders:
        sender.close(0)
