"""What was committed is there after whatever happened, and what was not is not."""

import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport, RunReport, RunState
from flatline_monitor.detectors.contract import Evidence, Severity
from flatline_monitor.runs.journal import Entry, Snapshot
from flatline_monitor.runs.records import Evaluation, Hello, StreamKey
from flatline_monitor.storage.errors import StoreError
from flatline_monitor.storage.store import SqliteStore
from flatline_monitor.storage.tables import NAME

A, B = StreamKey("a", 0, 0), StreamKey("b", 2, 1)
ALERT = AlertReport(
    run_id="a",
    detector="no_skill",
    severities=(Severity.WARNING,),
    state=State.FIRING,
    severity=Severity.WARNING,
    since_step=3,
    last_step=9,
    summary="No skill.",
    evidence=(Evidence("skill", math.nan, 0.1),),
    variables=("d/kernel",),
    transition_at=5.0,
)
REPORT = RunReport(
    hello=Hello("a", name="first", project="p"),
    state=RunState.RUNNING,
    exception_type="",
    step=9,
    epoch=0,
    loss=math.nan,
    learning_rate=None,
    global_grad_norm=None,
    ranks=1,
    started_at=1.0,
    last_report_at=4.0,
    ended_at=None,
    variables=(),
    alerts=(ALERT, replace(ALERT, detector="quiet", transition_at=None)),
    evaluations=(Evaluation(9, 0, None, {"loss": math.inf}),),
    health=None,
    notes=(),
)


def entry(stream: StreamKey, sequence: int, at: float = 1.0, raw: bytes = b"raw") -> Entry:
    return Entry(stream, sequence, at, raw)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    yield store
    store.close()


def reopened(store: SqliteStore, directory: Path) -> SqliteStore:
    store.close()
    return SqliteStore(directory)


def test_what_was_committed_is_remembered_in_order(tmp_path: Path) -> None:
    """Each run with its entries as they came, of all its ranks and incarnations."""
    first = [entry(A, 0), entry(B, 0, 2.0), entry(A, 1, raw=b"")]
    second = [entry(replace(A, rank=1), 1), entry(A, 2, 3.0, b"\x00\xff")]
    store = SqliteStore(tmp_path)
    store.commit(first, [], [])
    store.commit(second, [], [])

    store = reopened(store, tmp_path)
    runs = {run.run_id: run for run in store.remembered(1)}
    store.close()

    assert list(runs) == ["b", "a"]
    assert runs["a"].entries == [first[0], first[2], *second]
    assert runs["b"].entries == [first[1]]
    assert runs["a"].snapshot is None


def test_entries_come_after_the_snapshot(store: SqliteStore) -> None:
    """The newest snapshot counts the run's entries in the order of commits."""
    store.commit([entry(A, n) for n in range(3)], [Snapshot("a", 2, 1, b"old")], [])
    store.commit([entry(B, 7), entry(A, 3)], [Snapshot("a", 3, 1, b"new")], [])

    a = next(run for run in store.remembered(1) if run.run_id == "a")

    assert a.snapshot == Snapshot("a", 3, 1, b"new")
    assert [each.sequence for each in a.entries] == [3]


def test_a_snapshot_of_another_version_is_passed_over(store: SqliteStore) -> None:
    """The journal is the truth: all of it is given instead."""
    store.commit([entry(A, n) for n in range(3)], [Snapshot("a", 3, 1, b"blob")], [])

    (a,) = store.remembered(2)

    assert a.snapshot is None
    assert len(a.entries) == 3


def test_reports_are_tables_for_people(store: SqliteStore, tmp_path: Path) -> None:
    """Alerts and evaluations can be read with any SQLite tool; the latest counts."""
    store.commit([entry(A, 1)], [], [REPORT])
    store.commit([], [], [replace(REPORT, alerts=(replace(ALERT, state=State.RESOLVED),))])

    with sqlite3.connect(tmp_path / NAME) as db:
        (alert,) = db.execute("SELECT state, severity, since_step, json FROM alerts").fetchall()
        (metrics,) = db.execute("SELECT metrics FROM evaluations").fetchone()
        runs = db.execute("SELECT run_id, name, state, step FROM runs").fetchall()
    db.close()

    assert alert[:3] == ("resolved", "warning", 3)
    assert json.loads(alert[3])["evidence"][0]["value"] == "NaN"
    assert json.loads(metrics) == {"loss": "Infinity"}
    assert runs == [("a", "first", "running", 9)]


