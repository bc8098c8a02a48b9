"""A file of runs gives back what it was given, and says what it is not."""

import lzma
from pathlib import Path

import pytest

from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import StreamKey
from flatline_monitor.storage.errors import StoreError
from flatline_monitor.storage.recording import load, save
from tests.gallery.replay import RECORDED

RUNS = [
    [Entry(StreamKey("a", 0, 0), 0, 1.5, b"hello"), Entry(StreamKey("a", 0, 1), 7, 2.5, b"")],
    [Entry(StreamKey("b", 3, 0), 1, 0.1, bytes(range(256)))],
]


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """Several runs, empty marks and all."""
    save(tmp_path / "runs.xz", RUNS)

    assert load(tmp_path / "runs.xz") == RUNS


def test_the_gallery_s_recordings_are_such_files(tmp_path: Path) -> None:
    """Read and written again, one holds the same bytes."""
    recorded = RECORDED / "weights_of_five.xz"
    save(tmp_path / "again.xz", load(recorded))

    again = lzma.decompress((tmp_path / "again.xz").read_bytes())
    assert again == lzma.decompress(recorded.read_bytes())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        lzma.compress(b""),
        lzma.compress(b"\0\0\0\2{}"),
        lzma.compress(b"\0\0\0\2[]more"),
        lzma.compress(b"\0\0\0\7[[[1]]]"),
        lzma.compress(b"\0\0\0\2\xff\xff"),
        (RECORDED / "weights_of_five.xz").read_bytes()[:-100],
    ],
)
def test_another_file_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    """With the command that writes one."""
    path = tmp_path / "other"
    path.write_bytes(content)

    with pytest.raises(
        StoreError, match=r"other is no recording of runs; `flatline-monitor export"
    ):
        load(path)
    with pytest.raises(StoreError, match="missing cannot be read"):
        load(tmp_path / "missing")
