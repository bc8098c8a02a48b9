"""One stream to the monitor: opens it, reads it, and says in words why it ended."""

import ipaddress
import threading
from collections.abc import Iterator

import grpc
from google.protobuf.message import DecodeError

from flatline.checks import read_token
from flatline.say import plain
from flatline.v1 import monitor_pb2

METHOD = "/flatline.v1.MonitorService/Watch"

ANSWER_SECONDS = 5.0
"""How long a monitor may take to answer the hello."""

_REPLY_BYTES = 2**20
"""Largest message taken from a monitor: its messages are small, and this one may be hostile."""

_PERMANENT = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.FAILED_PRECONDITION,
}

_REASONS = {
    "Connection refused": "connection refused",
    "DNS": "the name does not resolve",
    "errors resolving": "the name does not resolve",
    "Name or service not known": "the name does not resolve",
    "No route to host": "no route to host",
    "Network is unreachable": "network unreachable",
    "Connection reset": "connection reset",
    "keepalive": "it no longer answers",
    "Trying to connect an http1.x server": "it answers HTTP/1, not gRPC",
    "Cancelling all calls": "it shut down",
    "GOAWAY": "it shut down",
    "Socket closed": "connection closed",
    "Timeout": "no answer in time",
}


class RefusedError(Exception):
    """The monitor refuses this run for good; the message is its sentence."""


class LostError(Exception):
    """The stream ended and may be tried again; the message is the reason in a few words."""


class Stream:
    """A call of Watch, which reads its requests from an iterator and is one of responses."""

    def __init__(
        self,
        target: str,
        requests: Iterator[bytes],
        token_file: str | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._answer_seconds = answer_seconds
        metadata = _metadata(token_file)
        self._channel = grpc.insecure_channel(target, options=options(target))
        watch: grpc.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(METHOD)
        self._call = watch(requests, metadata=metadata)
        self._timed_out = threading.Event()
        self._timer = threading.Timer(answer_seconds, self._give_up)
        self._timer.daemon = True
        self._timer.start()

    def __iter__(self) -> Iterator[monitor_pb2.WatchResponse]:
        """Yield the monitor's messages; RefusedError or LostError unless both sides closed."""
        try:
            for raw in self._call:
                self._timer.cancel()
                yield monitor_pb2.WatchResponse.FromString(raw)
        except grpc.RpcError as error:
            if self._timed_out.is_set():
                reason = f"no answer within {self._answer_seconds:g} s"
                raise LostError(reason) from error
            raise explained(error) from error
        except DecodeError as error:
            reason = "it answered something that is not flatline's"
            raise LostError(reason) from error

    def cancel(self) -> None:
        """End the stream at once, from any thread."""
        self._call.cancel()

    def close(self) -> None:
        """Give the connection back."""
        self._timer.cancel()
        self._call.cancel()
        self._channel.close()

    def _give_up(self) -> None:
        self._timed_out.set()
        self._call.cancel()


def explained(error: grpc.RpcError) -> RefusedError | LostError:
    """Return what a status means for the run: over for good, or to be tried again."""
    code, details = error.code(), error.details() or ""
    if code in _PERMANENT:
        return RefusedError(plain(details) or code.name)
    if code is grpc.StatusCode.CANCELLED:
        return LostError("it ended the stream")
    for mark, reason in _REASONS.items():
        if mark in details:
            return LostError(reason)
    return LostError(plain(f"{code.name}: {details}" if details else code.name, 200))


def _metadata(token_file: str | None) -> tuple[tuple[str, str], ...]:
    """Read the token anew for each stream, so that it may be rotated."""
    if token_file is None:
        return ()
    try:
        token = read_token(token_file)
    except ValueError as error:
        message = f"token_file {error}"
        raise LostError(message) from None
    return (("authorization", f"Bearer {token}"),)


def options(target: str) -> list[tuple[str, int]]:
    """Return how grpc shall behave towards this monitor."""
    return [
        ("grpc.max_receive_message_length", _REPLY_BYTES),
        # A half-open connection is noticed within 30 s. The monitor must allow pings this often.
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        # The sender has a back-off of its own; grpc's would be shared by all channels.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
        # A proxy of the environment is never meant for this machine itself.
        ("grpc.enable_http_proxy", int(not is_loopback(target))),
    ]


def is_loopback(target: str) -> bool:
    """Whether HOST:PORT is on this machine."""
    host = target.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
