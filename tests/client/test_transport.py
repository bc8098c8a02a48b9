"""Whatever listens at the other end, the sender learns in a few words what is the matter."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest

from flatline import wire
from flatline.rows import Description
from flatline.transport import METHOD, LostError, RefusedError, Stream, is_loopback
from flatline.v1 import monitor_pb2
from tests.client.peer import Peer, Script

HELLO = wire.hello(wire.Identity("calm-otter-0001"), Description())


def first_reply(target: str, **options: Any) -> monitor_pb2.WatchResponse:
    """Open a stream and read until something comes of it."""
    hung_up = threading.Event()

    def requests() -> Iterator[bytes]:
        yield HELLO
        hung_up.wait()

    stream = Stream(target, requests(), **options)
    try:
        return next(iter(stream))
    finally:
        hung_up.set()
        stream.close()


@pytest.fixture
def speak() -> Iterator[Callable[[bytes], str]]:
    """Start gRPC servers whose Watch answers with given bytes."""
    servers = []

    def start(reply: bytes) -> str:
        def watch(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
            next(requests)
            yield reply

        service, method = METHOD.strip("/").split("/")
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(watch)
        server = grpc.server(futures.ThreadPoolExecutor(2))
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {method: handler}),)
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None).wait(5)


def test_a_monitor_answers_with_its_welcome() -> None:
    """The ordinary case."""
    with Peer() as peer:
        reply = first_reply(peer.target)

    assert reply.welcome.next_sequence == 1


def test_nobody_listening_is_a_reason_to_try_again() -> None:
    """A refused connection is named as such."""
    with pytest.raises(LostError, match=r"^connection refused$"):
        first_reply("127.0.0.1:1")


def test_a_name_that_does_not_resolve_is_a_reason_to_try_again() -> None:
    """It may resolve tomorrow: names of clusters come and go."""
    with pytest.raises(LostError, match="the name does not resolve"):
        first_reply("no-such-host.invalid:7511")


def test_a_port_that_accepts_and_says_nothing_is_given_up() -> None:
    """A connection is not an answer: this is what a stopped process looks like."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(LostError, match=r"^no answer within 0\.3 s$"):
            first_reply(f"127.0.0.1:{silent.getsockname()[1]}", answer_seconds=0.3)

    assert time.monotonic() - began < 5


def test_a_stream_that_is_not_answered_is_given_up() -> None:
    """A monitor that takes the hello and says nothing is asked again, later."""
    with (
        Peer(script=Script(answers=False)) as peer,
        pytest.raises(LostError, match=r"^no answer within 0\.3 s$"),
    ):
        first_reply(peer.target, answer_seconds=0.3)


def test_a_web_server_is_no_monitor() -> None:
    """A wrong port that speaks HTTP/1 is a reason in words, not a crash."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    BaseHTTPRequestHandler.log_message = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with pytest.raises(LostError):
            first_reply(f"127.0.0.1:{server.server_port}", answer_seconds=2)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_bytes_that_are_no_message_are_a_reason_to_try_again(speak: Callable[[bytes], str]) -> None:
    """What cannot be decoded is somebody else's."""
    with pytest.raises(LostError, match="something that is not flatline's"):
        first_reply(speak(b"\xff\xff\xff\xff"))


def test_a_reply_beyond_all_measure_is_not_read(speak: Callable[[bytes], str]) -> None:
    """A hostile monitor cannot fill the training's memory."""
    with pytest.raises(LostError, match="RESOURCE_EXHAUSTED"):
        first_reply(speak(bytes(5 * 2**20)))


def test_a_refusal_carries_the_monitors_sentence() -> None:
    """One line, safe to print."""
    refusal = (grpc.StatusCode.PERMISSION_DENIED, "not\nyours \x1b[31m")
    with (
        Peer(script=Script(refuses=refusal)) as peer,
        pytest.raises(RefusedError, match=r"^not yours \?\[31m$"),
    ):
        first_reply(peer.target)


def test_the_token_goes_along_and_is_read_anew(tmp_path: Path) -> None:
    """A token may be rotated while the training runs."""
    token = tmp_path / "token"
    with Peer() as peer:
        for secret in ("one", "two"):
            token.write_text(secret + "\n")
            first_reply(peer.target, token_file=str(token))

    sent = [metadata["authorization"] for metadata in peer.memory.metadata]
    assert sent == ["Bearer one", "Bearer two"]


def test_a_token_that_cannot_be_read_is_a_reason_to_try_again(tmp_path: Path) -> None:
    """A file that is being replaced will be there the next time."""
    with pytest.raises(LostError, match=r"token_file is .* cannot be read"):
        first_reply("127.0.0.1:1", token_file=str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("target", "here"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("10.0.0.1:1", False),
        ("localhost.example:1", False),
    ],
)
def test_loopback_is_known(target: str, *, here: bool) -> None:
    """A proxy of the environment is not asked about this machine."""
    assert is_loopback(target) == here
