"""A router that keeps the promises of `ingest.router.Router` in memory."""

import asyncio
from dataclasses import dataclass, field

from flatline_monitor.alerts.report import AlertReport
from flatline_monitor.alerts.verdict import RunVerdict
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.ingest.router import Listener
from flatline_monitor.runs.records import End, Hello, Record, RefusedError, StreamKey, Variables


@dataclass
class MemoryRouter:
    """Journals into a list, and says that it is durable `commit_seconds` later."""

    commit_seconds: float = 0.01
    max_runs: int = 1000
    journal: list[tuple[StreamKey, int, Record]] = field(default_factory=list)
    received: dict[StreamKey, int] = field(default_factory=dict)
    durable: dict[StreamKey, int] = field(default_factory=dict)
    listeners: dict[StreamKey, Listener] = field(default_factory=dict)
    arrays: dict[StreamKey, Variables] = field(default_factory=dict)
    tell_on_first: AlertReport | None = None
    conclude_on_end: tuple[RunVerdict, tuple[Cause, ...]] | None = None

    async def open(self, hello: Hello, raw: bytes, listener: Listener) -> int:
        stream = StreamKey(hello.run_id, hello.incarnation, hello.rank)
        if stream not in self.received and len(self.received) >= self.max_runs:
            reason = "too_many_runs"
            raise RefusedError(reason, f"{self.max_runs} runs are open")
        self.listeners[stream] = listener
        return self.received.setdefault(stream, 0) + 1

    async def submit(self, stream: StreamKey, sequence: int, record: Record, raw: bytes) -> None:
        if sequence <= self.received[stream]:
            self._acknowledge(stream)
            return
        if self.tell_on_first and not self.received[stream]:
            self.listeners[stream].tell(self.tell_on_first)
        if self.conclude_on_end and isinstance(record, End):
            self.listeners[stream].conclude(*self.conclude_on_end)
        self.received[stream] = sequence
        self.journal.append((stream, sequence, record))
        if isinstance(record, Variables):
            self.arrays[stream] = record
        asyncio.get_running_loop().call_later(self.commit_seconds, self._commit, stream, sequence)

    def close(self, stream: StreamKey, listener: Listener) -> None:
        if self.listeners.get(stream) is listener:
            del self.listeners[stream]

    def variables(self, stream: StreamKey) -> Variables | None:
        return self.arrays.get(stream)

    def _commit(self, stream: StreamKey, sequence: int) -> None:
        self.durable[stream] = max(sequence, self.durable.get(stream, 0))
        self._acknowledge(stream)

    def _acknowledge(self, stream: StreamKey) -> None:
        if listener := self.listeners.get(stream):
            listener.acknowledge(self.received[stream], self.durable.get(stream, 0))
