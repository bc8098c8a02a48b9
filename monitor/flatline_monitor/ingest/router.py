"""What ingest needs from the engine: somebody who takes records and answers for them."""

from collections.abc import Sequence
from typing import Protocol

from flatline_monitor.alerts.report import AlertReport
from flatline_monitor.alerts.verdict import RunVerdict
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.runs.records import Hello, Record, StreamKey, Variables


class Listener(Protocol):
    """One open stream; called from the event loop, never waits."""

    def acknowledge(self, received: int, durable: int) -> None:
        """Say up to which sequence records were judged, and up to which they survive a crash."""

    def tell(self, report: AlertReport) -> None:
        """Say that an alert began, changed its severity, or ended."""

    def conclude(self, verdict: RunVerdict, causes: Sequence[Cause]) -> None:
        """Say how the run is, all in all, and what probably explains it, the likeliest first."""

    def wish(self, steps: int) -> None:
        """Say that the next so many steps should be sampled."""


class Router(Protocol):
    """Takes the records of all streams; engine.local.LocalRouter is one."""

    async def open(self, hello: Hello, raw: bytes, listener: Listener) -> int:
        """Begin or go on with a stream; return the first sequence not had yet.

        Raises RefusedError, for example when there are too many runs.
        """

    async def submit(self, stream: StreamKey, sequence: int, record: Record, raw: bytes) -> None:
        """Take a record, as soon as there is room for it.

        The listener hears of it when it is durable; of one that was had before, again.
        """

    def close(self, stream: StreamKey, listener: Listener) -> None:
        """Stop telling a listener; the stream may come back."""

    def variables(self, stream: StreamKey) -> Variables | None:
        """Return the last variables of a stream that was opened, None before the first."""
