"""The gRPC server around the servicer."""

import grpc

from flatline_monitor.ingest.auth import TokenInterceptor, Tokens
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.ingest.refusals import Refusals
from flatline_monitor.ingest.servicer import Servicer

_METADATA_BYTES = 8_192


class ListenError(Exception):
    """The address cannot be listened on."""


def build_server(
    servicer: Servicer, refusals: Refusals, *, limits: Limits, tokens: Tokens | None
) -> grpc.aio.Server:
    """Return a server that listens nowhere yet; no tokens: everybody may send."""
    server = grpc.aio.server(
        interceptors=[TokenInterceptor(tokens, refusals)] if tokens else [],
        options=[
            # A message up to twice the limit is refused, and counted, by us; gRPC refuses the
            # rest, and what grows beyond it while being decompressed, before it is in memory.
            ("grpc.max_receive_message_length", 2 * limits.message_bytes),
            ("grpc.max_metadata_size", _METADATA_BYTES),
            # Two monitors on one port would each get half of the streams.
            ("grpc.so_reuseport", 0),
            # Clients behind a firewall may keep an idle stream alive as often as they like.
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.http2.max_ping_strikes", 0),
            ("grpc.keepalive_permit_without_calls", 1),
            # A client that vanished without a word is noticed within a minute and a half.
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
        ],
    )
    server.add_generic_rpc_handlers((servicer.handler(),))
    return server


def listen(server: grpc.aio.Server, address: str) -> int:
    """Bind the server to host:port and return the port, which the system chose if it was 0."""
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        msg = f"grpc_address {address} cannot be listened on; is another monitor running there?"
        raise ListenError(msg)
    return port
