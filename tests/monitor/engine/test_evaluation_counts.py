"""Counts of classes of a validation reach the detectors, also after a restart of the monitor."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from flatline_monitor.detectors.catalogue import Catalogues
from flatline_monitor.engine import codec
from flatline_monitor.engine.advance import Run
from flatline_monitor.engine.local import LocalRouter
from flatline_monitor.ingest.decode import decode
from flatline_monitor.runs import history as histories
from flatline_monitor.runs.history import COUNTS_KEPT
from flatline_monitor.runs.journal import Entry, Snapshot
from flatline_monitor.runs.records import Evaluation, Hello, StreamKey
from flatline_monitor.storage.store import SqliteStore
from tests.monitor.ingest.wire import HELLO, chunk, evaluation, hello, variables
from tests.play import play

STREAM = StreamKey(HELLO["run_id"], 0, 0)
COUNTS = {"label_counts": [3, 4], "prediction_counts": [2, 5], "correct_counts": [1, 2**40]}
RAW = [hello(), variables(1), chunk(2), evaluation(3, step=4, **COUNTS)]
TOLD = Evaluation(4, 1, None, {"loss": 0.5}, (3, 4), (2, 5), (1, 2**40))


class Disk:
    """The real store, as the router wants it."""

    def __init__(self, directory: Path) -> None:
        self.store = SqliteStore(directory)

    async def commit(self, *what: Sequence) -> None:
        self.store.commit(*what)


def played() -> Run:
    """The run after all of RAW."""
    first, *records = [decode(raw)[1] for raw in RAW]
    assert isinstance(first, Hello)
    return play(records, first)


@pytest.mark.parametrize("by", ["journal", "snapshot"])
def test_counts_survive_a_restart(tmp_path: Path, by: str) -> None:
    """Whether the run is read from its snapshot or fed from its journal again."""
    run = played()
    disk = Disk(tmp_path)
    entries = [Entry(STREAM, number, 1.0, raw) for number, raw in enumerate(RAW)]
    state = Snapshot(STREAM.run_id, len(RAW), codec.VERSION, codec.pack(run))
    disk.store.commit(entries, [state] if by == "snapshot" else [], [])
    disk.store.close()
    disk = Disk(tmp_path)
    router = LocalRouter(store=disk, decode=decode, catalogues=Catalogues(), clock=lambda: 1.0)
    router.restore(disk.store.remembered(codec.VERSION))
    disk.store.close()

    report = router.report(STREAM.run_id)
    assert report is not None
    assert report.evaluations == (TOLD,)


def test_the_latest_counts_are_kept() -> None:
    """All of them are shown, and of as many as a detector looks at the counts are."""
    history = histories.begin(played().history.hello)
    for epoch in range(2 * COUNTS_KEPT):
        told = dataclasses.replace(TOLD, step=epoch, label_counts=(epoch, 1))
        history = histories.evaluated(history, told)

    kept = history.evaluations
    assert [each.step for each in kept] == list(range(2 * COUNTS_KEPT))
    assert [each.label_counts for each in kept[:COUNTS_KEPT]] == [()] * COUNTS_KEPT
    assert all(each.correct_counts == () for each in kept[:COUNTS_KEPT])
    assert [each.label_counts[0] for each in kept[COUNTS_KEPT:]] == [
        each.step for each in kept[COUNTS_KEPT:]
    ]