def test_a_commit_that_fails_leaves_nothing(store: SqliteStore) -> None:
    """Neither its entries nor its snapshots; the next commit is not harmed."""
    with pytest.raises(OverflowError):
        store.commit([entry(A, 1), entry(A, 2**64)], [], [])
    store.commit([entry(A, 1)], [], [])

    (a,) = store.remembered(1)
    assert [each.sequence for each in a.entries] == [1]


KILLED = """
import os, signal, sys
from pathlib import Path
from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import StreamKey
from flatline_monitor.storage.store import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
stream = StreamKey("a", 0, 0)
store.commit([Entry(stream, n, 1.0, b"x" * 9000) for n in range(100)], [], [])
def endless():
    for n in range(100, 10_000):
        if n == 900:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Entry(stream, n, 1.0, b"x" * 9000)
class Endless(list):
    __iter__ = lambda self: endless()
store.commit(Endless(), [], [])
"""


def test_a_kill_in_the_middle_of_a_commit_loses_that_commit_alone(tmp_path: Path) -> None:
    """Nothing before it is lost, nothing of it is there, and the directory is free again."""
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL

    store = SqliteStore(tmp_path)
    (a,) = store.remembered(1)
    store.close()

    assert [each.sequence for each in a.entries] == list(range(100))


def test_old_runs_are_forgotten(store: SqliteStore, tmp_path: Path) -> None:
    """With all that belongs to them; those that are still looked at stay."""
    old = StreamKey("old", 0, 0)
    store.commit([entry(A, 1, 10.0), entry(old, 1, 5.0), entry(B, 1, 6.0)], [], [REPORT])
    store.commit([], [Snapshot("old", 1, 1, b"blob")], [])

    assert store.prune(9.0, keep={"b"}) == 1
    assert store.prune(9.0, keep={"b"}) == 0

    assert [run.run_id for run in store.remembered(1)] == ["b", "a"]
    with sqlite3.connect(tmp_path / NAME) as db:
        assert db.execute("SELECT count(*) FROM snapshots").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM journal WHERE run_id = 'old'").fetchone() == (0,)
    db.close()


def test_a_second_service_is_refused(store: SqliteStore, tmp_path: Path) -> None:
    """Two services in one directory would each write half of a run."""
    with pytest.raises(StoreError, match=rf"in use by process {os.getpid()}; stop that monitor"):
        SqliteStore(tmp_path)


def test_a_directory_is_free_after_close(tmp_path: Path) -> None:
    """The next service may have it; it is made where it is missing."""
    directory = tmp_path / "new" / "data"
    SqliteStore(directory).close()
    SqliteStore(directory).close()

    assert directory.stat().st_mode & 0o077 == 0


def test_a_directory_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    """The message says which, why, and what it must be."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"file cannot be written to \(File exists\); it must be"):
        SqliteStore(tmp_path / "file")


def test_a_read_only_directory_is_refused(tmp_path: Path) -> None:
    """As a user without rights sees it, also where the tests run as root."""
    tmp_path.chmod(0o500)
    nobody = os.geteuid() == 0
    if nobody:
        os.seteuid(65534)
    try:
        with pytest.raises(StoreError, match=r"cannot be written to \(Permission denied\)"):
            SqliteStore(tmp_path)
    finally:
        if nobody:
            os.seteuid(0)


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    """It is not touched: a person decides what becomes of it."""
    (tmp_path / NAME).write_bytes(b"not a database, by any means" * 100)

    with pytest.raises(StoreError, match=r"cannot be used \(file is not a database\); move it"):
        SqliteStore(tmp_path)
    assert (tmp_path / NAME).read_bytes().startswith(b"not a database")


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """It is not touched either."""
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()

    with pytest.raises(StoreError, match="database of another program"):
        SqliteStore(tmp_path)


def test_a_newer_layout_is_refused(tmp_path: Path) -> None:
    """Going back to an older flatline does not write over what it does not know."""
    SqliteStore(tmp_path).close()
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(StoreError, match=r"has layout 99, this flatline knows layouts up to 1"):
        SqliteStore(tmp_path)
