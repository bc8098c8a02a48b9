"""The store as the event loop sees it."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from flatline_monitor.alerts.report import RunReport
from flatline_monitor.runs.journal import Entry, Snapshot
from flatline_monitor.storage.store import SqliteStore

P = ParamSpec("P")
T = TypeVar("T")


class Writer:
    """Does the store's work in one thread of its own, one thing after the other."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")

    async def commit(
        self,
        entries: Sequence[Entry],
        snapshots: Sequence[Snapshot],
        reports: Sequence[RunReport],
    ) -> None:
        """Write all of it or nothing; return when it survives a crash."""
        await self._run(self._store.commit, entries, snapshots, reports)

    async def prune(self, before: float, keep: Collection[str] = ()) -> int:
        """Forget the runs of which nothing came since `before`, but for those to keep."""
        return await self._run(self._store.prune, before, keep)

    async def close(self) -> None:
        """Finish what was begun, and close the store."""
        await self._run(self._store.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        future = self._thread.submit(work, *args, **kwargs)
        # Whoever waits may be cancelled; work that has begun is not, and must not be half known.
        return await asyncio.shield(asyncio.wrap_future(future))
