"""Somebody else's journal is read while it is written, and left as it is."""

import sqlite3
from pathlib import Path

import pytest

from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import StreamKey
from flatline_monitor.storage.errors import StoreError
from flatline_monitor.storage.reader import SqliteReader
from flatline_monitor.storage.store import SqliteStore
from flatline_monitor.storage.tables import NAME


def told(run_id: str, count: int = 3) -> list[Entry]:
    return [Entry(StreamKey(run_id, 0, 0), n, float(n), bytes([n])) for n in range(count)]


@pytest.fixture
def store(tmp_path: Path):
    store = SqliteStore(tmp_path)
    store.commit([*told("calm-otter"), *told("calm-ox"), *told("bold-ox")], [], [])
    yield store
    store.close()


def files(directory: Path) -> dict[str, tuple[int, int]]:
    return {
        path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in directory.iterdir()
    }


def test_it_is_read_while_a_service_writes(store: SqliteStore, tmp_path: Path) -> None:
    """Each time as far as it has come, and the service goes on."""
    reader = SqliteReader(tmp_path)
    before = reader.entries("calm-otter")
    store.commit([Entry(StreamKey("calm-otter", 0, 0), 9, 9.0, b"more")], [], [])

    assert before == told("calm-otter")
    assert [entry.raw for entry in reader.entries("calm-otter")[3:]] == [b"more"]
    assert {run.run_id for run in reader.runs()} == {"calm-otter", "calm-ox", "bold-ox"}


def test_a_directory_without_a_service_stays_as_it_is(tmp_path: Path) -> None:
    """No file is made, none is touched, and the next service may have it."""
    first = SqliteStore(tmp_path)
    first.commit(told("calm-otter"), [], [])
    first.close()
    before = files(tmp_path)

    assert SqliteReader(tmp_path).entries("calm-otter") == told("calm-otter")
    assert files(tmp_path) == before
    SqliteStore(tmp_path).close()


@pytest.mark.parametrize(
    ("beginning", "found"),
    [("calm-otter", "calm-otter"), ("calm-ot", "calm-otter"), ("b", "bold-ox")],
)
def test_the_beginning_of_an_id_is_enough(
    store: SqliteStore, tmp_path: Path, beginning: str, found: str
) -> None:
    """If no other id begins so."""
    assert SqliteReader(tmp_path).find(beginning) == found


@pytest.mark.parametrize(
    ("beginning", "sentence"),
    [
        ("calm", "several runs begin with calm: calm-otter, calm-ox; give more of the id"),
        ("sad", "sad is no file, and no run in .* has an id that begins so; --data-dir says"),
    ],
)
def test_what_is_not_there_is_said(
    store: SqliteStore, tmp_path: Path, beginning: str, sentence: str
) -> None:
    """With what would be right."""
    with pytest.raises(StoreError, match=sentence):
        SqliteReader(tmp_path).find(beginning)


def test_a_file_that_is_no_journal_is_said(tmp_path: Path) -> None:
    """Nothing there, something else there, or the journal of a newer flatline."""
    reader = SqliteReader(tmp_path)
    with pytest.raises(StoreError, match="there is no journal in"):
        reader.runs()
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(StoreError, match="database of another program"):
        reader.runs()
    (tmp_path / NAME).write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="cannot be read"):
        reader.runs()
    (tmp_path / NAME).unlink()
    SqliteStore(tmp_path).close()
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="has layout 99"):
        reader.runs()
