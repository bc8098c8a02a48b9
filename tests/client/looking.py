"""A monitor's pages behind a real port, and somebody who looks at them with `flatline`."""

import asyncio
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import pytest

from flatline.cli import main
from flatline_monitor.alerts.report import RunReport
from flatline_monitor.http_server import serve_http
from flatline_monitor.web.pages import build

WAIT_SECONDS = 30.0


class Pages:
    """The monitor's HTTP side over the runs in `runs`; it keeps its port when it is restarted."""

    def __init__(self, *runs: RunReport) -> None:
        self.runs: Sequence[RunReport] = runs
        self.ready = True
        self._address = "127.0.0.1:0"
        self._app = build(
            reports=lambda: self.runs if self.ready else (),
            report=self._report,
            metrics=lambda: b"up 1\n",
            ready=lambda: self.ready,
            version="0.1.0",
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://{self._address}"

    def start(self) -> None:
        self._served = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._served.wait(WAIT_SECONDS)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(WAIT_SECONDS)

    def _report(self, run_id: str) -> RunReport | None:
        return next((run for run in self.runs if self.ready and run.run_id == run_id), None)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve_http(self._app, self._address) as (self._address, _):
            self._served.set()
            await self._stop.wait()


def flatline(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command; return its status, stdout and stderr."""
    status = main(arguments)
    return (status, *capsys.readouterr())
