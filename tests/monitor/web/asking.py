"""A site over given runs, and somebody who asks it questions."""

import asyncio
from html.parser import HTMLParser
from typing import Any

import httpx

from flatline_monitor.alerts.report import RunReport
from flatline_monitor.web.pages import build
from tests.monitor.reports import RUN_ID


class Site:
    """The application as app.py would build it, without a socket."""

    def __init__(self, *runs: RunReport, ready: bool = True, **parts: Any) -> None:
        by_id = {run.run_id: run for run in runs}
        facts: dict[str, Any] = {
            "reports": lambda: runs,
            "report": by_id.get,
            "metrics": lambda: b"up 1\n",
            "ready": lambda: ready,
            "version": "0.1.0",
        }
        self._app = build(**facts | parts)

    def ask(self, path: str, method: str = "GET") -> httpx.Response:
        return asyncio.run(self._ask(path, method))

    async def _ask(self, path: str, method: str) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path)


class Tags(HTMLParser):
    """Reads a page the way a browser does."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def read(site: Site, path: str = f"/runs/{RUN_ID}") -> Tags:
    """Return a page as a browser reads it."""
    answer = site.ask(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Tags(answer.text)
