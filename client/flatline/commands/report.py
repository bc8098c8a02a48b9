"""`flatline report RUN`: what a run came to, as a page of Markdown."""

import json
from collections.abc import Iterator

from flatline.commands.api import Monitor
from flatline.commands.tables import as_json


def report(monitor: Monitor, run: str, *, raw: bool) -> Iterator[str]:
    """Return the lines; `run` is the beginning of an id."""
    found = str(monitor.find(run).get("id", run))
    text = monitor.report(found, markdown=not raw)
    if raw:
        yield from as_json(json.loads(text))
    else:
        yield from ("".join(c if c.isprintable() else "?" for c in line) for line in _lines(text))


def _lines(text: str) -> list[str]:
    return text.expandtabs(4).rstrip().split("\n")
