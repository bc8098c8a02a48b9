"""Files and what is in them: a format is known by its content, not by its name."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from flatline_monitor.lint import csv_files, event_files, json_files
from flatline_monitor.lint.log import FORMATS, LintError, Table

LARGEST_TEXT = 2**26
"""Bytes of a text file that is read; event files are read a record at a time."""
SIDES = frozenset({"train", "training", "validation", "val", "valid", "eval", "test"})
"""Folders into which Keras and others write one training's two sides."""


def tables(path: Path) -> list[Table]:
    """Return the trainings that a file tells of, or the event files of a folder.

    Raises LintError with a sentence for whatever cannot be read.
    """
    if path.is_dir():
        return _of_folder(path)
    name = str(path)
    try:
        with path.open("rb") as file:
            head = file.read(4096)
        if event_files.is_one(head):
            return _of_folder(path.parent, [path])
        if path.stat().st_size > LARGEST_TEXT:
            msg = f"{name} is larger than {LARGEST_TEXT // 2**20} MiB: thin it, or cut it"
            raise LintError(msg)
        content = path.read_bytes()
    except OSError as error:
        msg = f"{name} cannot be read: {error.strerror or error}"
        raise LintError(msg) from error
    return _of_text(name, content)


def _of_text(name: str, content: bytes) -> list[Table]:
    try:
        wide = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{name} is neither text nor an event file; a log is {FORMATS}"
        raise LintError(msg) from error
    if "\0" in text[:4096]:
        msg = f"{name} is neither text nor an event file; a log is {FORMATS}"
        raise LintError(msg)
    if not text.strip():
        msg = f"{name} is empty; a log is {FORMATS}"
        raise LintError(msg)
    # A cell may begin with a bracket, a table of names does not.
    if re.match(r"\s*[{\[]", text):
        return json_files.read(name, text)
    return csv_files.read(name, text)


def _of_folder(folder: Path, files: Iterable[Path] | None = None) -> list[Table]:
    """Return the trainings of event files: those of one folder, or of its two sides, are one."""
    groups: dict[Path, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    given = files is not None
    for path in sorted(files or (p for p in folder.rglob("*") if _holds_events(p))):
        side = path.parent.name if path.parent.name in SIDES and not given else ""
        home = path if given else path.parent.parent if side else path.parent
        for tag, points in event_files.scalars(path).items():
            groups[home][f"{side}/{tag}" if side else tag] += points
    if not groups:
        what = (
            "is an event file of TensorBoard without scalars"
            if given
            else (f"is a folder without event files of TensorBoard; name files: {FORMATS}")
        )
        msg = f"{next(iter(files or [folder]))} {what}"
        raise LintError(msg)
    return [event_files.table(str(home), dict(tags)) for home, tags in groups.items()]


def _holds_events(path: Path) -> bool:
    if "tfevents" not in path.name or not path.is_file():
        return False
    with path.open("rb") as file:
        return event_files.is_one(file.read(64))
