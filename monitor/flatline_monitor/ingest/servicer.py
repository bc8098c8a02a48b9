"""The gRPC service: streams in, acknowledgements and findings out."""

import asyncio
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc
import structlog

from flatline_monitor.ingest import answers
from flatline_monitor.ingest.checks import MAX_STEP
from flatline_monitor.ingest.decode import parse, record
from flatline_monitor.ingest.hello import read_opening
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.ingest.outbox import Outbox
from flatline_monitor.ingest.reasons import Reason
from flatline_monitor.ingest.refusals import Refusals
from flatline_monitor.ingest.router import Router
from flatline_monitor.ingest.shape import ANY_SHAPE, Shape, announced
from flatline_monitor.runs.records import Hello, Record, RefusedError, StreamKey, Variables

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"

SERVICE, METHOD = "flatline.v1.MonitorService", "Watch"


@dataclass(slots=True)
class _Stream:
    """Where one stream is."""

    hello: Hello
    next: int
    """First sequence that the monitor does not have."""
    variables: Variables | None
    outbox: Outbox
    superseded: asyncio.Future[None]
    """Done when the same rank of the same run has opened another stream."""
    last: int = 0
    """Last sequence that was handed to the router."""
    whole: bool = field(init=False)
    """Whether everything since the first record came by here; else variables may be missing."""

    def __post_init__(self) -> None:
        self.whole = self.next == 1

    @property
    def key(self) -> StreamKey:
        return StreamKey(self.hello.run_id, self.hello.incarnation, self.hello.rank)

    @property
    def shape(self) -> Shape:
        """The axes that were announced."""
        return announced(self.hello, self.variables, whole=self.whole)

    def note(self, sequence: int, item: Record) -> None:
        """Take over what a new record says about those that follow."""
        self.next = sequence + 1
        if isinstance(item, Variables):
            self.variables = item
        elif isinstance(item, Hello):
            self.hello = item


