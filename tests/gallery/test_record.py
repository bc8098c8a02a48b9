"""A journal that does not end is no recording."""

import re

import pytest

from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import StreamKey
from tests.gallery.record import why_unfinished
from tests.monitor.ingest import wire


def journal(*messages: bytes) -> list[Entry]:
    key = StreamKey("brave-otter-1a2b", 0, 0)
    return [Entry(key, number, 0.0, raw) for number, raw in enumerate(messages)]


WHOLE = journal(wire.hello(), wire.variables(1), wire.chunk(2), wire.end(3))


def test_a_journal_that_ends_is_a_recording() -> None:
    """However often it was opened again before."""
    again = [wire.hello(4, fit=1), wire.chunk(5, first_step=4), wire.end(6)]

    assert why_unfinished("blobs", [WHOLE]) == ""
    assert why_unfinished("blobs", [[*WHOLE, *journal(*again)]]) == ""


@pytest.mark.parametrize(
    ("runs", "wrong"),
    [
        ([], r"the service has no run of it; it has to fit with its callback"),
        ([WHOLE[:-1]], r"run 1 of 1 has no End: after 3 records it breaks off with a Chunk"),
        ([WHOLE, WHOLE[:1]], r"run 2 of 2 has no End: .* with a Hello; record it again"),
        ([[*WHOLE, *journal(wire.hello(4, fit=1))]], r"run 1 of 1 has no End"),
    ],
    ids=["no run", "cut off", "the second cut off", "opened again and left"],
)
def test_one_that_breaks_off_is_refused(runs: list[list[Entry]], wrong: str) -> None:
    """With the training's name, what is wrong, and what to do."""
    assert re.match(f"blobs: {wrong}", why_unfinished("blobs", runs))
