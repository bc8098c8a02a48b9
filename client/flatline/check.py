"""Tries the way to the monitor and says in words where it ends. Leaves no run behind."""

import socket
import time
from dataclasses import dataclass

import grpc

from flatline import checks, wire
from flatline.say import plain
from flatline.transport import METHOD, options
from flatline.v1 import monitor_pb2

_SECONDS = 5.0
_SERVE = "is `flatline-monitor serve` running there?"
_TOKEN = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


@dataclass(frozen=True)
class Outcome:
    """Whether the monitor can be reached, and what to tell about it."""

    fine: bool
    sentence: str


def check(target: str, token_file: str | None = None) -> Outcome:
    """Go all the way to the monitor, and stop where it ends."""
    try:
        target = checks.target(target)
    except ValueError as error:
        return Outcome(fine=False, sentence=f"target {error}")
    host, _, port = target.rpartition(":")
    return _connect(target, host.strip("[]"), int(port)) or _watch(target, token_file)


def _connect(target: str, host: str, port: int) -> Outcome | None:
    """Return what keeps us from a connection, or None."""
    try:
        socket.create_connection((host, port), _SECONDS).close()
    except socket.gaierror as error:
        sentence = f"the name {host} does not resolve: {error.strerror}"
    except ConnectionRefusedError:
        sentence = f"connection to {target} refused: {_SERVE}"
    except TimeoutError:
        sentence = f"no answer from {target} within {_SECONDS:g} s: does a firewall drop packets?"
    except OSError as error:
        sentence = f"no way to {target}: {error.strerror or error}"
    else:
        return None
    return Outcome(fine=False, sentence=sentence)


def _watch(target: str, token_file: str | None) -> Outcome:
    """Open Watch with a hello that names no run, which every monitor must refuse."""
    metadata: tuple[tuple[str, str], ...] = ()
    if token_file is not None:
        try:
            metadata = (("authorization", f"Bearer {checks.read_token(token_file)}"),)
        except ValueError as problem:
            return Outcome(fine=False, sentence=f"token_file {problem}")
    with grpc.insecure_channel(target, options=options(target)) as channel:
        watch: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(METHOD)
        # The first call also pays for the connection; the second one is the round trip.
        _ask(watch, metadata)
        begin = time.perf_counter()
        error = _ask(watch, metadata)
        milliseconds = 1000 * (time.perf_counter() - begin)
    if error is None:
        return Outcome(fine=False, sentence=f"{target} took a run without an id: no flatline")
    return _judged(target, error, milliseconds)


def _ask(
    watch: "grpc.StreamStreamMultiCallable[bytes, bytes]", metadata: tuple[tuple[str, str], ...]
) -> grpc.RpcError | None:
    hello = monitor_pb2.Hello(protocol=wire.PROTOCOL)
    request = monitor_pb2.WatchRequest(hello=hello).SerializeToString()
    try:
        for _ in watch(iter([request]), timeout=_SECONDS, metadata=metadata):
            break
    except grpc.RpcError as error:
        return error
    return None


def _judged(target: str, error: grpc.RpcError, milliseconds: float) -> Outcome:
    code, sentence = error.code(), plain(error.details() or "")
    if code is grpc.StatusCode.INVALID_ARGUMENT and "run_id" in sentence:
        well = f"the monitor at {target} answers in {milliseconds:.1f} ms, protocol {wire.PROTOCOL}"
        return Outcome(fine=True, sentence=well)
    if code in _TOKEN:
        wrong = f"{target} refuses the token: {sentence}; give the right one with --token-file"
    elif code is grpc.StatusCode.UNIMPLEMENTED:
        wrong = f"{target} answers gRPC, but is no flatline monitor (no Watch method)"
    elif code in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT):
        wrong = f"{target} refuses this client's version: {sentence}"
    elif _answers_http(target):
        wrong = f"{target} answers HTTP, not gRPC: is it the port of the pages (7512, not 7511)?"
    else:
        wrong = f"{target} does not answer gRPC ({code.name}: {sentence})"
    return Outcome(fine=False, sentence=wrong)


def _answers_http(target: str) -> bool:
    host, _, port = target.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _SECONDS) as connection:
            connection.settimeout(1.0)
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(8).startswith(b"HTTP/1")
    except OSError:
        return False