class Servicer:
    """Serves the streams of all runs on one event loop; starts two tasks for each.

    gRPC decodes nothing: `decode` reads the columns where they lie.
    """

    def __init__(
        self,
        router: Router,
        refusals: Refusals,
        *,
        limits: Limits,
        version: str,
        public_url: str | None = None,
    ) -> None:
        self._router = router
        self._refusals = refusals
        self._limits = limits
        self._version = version
        self._public_url = public_url
        self._draining: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._log = structlog.get_logger()
        self._by_key: dict[StreamKey, _Stream] = {}
        self.streams = 0
        """Streams that are open."""

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a server needs to serve this."""
        watch: Handler = grpc.stream_stream_rpc_method_handler(self.watch)
        return grpc.method_handlers_generic_handler(SERVICE, {METHOD: watch})

    def drain(self) -> None:
        """Take nothing more; a stream ends once what it sent is durable and acknowledged."""
        if not self._draining.done():
            self._draining.set_result(None)

    async def watch(self, _: object, context: Context) -> None:
        """Serve one stream, from its hello until both sides have closed."""
        self.streams += 1
        try:
            refusal = await self._attempt(context)
        finally:
            self.streams -= 1
        if refusal is not None:
            status = self._refusals.count(refusal, peer=context.peer())
            await context.abort(status, str(refusal))

    async def _attempt(self, context: Context) -> RefusedError | None:
        try:
            await self._serve(context)
        except RefusedError as refusal:
            return refusal
        except Exception:  # noqa: BLE001 - whatever it is, the client must hear that it is ours
            self._log.exception("stream failed", peer=context.peer())
            return RefusedError(Reason.INTERNAL, "the monitor failed; its log says why")
        return None

    async def _serve(self, context: Context) -> None:
        stream = await self._open(context)
        reader = asyncio.create_task(self._read(stream, context))
        pump = asyncio.create_task(stream.outbox.pump(context.write))
        try:
            await _first_of(reader, pump, self._draining, stream.superseded)
            drained = not reader.done()
            if reader.done():
                reader.result()
            await _stop(reader)
            stream.outbox.finish(stream.last)
            await _first_of(pump, stream.superseded)
            if not pump.done():
                raise _superseded(stream.key)
            pump.result()
        finally:
            self._router.close(stream.key, stream.outbox)
            if self._by_key.get(stream.key) is stream:
                del self._by_key[stream.key]
            await _stop(reader, pump)
        if drained:
            raise _shutting_down()

    async def _open(self, context: Context) -> _Stream:
        """Return the stream that the first message opens, after the welcome."""
        if self._draining.done():
            raise _shutting_down()
        if self.streams > self._limits.streams:
            raise RefusedError(
                Reason.TOO_MANY_STREAMS,
                f"{self._limits.streams} streams are open; come again later",
            )
        raw = await self._first(context)
        hello = read_opening(parse(raw, self._limits), self._limits)
        outbox = Outbox()
        following = await self._router.open(hello, raw, outbox)
        key = StreamKey(hello.run_id, hello.incarnation, hello.rank)
        url = f"{self._public_url}/runs/{hello.run_id}" if self._public_url else ""
        try:
            await context.write(answers.welcome(following, self._limits, self._version, url))
        except BaseException:
            self._router.close(key, outbox)
            raise
        superseded = asyncio.get_running_loop().create_future()
        stream = _Stream(hello, following, self._router.variables(key), outbox, superseded)
        before = self._by_key.get(key)
        if before is not None and not before.superseded.done():
            before.superseded.set_result(None)
        self._by_key[key] = stream
        return stream

    async def _first(self, context: Context) -> bytes:
        seconds = self._limits.hello_seconds
        try:
            raw = await asyncio.wait_for(_receive(context), seconds)
        except TimeoutError as error:
            raise RefusedError(
                Reason.NO_HELLO, f"no hello within {seconds} s; it must be sent at once"
            ) from error
        if raw is None:
            raise RefusedError(Reason.INVALID_HELLO, "the stream ended before a hello")
        return raw

    async def _read(self, stream: _Stream, context: Context) -> None:
        """Hand records to the router until the client closes its side."""
        while (raw := await _receive(context)) is not None:
            message = parse(raw, self._limits)
            sequence = message.sequence
            if not 0 < sequence <= MAX_STEP:
                raise RefusedError(
                    Reason.OUT_OF_ORDER,
                    f"a record with sequence {sequence}; after the hello they count from 1",
                )
            # A record that was had before goes by the axes of its own time.
            known = sequence < stream.next
            stream.whole &= sequence <= stream.next
            item = record(message, self._limits, ANY_SHAPE if known else stream.shape)
            if isinstance(item, Hello):
                _check_same(item, stream)
            await self._router.submit(stream.key, sequence, item, raw)
            stream.last = max(stream.last, sequence)
            if not known:
                stream.note(sequence, item)


async def _receive(context: Context) -> bytes | None:
    """Return the next message, None when the client has closed its side."""
    raw: object = await context.read()
    return raw if isinstance(raw, bytes) else None


def _check_same(hello: Hello, stream: _Stream) -> None:
    if StreamKey(hello.run_id, hello.incarnation, hello.rank) != stream.key:
        raise RefusedError(
            Reason.INVALID_HELLO,
            f"a hello of run {hello.run_id}, incarnation {hello.incarnation}, rank {hello.rank} "
            f"on a stream that began as another ({stream.hello.run_id}, "
            f"{stream.hello.incarnation}, {stream.hello.rank}); open a stream of its own",
        )


def _shutting_down() -> RefusedError:
    return RefusedError(Reason.SHUTTING_DOWN, "the monitor is shutting down; connect again")


def _superseded(key: StreamKey) -> RefusedError:
    return RefusedError(
        Reason.SUPERSEDED,
        f"rank {key.rank} of run {key.run_id} has opened another stream; two processes that train "
        "at the same time need a run id or a rank of their own",
    )


async def _first_of(*futures: asyncio.Future[None]) -> None:
    await asyncio.wait(futures, return_when="FIRST_COMPLETED")


async def _stop(*tasks: asyncio.Task[None]) -> None:
    """End tasks and wait until they have; what they raised has been seen to elsewhere."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
