"""The HTTP server around the pages: it listens where it is told and leaves signals to `app`."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette

from flatline_monitor.settings import split_address


class BindError(Exception):
    """The address cannot be listened on."""


@contextlib.asynccontextmanager
async def serve_http(app: Starlette, address: str) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """Serve for as long as the block lasts; yield the real address and the task that serves."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    with _bound(address) as listening:
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield with_port(address, listening.getsockname()[1]), task
        finally:
            server.should_exit = True
            await asyncio.gather(task, return_exceptions=True)


def with_port(address: str, port: int) -> str:
    """Return the address with the port that the system chose."""
    return f"{address.rpartition(':')[0]}:{port}"


class _Server(uvicorn.Server):
    """Uvicorn would end the process at a signal; `app` has more to do by then."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextlib.contextmanager
def _bound(address: str) -> Iterator[socket.socket]:
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        msg = (
            f"http_address {address} cannot be listened on ({error.strerror}); "
            "is another monitor running there?"
        )
        raise BindError(msg) from error
    with listening:
        yield listening
