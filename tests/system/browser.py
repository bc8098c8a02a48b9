"""Headless Chromium, driven as a person would use it, and what it has to complain about."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

# As root there is no sandbox; the rest keeps the browser from calling home.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
INSTALL = "sudo apt-get install -y --no-install-recommends chromium"
PATIENCE_MS = 20_000

# What a canvas shows: how many of its pixels are of each colour that it has.
COLOURS = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", {willReadFrequently: true});
  context.drawImage(canvas, 0, 0);
  const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
  const found = {};
  for (let i = 0; i < data.length; i += 4) {
    const colour = data.slice(i, i + 4).join();
    found[colour] = (found[colour] ?? 0) + 1;
  }
  return found;
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium; fail, with what to install, where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail(f"Chromium is not installed; run: make tools, or: {INSTALL}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS])
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One page in a window of its own; `problems` are all that its console complained about."""

    def __init__(self, browser: Browser, address: str, **window: Any) -> None:
        self._context = browser.new_context(
            **{"viewport": {"width": 1200, "height": 1600}} | window
        )
        self._context.set_default_timeout(PATIENCE_MS)
        self.address = address
        self.problems: list[str] = []
        self.page: Page = self._context.new_page()
        self.page.on("console", lambda said: self._hear(said.type, said.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("requestfailed", lambda asked: self.problems.append(f"failed: {asked.url}"))

    def __enter__(self) -> Self:
        self.page.goto(self.address)
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    @property
    def text(self) -> str:
        """What a person reads, in one line."""
        return " ".join(self.page.inner_text("body").split())

    def drawn(self, chart: str) -> dict[str, int]:
        """Return how many pixels of a chart have each colour, as "red,green,blue,alpha"."""
        colours: dict[str, int] = self.page.locator(f"#chart-{chart} canvas").evaluate(COLOURS)
        return colours

    def wait_for(self, words: str) -> None:
        """Wait until a person can read the words."""
        self.page.wait_for_function(
            "words => document.body.innerText.replace(/\\s+/g, ' ').includes(words)", arg=words
        )

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.problems.append(text)
