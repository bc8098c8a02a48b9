"""Joins the rooms: settings, store, engine, gRPC and HTTP, in one process and one event loop."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

import flatline
from flatline_monitor.alerts.report import RunReport
from flatline_monitor.detectors.catalogue import catalogues
from flatline_monitor.detectors.settings import SettingsError as DetectorSettingsError
from flatline_monitor.engine.codec import VERSION
from flatline_monitor.engine.local import LocalRouter
from flatline_monitor.exposition.collector import Exposition
from flatline_monitor.http_server import BindError, serve_http, with_port
from flatline_monitor.ingest.auth import Tokens, TokensError
from flatline_monitor.ingest.decode import decode
from flatline_monitor.ingest.refusals import Refusals
from flatline_monitor.ingest.server import ListenError, build_server, listen
from flatline_monitor.ingest.servicer import Servicer
from flatline_monitor.logs import configure_logs
from flatline_monitor.settings import Settings
from flatline_monitor.storage.errors import StoreError
from flatline_monitor.storage.store import SqliteStore
from flatline_monitor.storage.writer import Writer
from flatline_monitor.web.pages import build

GRACE_SECONDS = 5
"""How long streams may take to hear their last acknowledgement when the service stops."""
PRUNE_SECONDS = 3600.0
DAY_SECONDS = 86_400.0
REVISION = "unknown"


class StartError(Exception):
    """The service cannot start; the message says why, and what would be right."""


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code. Raises StartError."""
    configure_logs(settings.log_format, settings.log_level)
    try:
        return asyncio.run(_serve(settings))
    except (TokensError, StoreError, ListenError, BindError, DetectorSettingsError) as error:
        raise StartError(str(error)) from error
    except sqlite3.Error as error:
        msg = f"the journal in {settings.data_dir} cannot be read ({error}); restore a backup"
        raise StartError(msg) from error


async def _serve(settings: Settings) -> int:
    tokens = Tokens(settings.token_file) if settings.token_file else None
    detectors = catalogues(settings.detectors, settings.numbers_of_projects)
    stop = _stop_on_signals()
    store = SqliteStore(settings.data_dir)
    writer = Writer(store)
    try:
        router = LocalRouter(
            store=writer,
            decode=decode,
            catalogues=detectors,
            clock=time.time,
            max_runs=settings.limits.runs,
        )
        return await _Service(settings, router, store, writer, tokens).run(stop)
    finally:
        await writer.close()


class _Service:
    """The parts that take runs and show them, around one engine."""

    def __init__(
        self,
        settings: Settings,
        router: LocalRouter,
        store: SqliteStore,
        writer: Writer,
        tokens: Tokens | None,
    ) -> None:
        self._settings, self._router, self._tokens = settings, router, tokens
        self._store, self._writer = store, writer
        self._refusals = Refusals()
        self._ready = False
        self._log = structlog.get_logger()

    async def run(self, stop: asyncio.Future[None]) -> int:
        """Serve until told to stop, or until a part fails; return the exit code."""
        async with serve_http(self._pages(), self._settings.http_address) as (http_address, http):
            servicer = Servicer(
                self._router,
                self._refusals,
                limits=self._settings.limits,
                version=flatline.__version__,
                public_url=self._settings.public_url or f"http://{http_address}",
            )
            server = build_server(
                servicer, self._refusals, limits=self._settings.limits, tokens=self._tokens
            )
            port = listen(server, self._settings.grpc_address)
            await asyncio.to_thread(self._restore)
            await server.start()
            self._ready = True
            grpc_address = with_port(self._settings.grpc_address, port)
            self._log.info(
                "serving", grpc=grpc_address, http=http_address, version=flatline.__version__
            )
            parts = [asyncio.create_task(part) for part in (self._router.run(), self._prune())]
            await asyncio.wait({stop, http, *parts}, return_when="FIRST_COMPLETED")
            self._ready = False
            self._log.info("stopping", streams=servicer.streams)
            servicer.drain()
            await server.stop(GRACE_SECONDS)
            return await self._end([*parts, http], cancel=parts)

    async def _end(
        self, parts: Sequence[asyncio.Task[None]], cancel: Sequence[asyncio.Task[None]]
    ) -> int:
        """Commit what is left; return 0 if every part went on to the end."""
        failed = [task for task in parts if task.done()]
        for task in failed:
            self._log.error("a part of the service ended", exc_info=task.exception())
        # Cancelled in the middle of a commit the engine would make that commit a second time;
        # when `drain` returns, none is going on.
        await self._router.drain()
        for task in cancel:
            task.cancel()
        await asyncio.gather(*cancel, return_exceptions=True)
        self._log.info("stopped")
        return 1 if failed else 0

    def _pages(self) -> Starlette:
        return build(
            reports=self._reports,
            report=self._report,
            metrics=self._metrics(),
            ready=lambda: self._ready,
            version=flatline.__version__,
        )

    def _metrics(self) -> Callable[[], bytes]:
        exposition = Exposition(
            reports=self._router.reports,
            counters=self._router.counters,
            refusals=self._refusals.counts,
            series_cap=self._settings.series_cap,
            linger_seconds=self._settings.alert_linger_seconds,
            retention_seconds=self._settings.run_retention_seconds,
            version=flatline.__version__,
            revision=REVISION,
            clock=time.time,
        )

        def render() -> bytes:
            if not self._ready:
                # A page without the alerts that fire would resolve them.
                raise HTTPException(
                    HTTPStatus.SERVICE_UNAVAILABLE, "The monitor reads back what it remembers."
                )
            return exposition.render()

        return render

    def _reports(self) -> Sequence[RunReport]:
        return self._router.reports() if self._ready else ()

    def _report(self, run_id: str) -> RunReport | None:
        return self._router.report(run_id) if self._ready else None

    def _restore(self) -> None:
        """Go on where the journal ends; before anything else uses the router or the store."""
        began = time.monotonic()
        pruned = self._store.prune(self._oldest())
        self._router.restore(self._store.remembered(VERSION))
        self._log.info(
            "restored",
            runs=len(self._router.reports()),
            pruned=pruned,
            seconds=round(time.monotonic() - began, 3),
        )

    async def _prune(self) -> None:
        """Forget old runs each hour, but for those that the engine still has."""
        while True:
            await asyncio.sleep(PRUNE_SECONDS)
            keep = {report.run_id for report in self._router.reports()}
            try:
                await self._writer.prune(self._oldest(), keep)
            except sqlite3.Error:
                self._log.exception("could not forget old runs; trying again in an hour")

    def _oldest(self) -> float:
        return time.time() - self._settings.keep_days * DAY_SECONDS


def _stop_on_signals() -> asyncio.Future[None]:
    """Return what is done at the first SIGTERM or SIGINT; a second one ends the process."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()

    def ask() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if not stop.done():
            stop.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)
    return stop
