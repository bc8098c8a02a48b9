"""Who may send: everybody who knows one of the tokens in a file."""

import contextlib
import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import grpc

from flatline_monitor.ingest.reasons import Reason
from flatline_monitor.ingest.refusals import Refusals
from flatline_monitor.ingest.servicer import Context
from flatline_monitor.runs.records import RefusedError

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"

_SCHEME = "bearer "


class TokensError(Exception):
    """The token file cannot be used."""


class Tokens:
    """The lines of a file, each a token; blank lines and lines with # are none.

    The file is read again for each new stream, so tokens are replaced by writing it: first both
    the old and the new one, later the new one alone. Raises TokensError if it holds none at first;
    if it cannot be read later, the tokens stay as they were.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens = _read(path)

    def know(self, authorization: str) -> bool:
        """Return whether an authorization header carries one of the tokens."""
        if not authorization.lower().startswith(_SCHEME):
            return False
        offered = authorization[len(_SCHEME) :].strip().encode()
        # While the file is being replaced, what was good a moment ago still is.
        with contextlib.suppress(TokensError):
            self._tokens = _read(self._path)
        # All are compared, so that the time taken does not tell which one was nearly right.
        return sum(hmac.compare_digest(offered, token) for token in self._tokens) > 0


def _read(path: Path) -> tuple[bytes, ...]:
    try:
        lines = [line.strip() for line in path.read_bytes().splitlines()]
    except OSError as error:
        msg = f"token_file {path} cannot be read ({error.strerror}); it must hold one token a line"
        raise TokensError(msg) from error
    tokens = tuple(line for line in lines if line and not line.startswith(b"#"))
    if not tokens:
        msg = f"token_file {path} holds no token; it must hold one a line"
        raise TokensError(msg)
    return tokens


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Refuses streams that carry no token that is known."""

    def __init__(self, tokens: Tokens, refusals: Refusals) -> None:
        self._tokens = tokens
        self._refusals = refusals
        self._refuse: Handler = grpc.stream_stream_rpc_method_handler(self._deny)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the handler that the caller may have."""
        metadata = dict(handler_call_details.invocation_metadata or ())
        if self._tokens.know(str(metadata.get("authorization", ""))):
            return await continuation(handler_call_details)
        return self._refuse

    async def _deny(self, _: object, context: Context) -> None:
        refusal = RefusedError(
            Reason.UNAUTHENTICATED,
            "no token, or one that is not known; send the metadata 'authorization: Bearer TOKEN' "
            "with a token of the monitor's token file",
        )
        status = self._refusals.count(refusal, peer=context.peer())
        await context.abort(status, str(refusal))
