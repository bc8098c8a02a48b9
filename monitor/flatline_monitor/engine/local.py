"""The embedded engine on an event loop, with one store: what streams and pages talk to.

A record is judged when it comes and acknowledged as received; it is acknowledged as durable
after the group commit that holds it. Every method is called on the event loop.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from flatline_monitor.alerts.closing import closing_report
from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport, RunReport, RunState
from flatline_monitor.alerts.verdict import NOT_YET, RunVerdict
from flatline_monitor.detectors.catalogue import Catalogues
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.engine.advance import JUDGED_RANK, Arrival
from flatline_monitor.engine.again import arrivals
from flatline_monitor.engine.codec import snapshot
from flatline_monitor.engine.embedded import Engine
from flatline_monitor.runs.journal import Entry, Remembered, Snapshot
from flatline_monitor.runs.records import Chunk, End, Hello, Record, Stalled, StreamKey, Variables

log = logging.getLogger(__name__)

COMMIT_SECONDS = 0.02
SWEEP_SECONDS = 1.0
RETRY_SECONDS = 1.0
# What waits for a commit while the disk is slow; beyond it the clients wait, who keep their own.
MOST_WAITING_BYTES = 64 * 2**20


class Store(Protocol):
    """Where entries become durable."""

    async def commit(
        self,
        entries: Sequence[Entry],
        snapshots: Sequence[Snapshot],
        reports: Sequence[RunReport],
    ) -> None:
        """Write all of it or nothing; return when it survives a crash."""


class Listener(Protocol):
    """The client's end of a stream."""

    def acknowledge(self, received: int, durable: int) -> None:
        """Say what has arrived, and what will survive."""

    def tell(self, report: AlertReport) -> None:
        """Say that an alert began, became worse, or ended."""

    def conclude(self, verdict: RunVerdict, causes: Sequence[Cause]) -> None:
        """Say how the run is, all in all, and what probably explains it, the likeliest first."""

    def wish(self, steps: int) -> None:
        """Say that the next so many steps should be sampled."""


@dataclass(slots=True)
class _Line:
    """An open stream, as far as the telling goes."""

    listener: Listener
    heard: RunVerdict = NOT_YET
    """The verdict that it heard last."""


@dataclass(slots=True)
class _Waiting:
    """What the next commit will hold."""

    entries: list[Entry] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    """Runs whose state or alerts people will want to read in the store."""
    size: int = 0


