"""Asks a monitor's JSON API, and says in one sentence what is wrong where it does not answer."""

import ipaddress
import json
import os
import socket
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException
from itertools import islice, takewhile
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

import flatline
from flatline.commands.shapes import Json
from flatline.names import RUN_ID
from flatline.say import plain, shown

VARIABLE = "FLATLINE_URL"
"""Where the commands look for the monitor, unless --monitor says it."""
DEFAULT = "http://127.0.0.1:7512"

_SECONDS = 10.0
_PAGE = 100
_NAMED = 10
"""Runs that a message names when the beginning of an id fits several."""
_MOST_BYTES = 64 * 2**20
"""Largest answer that is read: a hundred runs are a few MiB, and the other end may be anything."""
_SERVE = "is it started (`flatline-monitor serve`)?"


class MonitorError(Exception):
    """The question has no answer; the message is a sentence for the person who asked."""


class NotFoundError(MonitorError):
    """The monitor answers, and does not know the run."""


class StrangerError(MonitorError):
    """What answers is something else."""

    def __init__(self, url: str, why: str) -> None:
        right = "--monitor must be the address of the pages"
        super().__init__(f"{url} is no flatline monitor ({why}); {right}")


def address(given: str | None) -> str:
    """Return the monitor's address: as given, else of the environment, else on this machine.

    Raises MonitorError for what is no address.
    """
    place, url = "--monitor", given
    if url is None:
        place, url = VARIABLE, os.environ.get(VARIABLE) or DEFAULT
    if not _is_address(url):
        right = f"it must be the address of the pages, for example {DEFAULT}"
        message = f"{place} is {shown(url, 200)}; {right}"
        raise MonitorError(message)
    return url.rstrip("/")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port is what checks it; zero is none to connect to.
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    more = parts.query or parts.fragment or parts.username is not None
    plain_text = url.isascii() and url.isprintable() and " " not in url
    return whole and parts.scheme in ("http", "https") and not more and plain_text


class Monitor:
    """The JSON API of one monitor. Whatever it answers is foreign, and read by `shapes`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = _opener(url)

    def runs(self, after: str | None = None) -> Iterator[Json]:
        """Return all runs, ordered by id; those after an id if one is given."""
        return self._items("/api/v1/runs", {} if after is None else {"after": after})

    def alerts(self, state: str | None = None) -> Iterator[Json]:
        """Return the alerts of all runs in one state, or all that are not inactive."""
        return self._items("/api/v1/alerts", {} if state is None else {"state": state})

    def run(self, run_id: str) -> Json:
        """Return the run of this id; raise NotFoundError if there is none."""
        path = f"/api/v1/runs/{quote(run_id, safe='')}"
        try:
            return self._get(path)
        except NotFoundError:
            self._check_ready()
            return self._get(path)  # it may have come with the answer that all is read back

    def report(self, run_id: str, *, markdown: bool) -> str:
        """Return the closing report of a run of this id, as JSON or as Markdown."""
        path = f"/api/v1/runs/{quote(run_id, safe='')}/report"
        return self._text(f"{path}?format={'markdown' if markdown else 'json'}")

    def find(self, beginning: str) -> Json:
        """Return the run of this id, or the only one whose id begins so."""
        if RUN_ID.fullmatch(beginning) is None:
            message = f"{shown(beginning)} is no id of a run; `flatline runs` lists them"
            raise MonitorError(message)
        try:
            return self.run(beginning)
        except NotFoundError:
            fits = takewhile(lambda run: _id(run).startswith(beginning), self.runs(beginning))
            found = list(islice(fits, _NAMED + 1))
        if len(found) == 1:
            return found[0]
        if not found:
            message = f"no run {beginning} at {self.url}; `flatline runs` lists them"
            raise NotFoundError(message)
        ids = ", ".join(plain(_id(run), 64) for run in found[:_NAMED])
        more = " and others" if len(found) > _NAMED else ""
        message = f"several runs begin with {beginning}: {ids}{more}; give more of the id"
        raise MonitorError(message)

    def _items(self, path: str, query: dict[str, str]) -> Iterator[Json]:
        """Go through the pages of a list."""
        query = {"limit": str(_PAGE)} | query
        content = self._get(f"{path}?{urlencode(query)}")
        if not content.get("items"):
            self._check_ready()
            content = self._get(f"{path}?{urlencode(query)}")
        while True:
            items, after = content.get("items"), content.get("next")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise StrangerError(self.url, "it gives no list")
            yield from items
            if after is None:
                return
            # The list is ordered: a page that does not lead on would be asked for without end.
            if not isinstance(after, str) or after <= query.get("after", ""):
                raise StrangerError(self.url, "its list does not end")
            query["after"] = after
            content = self._get(f"{path}?{urlencode(query)}")

    def _check_ready(self) -> None:
        """Raise MonitorError while the monitor reads its runs back and seems to have none."""
        try:
            self._ask("/readyz")
        except HTTPError as error:
            with error:
                if error.code == HTTPStatus.SERVICE_UNAVAILABLE:
                    message = f"the monitor at {self.url} is starting; try again in a moment"
                    raise MonitorError(message) from error

    def _get(self, path: str) -> Json:
        content = _object(self._text(path))
        if content is None:
            raise StrangerError(self.url, "it answers no JSON")
        return content

    def _text(self, path: str) -> str:
        try:
            return self._ask(path).decode(errors="replace")
        except HTTPError as error:
            with error:
                raise self._refusal(error) from error

    def _ask(self, path: str) -> bytes:
        """Return what is at a path; raise HTTPError for a refusal and MonitorError for silence."""
        agent = {"User-Agent": f"flatline/{flatline.__version__}"}
        request = Request(self.url + path, headers=agent)  # noqa: S310 - `address` takes http only
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                return bytes(answer.read(_MOST_BYTES))
        except HTTPError:
            raise
        except (OSError, HTTPException, ValueError) as error:
            raise MonitorError(self._silence(error)) from error

    def _silence(self, error: Exception) -> str:
        """Say why there is no answer."""
        cause = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, HTTPException):
            return f"{self.url} does not answer HTTP: is it the port of the pages (7512, not 7511)?"
        if isinstance(cause, socket.gaierror | UnicodeError):
            return f"the host of {self.url} does not resolve; --monitor must be the pages' address"
        if isinstance(cause, TimeoutError):
            return f"no answer from {self.url} within {_SECONDS:g} s: does a firewall drop packets?"
        why = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
        return f"the monitor at {self.url} cannot be reached ({plain(why, 200)}): {_SERVE}"

    def _refusal(self, error: HTTPError) -> MonitorError:
        """Say what was refused, in the monitor's own words where it is a monitor."""
        try:
            content = _object(error.read(_MOST_BYTES)) or {}
        except (OSError, HTTPException):
            content = {}
        sentence = content.get("error")
        if isinstance(sentence, str):
            kind = NotFoundError if error.code == HTTPStatus.NOT_FOUND else MonitorError
            return kind(f"{self.url} refuses: {plain(sentence)}")
        return StrangerError(self.url, f"it answers {error.code} {plain(str(error.reason), 60)}")


def _id(run: Json) -> str:
    return str(run.get("id", ""))


def _object(content: bytes | str) -> Json | None:
    """Return the JSON object in an answer; None: there is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _opener(url: str) -> OpenerDirector:
    """Return what asks; a proxy of the environment is never meant for this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    return build_opener(ProxyHandler({})) if local else build_opener()
