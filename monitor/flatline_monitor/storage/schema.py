"""Opens the database file: ours or new, of a version that this program knows."""

import sqlite3
from importlib import resources
from pathlib import Path

from flatline_monitor.storage.errors import StoreError

APPLICATION_ID = 0x666C6174  # "flat"


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to the database, made or brought up to date if need be.

    What was committed survives a crash of the machine. Any one thread at a time may use it.
    Raises StoreError for a file that is not ours, broken, or newer than this program.
    """
    db: sqlite3.Connection | None = None
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        _check_owner(db, path)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        _migrate(db, path)
    except (sqlite3.Error, StoreError) as error:
        if db is not None:
            db.close()
        if isinstance(error, StoreError):
            raise
        msg = f"{path} cannot be used ({error}); move it away, or restore it from a backup"
        raise StoreError(msg) from error
    return db


def check_layout(db: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError unless the database is ours and as this program knows it."""
    _check_owner(db, path)
    _check_version(path, _pragma(db, "user_version"))
    if _pragma(db, "user_version") < len(_migrations()):
        msg = f"{path} is of an older flatline; start this one's service on it once"
        raise StoreError(msg)


def _check_version(path: Path, present: int) -> None:
    known = len(_migrations())
    if present > known:
        msg = (
            f"{path} has layout {present}, this flatline knows layouts up to {known}; "
            "install the newer flatline again, or give this one a data_dir of its own"
        )
        raise StoreError(msg)


def _check_owner(db: sqlite3.Connection, path: Path) -> None:
    owner = _pragma(db, "application_id")
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if owner != APPLICATION_ID and (owner or tables):
        msg = f"{path} is a database of another program; give flatline a data_dir of its own"
        raise StoreError(msg)


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    """Run the numbered files that the database has not seen, each whole or not at all."""
    steps = _migrations()
    present = _pragma(db, "user_version")
    _check_version(path, present)
    for version, script in enumerate(steps[present:], start=present + 1):
        db.executescript(
            f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {version};"
            f"PRAGMA application_id = {APPLICATION_ID}; COMMIT;"
        )


def _migrations() -> list[str]:
    folder = resources.files(__package__ or "")
    scripts = sorted(
        (each for each in folder.iterdir() if each.name.endswith(".sql")),
        key=lambda each: each.name,
    )
    return [script.read_text(encoding="utf-8") for script in scripts]


def _pragma(db: sqlite3.Connection, name: str) -> int:
    (value,) = db.execute(f"PRAGMA {name}").fetchone()
    return int(value)
