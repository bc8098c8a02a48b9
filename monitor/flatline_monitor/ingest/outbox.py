"""What one stream has still to be told; however fast news come, one ack answers for many."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from flatline_monitor.alerts.report import AlertReport
from flatline_monitor.alerts.verdict import RunVerdict
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.ingest import answers

_FINDINGS = 256
"""Held for a client that does not read; then the oldest is forgotten. A run has few at a time."""


class Outbox:
    """A Listener whose news are written by `pump`: findings, verdict, wish, then acks.

    Of verdicts and wishes only the latest is held.
    """

    def __init__(self) -> None:
        self._received = self._durable = 0
        self._last: int | None = None
        self._findings: deque[AlertReport] = deque(maxlen=_FINDINGS)
        self._verdict: bytes | None = None
        self._wish: bytes | None = None
        self._news = asyncio.Event()

    def acknowledge(self, received: int, durable: int) -> None:
        """Note how far the stream has come; numbers only ever grow."""
        self._received = max(self._received, received)
        self._durable = max(self._durable, durable)
        self._news.set()

    def tell(self, report: AlertReport) -> None:
        """Note a finding for the client."""
        self._findings.append(report)
        self._news.set()

    def conclude(self, verdict: RunVerdict, causes: Sequence[Cause]) -> None:
        """Note how the run is; what was not written yet is out of date."""
        self._verdict = answers.verdict(verdict, causes)
        self._news.set()

    def wish(self, steps: int) -> None:
        """Note how many more steps should be sampled, instead of an earlier wish."""
        self._wish = answers.wish(steps)
        self._news.set()

    def finish(self, last: int) -> None:
        """Let `pump` return as soon as sequence `last` is durable and the client was told so."""
        self._last = last
        self._news.set()

    async def pump(self, write: Callable[[bytes], Awaitable[object]]) -> None:
        """Write news until `finish`; what arrives during a write is written next."""
        told = (0, 0)
        while True:
            self._news.clear()
            while message := self._next():
                await write(message)
            now = (self._received, self._durable)
            if now != told:
                told = now
                await write(answers.ack(*now))
            if self._last is not None and told[1] >= self._last and not self._news.is_set():
                return
            await self._news.wait()

    def _next(self) -> bytes | None:
        """Return the next news that must be heard before an ack."""
        if self._findings:
            return answers.finding(self._findings.popleft())
        if self._verdict:
            verdict, self._verdict = self._verdict, None
            return verdict
        wish, self._wish = self._wish, None
        return wish
