"""A real gRPC server around the servicer, and a client that says what a test wants."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc

from flatline.v1 import monitor_pb2 as pb
from flatline_monitor.ingest.auth import Tokens
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.ingest.refusals import Refusals
from flatline_monitor.ingest.router import Router
from flatline_monitor.ingest.server import build_server, listen
from flatline_monitor.ingest.servicer import Servicer
from tests.monitor.ingest.memory_router import MemoryRouter

T = TypeVar("T")
PATIENCE_SECONDS = 20
WATCH = "/flatline.v1.MonitorService/Watch"


def run(story: Coroutine[Any, Any, T]) -> T:
    """Play a test's story; no story takes long."""
    return asyncio.run(asyncio.wait_for(story, PATIENCE_SECONDS))


@dataclass
class Service:
    """A service and a channel to it."""

    router: Any
    """The MemoryRouter, or the one that was given."""
    refusals: Refusals
    servicer: Servicer
    server: grpc.aio.Server
    channel: grpc.aio.Channel

    def watch(self, token: str | None = None, **how: Any) -> Any:
        metadata = [("authorization", f"Bearer {token}")] if token else None
        return self.channel.stream_stream(WATCH)(metadata=metadata, **how)


@contextlib.asynccontextmanager
async def service(
    router: Router | None = None,
    limits: Limits | None = None,
    token_file: Path | None = None,
) -> AsyncIterator[Service]:
    """Serve on a free port for as long as the block lasts."""
    router, limits, refusals = router or MemoryRouter(), limits or Limits(), Refusals()
    servicer = Servicer(
        router, refusals, limits=limits, version="1.2.3", public_url="http://monitor"
    )
    tokens = Tokens(token_file) if token_file else None
    server = build_server(servicer, refusals, limits=limits, tokens=tokens)
    port = listen(server, "127.0.0.1:0")
    await server.start()
    # A channel of its own for each test: gRPC would share the connection between them.
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        try:
            yield Service(router, refusals, servicer, server, channel)
        finally:
            await server.stop(None)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so, which is soon."""
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(true)


async def say(call: Any, *messages: bytes) -> pb.WatchResponse:
    """Send messages and return the next answer."""
    for message in messages:
        await call.write(message)
    return await answer(call)


async def answer(call: Any) -> pb.WatchResponse:
    """Return the next answer; raise AioRpcError if the stream was refused."""
    raw = await call.read()
    if raw is grpc.aio.EOF:
        code = await call.code()
        raise AssertionError(code, await call.details())
    return pb.WatchResponse.FromString(raw)


async def everything(call: Any, messages: Sequence[bytes]) -> list[pb.WatchResponse]:
    """Send messages, close, and return all answers up to the end of the stream."""
    for message in messages:
        await call.write(message)
    await call.done_writing()
    answers = []
    while (raw := await call.read()) is not grpc.aio.EOF:
        answers.append(pb.WatchResponse.FromString(raw))
    return answers


async def refused(call: Any, messages: Sequence[bytes]) -> tuple[grpc.StatusCode, str]:
    """Send messages, and return how and why they were refused; OK if they were not."""
    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        for message in messages:
            await call.write(message)
        await call.done_writing()
    # The status comes after the answers, so they must be read.
    with contextlib.suppress(grpc.aio.AioRpcError):
        while await call.read() is not grpc.aio.EOF:
            pass
    return await call.code(), await call.details()
