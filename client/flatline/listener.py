"""What the sender tells about its work."""

from typing import Protocol

from flatline.v1 import monitor_pb2


class Listener(Protocol):
    """Who wants to know how the sending goes; called on the sender's thread."""

    def connected(self, welcome: monitor_pb2.Welcome) -> None:
        """The monitor answers."""

    def progressed(self) -> None:
        """The monitor works as it should: it acknowledges, or has all there is."""

    def lost(self, reason: str) -> None:
        """The stream ended; it will be tried again."""

    def refused(self, sentence: str) -> None:
        """The monitor does not want this run; nothing more is sent."""

    def found(self, finding: monitor_pb2.Finding) -> None:
        """The monitor found something."""

    def wished_for(self, steps: int) -> None:
        """The monitor would like the next so many steps to be sampled."""

    def concluded(self, verdict: monitor_pb2.Verdict) -> None:
        """The monitor says how the run is, all in all."""
