"""Runs on disk: the journal, the newest state of each run, and tables for people."""

import contextlib
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

from flatline_monitor.alerts.report import RunReport
from flatline_monitor.runs.journal import Entry, Remembered, Snapshot
from flatline_monitor.runs.records import StreamKey
from flatline_monitor.storage import tables
from flatline_monitor.storage.lock import DirectoryLock
from flatline_monitor.storage.schema import connect

_TABLES = ("runs", "journal", "snapshots", "alerts", "evaluations")


class SqliteStore:
    """One SQLite file in a directory that it holds alone until `close`.

    Raises StoreError where it cannot be opened. Any one thread at a time may use it.
    """

    def __init__(self, directory: Path) -> None:
        self._lock = DirectoryLock(directory)
        try:
            self._db = connect(directory / tables.NAME)
        except BaseException:
            self._lock.release()
            raise

    def commit(
        self,
        entries: Sequence[Entry],
        snapshots: Sequence[Snapshot],
        reports: Sequence[RunReport],
    ) -> None:
        """Write all of it or nothing; what is written survives a crash of the machine."""
        with self._transaction():
            self._db.executemany(
                "INSERT INTO journal (run_id, incarnation, rank, sequence, received_at, raw) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (*_columns(each.stream), each.sequence, each.received_at, each.raw)
                    for each in entries
                ),
            )
            latest = {each.stream.run_id: each.received_at for each in entries}
            self._db.executemany(
                "INSERT INTO runs (run_id, last_entry_at) VALUES (?, ?) "
                "ON CONFLICT (run_id) DO UPDATE SET last_entry_at = excluded.last_entry_at",
                latest.items(),
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)",
                ((each.run_id, each.entries, each.version, each.blob) for each in snapshots),
            )
            for report in reports:
                self._db.execute(tables.UPSERT_RUN, tables.run_row(report))
                self._db.executemany(tables.UPSERT_ALERT, tables.alert_rows(report))
                self._db.executemany(tables.UPSERT_EVALUATION, tables.evaluation_rows(report))

    def remembered(self, version: int) -> Iterator[Remembered]:
        """Return every run, the one that was heard of longest ago first.

        A snapshot of another version is passed over: then all entries are given.
        """
        runs = self._db.execute("SELECT run_id FROM runs ORDER BY last_entry_at, run_id").fetchall()
        for (run_id,) in runs:
            row = self._db.execute(
                "SELECT run_id, entries, version, blob FROM snapshots "
                "WHERE run_id = ? AND version = ?",
                (run_id, version),
            ).fetchone()
            snapshot = Snapshot(*row) if row else None
            entries = self._entries(run_id, after=snapshot.entries if snapshot else 0)
            yield Remembered(run_id, snapshot, entries, partial(self._entries, run_id, after=0))

    def prune(self, before: float, keep: Collection[str] = ()) -> int:
        """Forget the runs of which nothing came since `before`, but for those to keep."""
        old = self._db.execute("SELECT run_id FROM runs WHERE last_entry_at < ?", (before,))
        gone = [run_id for (run_id,) in old.fetchall() if run_id not in keep]
        for run_id in gone:
            with self._transaction():
                for table in _TABLES:
                    self._db.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608 - our own names
        return len(gone)

    def close(self) -> None:
        """Let go of the file and of the directory."""
        self._db.close()
        self._lock.release()

    def _entries(self, run_id: str, after: int) -> list[Entry]:
        return [
            tables.entry(row) for row in self._db.execute(tables.SELECT_ENTRIES, (run_id, after))
        ]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            # The disk being full, SQLite may have rolled back by itself.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def _columns(stream: StreamKey) -> tuple[str, int, int]:
    return stream.run_id, stream.incarnation, stream.rank
