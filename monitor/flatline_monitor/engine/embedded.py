"""All runs of one process: opened, fed, swept and restored, one record at a time.

Synchronous and without a clock: whoever drives it says what time it is, and makes the records
durable. A run with its snapshot and the journal after it comes back exactly as it was.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from flatline_monitor.alerts.book import NO_PAGE, told
from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport, RunReport, RunState
from flatline_monitor.detectors.catalogue import Catalogues
from flatline_monitor.detectors.contract import Abstain, Detector, Verdict
from flatline_monitor.detectors.judge import judge
from flatline_monitor.engine.advance import JUDGED_RANK, Arrival, Ask, Run, advance, open_run
from flatline_monitor.engine.again import HeadlessError, fed
from flatline_monitor.engine.codec import unpack
from flatline_monitor.engine.counters import Counters, Histogram
from flatline_monitor.engine.reports import run_report
from flatline_monitor.engine.wishes import wished
from flatline_monitor.runs.journal import Snapshot
from flatline_monitor.runs.liveness import GIVEN_UP_SECONDS, patience_seconds
from flatline_monitor.runs.records import Hello, RefusedError, StreamKey, Variables
from flatline_monitor.runs.view import RunView

log = logging.getLogger(__name__)

ENTRIES_BETWEEN_SNAPSHOTS = 256
SNAPSHOTS_AT_A_TIME = 4
ENDED_RUNS_KEPT = 500


class Engine:
    """The runs and what is shown of them."""

    def __init__(self, catalogues: Catalogues, *, max_runs: int) -> None:
        self.counters = Counters(evaluations={d.name: Histogram() for d in catalogues.usual})
        self._catalogues, self._max_runs = catalogues, max_runs
        self._runs: dict[str, Run] = {}
        self._reports: dict[str, RunReport] = {}
        self._snapshots: dict[str, int] = {}
        self._wished_at: dict[str, int] = {}
        self._forgotten: set[str] = set()

    def knows(self, stream: StreamKey) -> bool:
        """Say whether the stream has said hello before."""
        run = self._runs.get(stream.run_id)
        return run is not None and run.has(stream)

    def received(self, stream: StreamKey) -> int:
        """Return the number of the stream's last record, 0 before the first."""
        return self._runs[stream.run_id].sequence(stream)

    def state(self, run_id: str) -> RunState | None:
        """Return where a run is in its life; None: not known."""
        run = self._runs.get(run_id)
        return None if run is None else run.state

    def variables(self, stream: StreamKey) -> Variables | None:
        """Return the axes that the stream's columns go by, if it has named them."""
        run = self._runs.get(stream.run_id)
        return None if run is None else run.variables_of(stream)

    def admit(self, hello: Hello, now: float) -> None:
        """Make room for the run of this hello; a run that is known needs none.

        Raises RefusedError when there are too many runs, or when the run ended long ago.
        """
        run_id = hello.run_id
        if run_id in self._runs:
            return
        live = sum(run.ended_at is None for run in self._runs.values())
        if live >= self._max_runs:
            raise RefusedError(*_too_many(live))
        if run_id in self._forgotten:
            raise RefusedError(*_expired(run_id))
        self._runs[run_id] = open_run(hello, now)

    def feed(self, arrival: Arrival) -> list[AlertReport]:
        """Move a run on by one record; return the alerts that began, became worse or ended."""
        run_id = arrival.stream.run_id
        before = self._runs[run_id]
        after = advance(before, arrival, Ask(self._catalogue_of(before), self._timed, self._heard))
        self._runs[run_id] = after
        self._reports.pop(run_id, None)
        changed = self._changes(before, after)
        for report in changed:
            if report.state is State.FIRING and report.severity is not None:
                self.counters.fired[report.detector, report.severity.value] += 1
        return changed

    def wish(self, run_id: str) -> int:
        """Return how many of a run's next steps should be sampled; now and then more than 0."""
        run = self._runs[run_id]
        steps = wished(run, self._catalogue_of(run), self._wished_at.get(run_id))
        if steps:
            self._wished_at[run_id] = run.history.step
        return steps

    def firing(self, run_id: str) -> list[AlertReport]:
        """Return the alerts of a run that fire now."""
        report = self._report(run_id)
        return [alert for alert in report.alerts if alert.state is State.FIRING]

    def silent(self, now: float, since: float) -> list[StreamKey]:
        """Return the streams of runs that were silent for too long, heard of `since` at least."""
        return [
            StreamKey(run_id, run.history.hello.incarnation, JUDGED_RANK)
            for run_id, run in self._runs.items()
            if run.state is RunState.RUNNING
            and now - max(run.last_report_at, since) > patience_seconds(run.history)
        ]

    def reports(self) -> Sequence[RunReport]:
        """Return all runs, newest first."""
        return [self._report(run_id) for run_id in reversed(self._runs)]

    def report(self, run_id: str) -> RunReport | None:
        """Return one run as it stands; None: not known."""
        return self._report(run_id) if run_id in self._runs else None

    def due(self, run_ids: Iterable[str], *, at_once: bool = False) -> list[Run]:
        """Return the runs whose snapshot is due: they have ended, or moved on far enough.

        At most a few at a time unless it is to be done at once: runs that began together would
        all be due together.
        """
        due = []
        for run_id in set(run_ids) & self._runs.keys():
            run = self._runs[run_id]
            fresh = run.entries - self._snapshots.get(run_id, 0)
            soon = at_once or run.ended_at is not None
            if fresh >= (1 if soon else ENTRIES_BETWEEN_SNAPSHOTS):
                due.append(run)
        return due if at_once else due[:SNAPSHOTS_AT_A_TIME]

    def stored(self, snapshots: Iterable[Snapshot]) -> None:
        """Take note of snapshots that are durable now."""
        for snapshot in snapshots:
            self._snapshots[snapshot.run_id] = snapshot.entries

    def restore(self, snapshot: Snapshot | None, told: Iterable[Arrival]) -> None:
        """Take up one run where its journal ends: feed what came after the snapshot again."""
        run = unpack(snapshot.blob) if snapshot else None
        try:
            run = fed(run, told, lambda run: Ask(self._catalogue_of(run)))
        except HeadlessError as error:
            log.error("%s", error)  # noqa: TRY400 - one sentence says it all
            return
        if run is not None:
            self._runs[run.run_id] = run
            self._snapshots[run.run_id] = snapshot.entries if snapshot else 0

    def streams(self) -> Mapping[StreamKey, int]:
        """Return every stream that is known, with the number of its last record."""
        return {s: n for run in self._runs.values() for s, n in run.streams().items()}

    def settle(self, now: float) -> None:
        """Give up runs that stay silent, order by beginning, forget the oldest that ended."""
        for run_id, run in self._runs.items():
            silent = now - run.last_report_at > GIVEN_UP_SECONDS
            if run.state is RunState.STALLED and run.ended_at is None and silent:
                self._runs[run_id] = replace(run, ended_at=now)
                self._reports.pop(run_id, None)
        self._runs = dict(sorted(self._runs.items(), key=lambda item: item[1].started_at))
        ended = [run_id for run_id, run in self._runs.items() if run.ended_at is not None]
        for run_id in ended[: max(0, len(ended) - ENDED_RUNS_KEPT)]:
            del self._runs[run_id]
            self._reports.pop(run_id, None)
            self._wished_at.pop(run_id, None)
            self._forgotten.add(run_id)

    def _report(self, run_id: str) -> RunReport:
        if run_id not in self._reports:
            run = self._runs[run_id]
            self._reports[run_id] = run_report(run, self._catalogue_of(run))
        return self._reports[run_id]

    def _catalogue_of(self, run: Run) -> Sequence[Detector]:
        return self._catalogues.of(run.history.hello)

    def _changes(self, before: Run, after: Run) -> list[AlertReport]:
        if before.shown is after.shown:
            return []
        pages = before.shown, after.shown
        return [
            report
            for report in self._report(after.run_id).alerts
            if told(*(book.get(report.detector, NO_PAGE).alert for book in pages))
        ]

    def _timed(self, detector: Detector, view: RunView, *, alerted: bool) -> Verdict:
        began = time.perf_counter()
        verdict = judge(detector, view, alerted=alerted)
        self.counters.evaluations[detector.name].observe(time.perf_counter() - began)
        return verdict

    def _heard(self, verdicts: Mapping[str, Verdict]) -> None:
        for name, verdict in verdicts.items():
            if isinstance(verdict, Abstain):
                self.counters.abstentions[name, verdict.reason.value] += 1


def _too_many(live: int) -> tuple[str, str]:
    return (
        "too_many_runs",
        f"this monitor watches {live} runs, which is its limit (limits.runs); finish some first",
    )


def _expired(run_id: str) -> tuple[str, str]:
    return "run_expired", f"run {run_id} ended long ago; start a run with another id"
