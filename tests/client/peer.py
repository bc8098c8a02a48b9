"""A monitor of a few lines on a real gRPC server, which does as it is told."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, Self

import grpc

from flatline.v1 import monitor_pb2, monitor_pb2_grpc

WAIT_SECONDS = 10.0
"""Longest wait of a test for something that is bound to happen."""


class Memory:
    """What monitors on one disk know: it outlives each of them."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.hellos: list[monitor_pb2.Hello] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.records: list[monitor_pb2.WatchRequest] = []
        """The records taken, in order."""
        self.again: list[int] = []
        """Numbers of records that came though they were there already."""
        self.holes: list[int] = []
        """Numbers of records that came too early."""

    @property
    def kinds(self) -> list[str | None]:
        """What the records are."""
        return [record.WhichOneof("message") for record in self.records]

    @property
    def steps(self) -> list[int]:
        """The steps in all chunks, as they came."""
        chunks = [record.chunk for record in self.records if record.HasField("chunk")]
        return [chunk.first_step + i for chunk in chunks for i in range(chunk.n)]

    def take(self, request: monitor_pb2.WatchRequest) -> None:
        """Keep a record unless it is there already."""
        with self.changed:
            following = len(self.records) + 1
            if request.sequence < following:
                self.again.append(request.sequence)
            elif request.sequence > following:
                self.holes.append(request.sequence)
            else:
                self.records.append(request)
            self.changed.notify_all()

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until something is true of this memory."""
        with self.changed:
            assert self.changed.wait_for(condition, WAIT_SECONDS), self.kinds


@dataclass
class Script:
    """How a monitor behaves."""

    answers: bool = True
    """Whether it says welcome at all."""
    protocol: int = 1
    acknowledges: bool = True
    closes_after: int | None = None
    """Number of records after which it closes the stream without acknowledging them."""
    refuses: tuple[grpc.StatusCode, str] | None = None
    findings: Sequence[monitor_pb2.Finding] = ()
    """Told with the first record of each stream."""
    last_findings: Sequence[monitor_pb2.Finding] = ()
    """Told after the acknowledgement of the end."""
    verdicts: Sequence[monitor_pb2.Verdict] = ()
    """Told with the first record of each stream."""
    last_verdicts: Sequence[monitor_pb2.Verdict] = ()
    """Told with the end, before its acknowledgement."""
    run_url: str = ""
    limits: monitor_pb2.Limits = field(default_factory=monitor_pb2.Limits)
    next_sequence: int | None = None
    """What it says instead of the truth."""


class _Servicer(monitor_pb2_grpc.MonitorServiceServicer):
    def __init__(self, memory: Memory, script: Script, stopped: threading.Event) -> None:
        self._memory = memory
        self._script = script
        self._stopped = stopped

    def Watch(  # noqa: N802 - the generated base class names it so
        self,
        request_iterator: Iterator[monitor_pb2.WatchRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[monitor_pb2.WatchResponse]:
        script, memory = self._script, self._memory
        hello = next(request_iterator).hello
        with memory.changed:
            memory.hellos.append(hello)
            memory.metadata.append(dict(context.invocation_metadata()))
            memory.changed.notify_all()
        if script.refuses is not None:
            context.abort(*script.refuses)
        if not hello.run_id:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "run_id is empty")
        if not script.answers:
            self._stopped.wait()
            return
        yield self._welcome()
        for count, request in enumerate(request_iterator, 1):
            memory.take(request)
            if count == script.closes_after:
                return
            yield from self._replies(request, first=count == 1)

    def _welcome(self) -> monitor_pb2.WatchResponse:
        following = len(self._memory.records) + 1
        welcome = monitor_pb2.Welcome(
            protocol=self._script.protocol,
            next_sequence=self._script.next_sequence or following,
            limits=self._script.limits,
            run_url=self._script.run_url,
        )
        return monitor_pb2.WatchResponse(welcome=welcome)

    def _replies(
        self, request: monitor_pb2.WatchRequest, *, first: bool
    ) -> Iterator[monitor_pb2.WatchResponse]:
        if first:
            for finding in self._script.findings:
                yield monitor_pb2.WatchResponse(finding=finding)
            for verdict in self._script.verdicts:
                yield monitor_pb2.WatchResponse(verdict=verdict)
        if request.HasField("end"):
            for verdict in self._script.last_verdicts:
                yield monitor_pb2.WatchResponse(verdict=verdict)
        if self._script.acknowledges:
            last = len(self._memory.records)
            ack = monitor_pb2.Ack(received_sequence=last, durable_sequence=last)
            yield monitor_pb2.WatchResponse(ack=ack)
        if request.HasField("end"):
            for finding in self._script.last_findings:
                yield monitor_pb2.WatchResponse(finding=finding)


class Peer:
    """A running monitor; `die` ends it as kill -9 would, and a new one may take its port."""

    def __init__(
        self, memory: Memory | None = None, script: Script | None = None, port: int = 0
    ) -> None:
        self.memory = memory or Memory()
        self.script = script or Script()
        self._stopped = threading.Event()
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        servicer = _Servicer(self.memory, self.script, self._stopped)
        monitor_pb2_grpc.add_MonitorServiceServicer_to_server(servicer, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()

    @property
    def target(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def die(self) -> None:
        """End at once."""
        self._stopped.set()
        self._server.stop(None).wait(WAIT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.die()


def finding(detector: str = "non_finite", step: int = 57, **fields: object) -> monitor_pb2.Finding:
    """Make a finding as a monitor sends it."""
    message = monitor_pb2.Finding(
        detector=detector,
        state=monitor_pb2.ALERT_STATE_FIRING,
        severity=monitor_pb2.SEVERITY_CRITICAL,
        since_step=step,
        step=step,
        summary="the loss is nan",
    )
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def verdict(level: str = "sick", **fields: Any) -> monitor_pb2.Verdict:
    """Make a verdict as a monitor sends it."""
    content = {"level": f"VERDICT_LEVEL_{level.upper()}", "sentence": f"a {level} run"}
    return monitor_pb2.Verdict(**content | fields)