class LocalRouter:
    """Opens streams, feeds their records, makes them durable, and tells what became of them."""

    def __init__(
        self,
        *,
        store: Store,
        decode: Callable[[bytes], tuple[int, Record]],
        catalogues: Catalogues,
        clock: Callable[[], float] = time.time,
        max_runs: int = 1000,
    ) -> None:
        self._engine = Engine(catalogues, max_runs=max_runs)
        self._store, self._decode, self._clock = store, decode, clock
        self._lines: dict[StreamKey, _Line] = {}
        self._durable: dict[StreamKey, int] = {}
        self._waiting = _Waiting()
        self._overdue: set[str] = set()
        self._committing = asyncio.Lock()
        self._room = asyncio.Event()
        self._room.set()
        self._began_at = self._swept_at = clock()
        self.counters = self._engine.counters
        self.reports = self._engine.reports
        self.report = self._engine.report
        self.variables = self._engine.variables

    async def open(self, hello: Hello, raw: bytes, listener: Listener) -> int:
        """Begin or continue a stream; return the number of the record that it should send next.

        Raises RefusedError when there are too many runs, or when the run ended long ago.
        """
        stream = StreamKey(hello.run_id, hello.incarnation, hello.rank)
        self._engine.admit(hello, self._clock())
        if not self._engine.knows(stream):
            self._feed(stream, 0, hello, raw)
        line = self._lines[stream] = _Line(listener)
        if hello.rank == JUDGED_RANK:
            for report in self._engine.firing(hello.run_id):
                listener.tell(report)
            self._greet(hello.run_id, line)
        return self._engine.received(stream) + 1

    async def submit(self, stream: StreamKey, sequence: int, record: Record, raw: bytes) -> None:
        """Feed a record; wait while too much is waiting for the disk."""
        received = self._engine.received(stream)
        if sequence <= received:
            self.counters.duplicates += 1
        else:
            self.counters.gaps += sequence - received - 1
            self._feed(stream, sequence, record, raw)
        self._acknowledge(stream)
        await self._room.wait()

    def close(self, stream: StreamKey, listener: Listener) -> None:
        """Forget a listener whose stream has ended; the run goes on."""
        line = self._lines.get(stream)
        if line is not None and line.listener is listener:
            del self._lines[stream]

    def restore(self, remembered: Iterable[Remembered]) -> None:
        """Continue every run where its journal ends; call once, before the first stream."""
        for memory in remembered:
            try:
                self._engine.restore(memory.snapshot, arrivals(memory.entries, self._decode))
            except Exception:
                log.exception(
                    "run %s: its snapshot is of no use; feeding its journal", memory.run_id
                )
                self._engine.restore(None, arrivals(memory.whole(), self._decode))
        self._engine.settle(self._clock())
        self._durable.update(self._engine.streams())

    async def run(self) -> None:
        """Commit and sweep until cancelled."""
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            try:
                await self._commit()
            except Exception:
                log.exception("could not write the journal; trying again")
                await asyncio.sleep(RETRY_SECONDS)
            self._sweep(self._clock())

    async def drain(self) -> None:
        """Make durable all that was received, with a snapshot of every run that moved on."""
        self._waiting.changed |= {report.run_id for report in self.reports()}
        await self._commit(at_once=True)

    def _feed(self, stream: StreamKey, sequence: int, record: Record, raw: bytes) -> None:
        now, state = self._clock(), self._engine.state(stream.run_id)
        changed = self._engine.feed(Arrival(stream, sequence, record, now))
        self._keep(Entry(stream, sequence, now, raw))
        if changed or isinstance(record, End | Hello | Stalled | Variables):
            self._waiting.changed.add(stream.run_id)
        for report in changed:
            _log(report)
            for line in self._lines_of(stream.run_id):
                line.listener.tell(report)
        # A verdict follows from alerts and state; to ask at every chunk would cost too much.
        if changed or self._engine.state(stream.run_id) is not state:
            for line in self._lines_of(stream.run_id):
                self._conclude(stream.run_id, line)
        if isinstance(record, Chunk):
            self._wish(stream.run_id)

    def _keep(self, entry: Entry) -> None:
        self._waiting.entries.append(entry)
        self._waiting.size += len(entry.raw)
        self.counters.received += 1
        self.counters.received_bytes += len(entry.raw)
        self.counters.queue_length = len(self._waiting.entries)
        if self._waiting.size > MOST_WAITING_BYTES:
            self._room.clear()

    async def _commit(self, *, at_once: bool = False) -> None:
        async with self._committing:
            batch, self._waiting = self._waiting, _Waiting()
            if not batch.entries and not batch.changed:
                return
            moved = {entry.stream.run_id for entry in batch.entries} | batch.changed
            due = self._engine.due(moved | self._overdue, at_once=at_once)
            reports = [report for run_id in batch.changed if (report := self.report(run_id))]
            try:
                # A run is a frozen value: writing it out of a large one need not stop the others.
                snapshots = await asyncio.to_thread(lambda: [snapshot(run) for run in due])
                await self._store.commit(batch.entries, snapshots, reports)
            except Exception:
                self._put_back(batch)
                raise
            self._engine.stored(snapshots)
            self._overdue = (moved | self._overdue) - {run.run_id for run in due}
            self._settle(batch)

    def _put_back(self, batch: _Waiting) -> None:
        self._waiting.entries[:0] = batch.entries
        self._waiting.changed |= batch.changed
        self._waiting.size += batch.size

    def _settle(self, batch: _Waiting) -> None:
        self.counters.queue_length = len(self._waiting.entries)
        if self._waiting.size <= MOST_WAITING_BYTES:
            self._room.set()
        for entry in batch.entries:
            self._durable[entry.stream] = max(entry.sequence, self._durable.get(entry.stream, 0))
        for stream in {entry.stream for entry in batch.entries}:
            self._acknowledge(stream)

    def _acknowledge(self, stream: StreamKey) -> None:
        if line := self._lines.get(stream):
            received = self._engine.received(stream)
            line.listener.acknowledge(received, self._durable.get(stream, 0))

    def _lines_of(self, run_id: str) -> list[_Line]:
        return [
            line
            for stream, line in self._lines.items()
            if stream.run_id == run_id and stream.rank == JUDGED_RANK
        ]

    def _wish(self, run_id: str) -> None:
        lines = self._lines_of(run_id)
        if lines and (steps := self._engine.wish(run_id)):
            for line in lines:
                line.listener.wish(steps)

    def _greet(self, run_id: str, line: _Line) -> None:
        """Tell a client that has come how the run is, but not that it is away."""
        report = self.report(run_id)
        if report is not None and report.state is RunState.STALLED:
            line.heard = report.verdict
        else:
            self._conclude(run_id, line)

    def _conclude(self, run_id: str, line: _Line) -> None:
        """Tell how the run is, if its level changed, if it is over, or if it goes on after all."""
        report = self.report(run_id)
        if report is None:
            return
        verdict, heard = report.verdict, line.heard
        if verdict.closing or heard.closing or verdict.level is not heard.level:
            line.heard = verdict
            line.listener.conclude(_with_story(report), report.causes)

    def _sweep(self, now: float) -> None:
        # The clock may have been set back: then a sweep is due as well.
        if abs(now - self._swept_at) < SWEEP_SECONDS:
            return
        self._swept_at = now
        for stream in self._engine.silent(now, self._began_at):
            self._feed(stream, 0, Stalled(), b"")
        self._engine.settle(now)


def _with_story(report: RunReport) -> RunVerdict:
    """Return the verdict, and with the last word what else the training's own log shows."""
    if not report.verdict.closing:
        return report.verdict
    try:
        told = closing_report(report)
    except Exception:  # the verdict itself must not be lost over what is told beside it
        log.exception("could not tell the story of run %s", report.run_id)
        return report.verdict
    return replace(report.verdict, story=told.story_line, checkpoint=told.checkpoint_line)


def _log(report: AlertReport) -> None:
    grave = report.state is State.FIRING and report.severity is not Severity.INFO
    facts = {
        "run": report.run_id,
        "detector": report.detector,
        "severity": report.severity.value if report.severity else "",
        "since_step": report.since_step,
        "summary": report.summary,
    }
    log.log(logging.WARNING if grave else logging.INFO, "alert %s", report.state.value, extra=facts)
