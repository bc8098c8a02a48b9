"""The event loop goes on while the disk is slow."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from flatline_monitor.alerts.report import RunReport
from flatline_monitor.runs.journal import Entry, Snapshot
from flatline_monitor.runs.records import StreamKey
from flatline_monitor.storage.store import SqliteStore
from flatline_monitor.storage.writer import Writer

A = StreamKey("a", 0, 0)


def test_commits_are_made_in_order_in_a_thread_of_their_own(tmp_path: Path) -> None:
    """They may be asked for all at once."""

    async def story() -> None:
        writer = Writer(SqliteStore(tmp_path))
        await asyncio.gather(
            *(writer.commit([Entry(A, n, 1.0, b"x")], [], []) for n in range(20)),
        )
        assert await writer.prune(0.5) == 0
        await writer.close()

    asyncio.run(story())
    store = SqliteStore(tmp_path)
    (a,) = store.remembered(1)
    store.close()
    assert [entry.sequence for entry in a.entries] == list(range(20))


class SlowStore(SqliteStore):
    """A store on a slow disk."""

    def commit(
        self,
        entries: Sequence[Entry],
        snapshots: Sequence[Snapshot],
        reports: Sequence[RunReport],
    ) -> None:
        time.sleep(0.1)
        super().commit(entries, snapshots, reports)


def test_a_commit_that_began_is_finished_before_the_store_is_closed(tmp_path: Path) -> None:
    """Also where nobody waits for it any more."""

    async def story() -> None:
        writer = Writer(SlowStore(tmp_path))
        waiting = asyncio.create_task(writer.commit([Entry(A, 1, 1.0, b"x")], [], []))
        await asyncio.sleep(0)
        waiting.cancel()
        await writer.close()

    asyncio.run(story())
    store = SqliteStore(tmp_path)
    assert len(list(store.remembered(1))) == 1
    store.close()
