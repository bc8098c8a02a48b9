"""Looks into a data directory that another process may be writing to, and leaves it as it is."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flatline_monitor.runs.journal import Entry
from flatline_monitor.storage.errors import StoreError
from flatline_monitor.storage.schema import check_layout
from flatline_monitor.storage.tables import NAME, SELECT_ENTRIES, entry

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Known:
    """A run that is in the journal."""

    run_id: str
    project: str


class SqliteReader:
    """Reads the journal of a directory, whether a service runs on it or not.

    Takes no lock that a service would wait for, and leaves no file behind. Every method raises
    StoreError where there is no journal, or none that this program can read.
    """

    def __init__(self, directory: Path) -> None:
        self._directory, self._path = directory, directory / NAME

    def runs(self) -> list[Known]:
        """Return all runs, the one that was heard of longest ago first."""
        rows = self._all("SELECT run_id, project FROM runs ORDER BY last_entry_at, run_id")
        return [Known(*row) for row in rows]

    def find(self, beginning: str) -> str:
        """Return the id of this run, or of the only one whose id begins so.

        Raises StoreError where there is none, or where there are several.
        """
        ids = [known.run_id for known in self.runs() if known.run_id.startswith(beginning)]
        if beginning in ids or len(ids) == 1:
            return beginning if beginning in ids else ids[0]
        if not ids:
            msg = (
                f"{beginning} is no file, and no run in {self._directory} has an id that begins "
                "so; --data-dir says where the monitor keeps its journal"
            )
            raise StoreError(msg)
        more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
        named = ", ".join(ids[:_MOST_NAMED])
        msg = f"several runs begin with {beginning}: {named}{more}; give more of the id"
        raise StoreError(msg)

    def entries(self, run_id: str) -> list[Entry]:
        """Return all that was journalled of a run, in the order in which it was committed."""
        return [entry(row) for row in self._all(SELECT_ENTRIES, (run_id, 0))]

    def _all(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        if not self._path.is_file():
            msg = (
                f"there is no journal in {self._directory} (no {NAME}); --data-dir says where the "
                "monitor keeps it"
            )
            raise StoreError(msg)
        # Without a write-ahead log nobody has it open, and SQLite would leave one behind; told
        # that the file is immutable it does not, but then nobody may have come in the meantime.
        alone = not self._is_open()
        rows = self._read(query, values, alone=alone)
        if alone and self._is_open():
            rows = self._read(query, values, alone=False)
        return rows

    def _is_open(self) -> bool:
        return self._path.with_name(f"{NAME}-wal").exists()

    def _read(
        self, query: str, values: tuple[object, ...], *, alone: bool
    ) -> list[tuple[Any, ...]]:
        how = "immutable=1" if alone else "mode=ro"
        try:
            with self._connected(f"file:{quote(str(self._path))}?{how}") as db:
                check_layout(db, self._path)
                return db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            msg = f"{self._path} cannot be read ({error})"
            raise StoreError(msg) from error

    @staticmethod
    @contextlib.contextmanager
    def _connected(uri: str) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            yield db
        finally:
            db.close()
