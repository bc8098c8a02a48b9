"""With a token file, only who knows a token may send."""

import asyncio
from pathlib import Path

import grpc
import pytest

from flatline_monitor.ingest.auth import Tokens, TokensError
from tests.monitor.ingest.talk import everything, refused, run, service
from tests.monitor.ingest.wire import hello

DENIED = grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("# who: team a\nfirst-token\n\n  second-token  \n")
    return path


def test_each_token_of_the_file_opens_the_door(token_file: Path) -> None:
    """Blanks around a token are not part of it; comments are no tokens."""

    async def story() -> None:
        async with service(token_file=token_file) as it:
            for token in ("first-token", "second-token"):
                assert await everything(it.watch(token), [hello()])
            for wrong in (None, "wrong", "", "first-tokenx", "first", "# who: team a"):
                code, details = await refused(it.watch(wrong), [hello()])
                assert code is DENIED
                assert "authorization: Bearer" in details
            assert it.refusals.counts()["unauthenticated"] == 6

    run(story())


def test_a_token_is_replaced_by_writing_the_file(token_file: Path) -> None:
    """The old one stops working with the next stream; open streams go on."""

    async def story() -> None:
        async with service(token_file=token_file) as it:
            await asyncio.to_thread(token_file.write_text, "third-token\n")

            assert await everything(it.watch("third-token"), [hello()])
            assert (await refused(it.watch("first-token"), [hello()]))[0] is DENIED

    run(story())


def test_a_file_that_is_gone_for_a_moment_locks_nobody_out(token_file: Path) -> None:
    """The tokens stay as they were until it can be read again."""
    tokens = Tokens(token_file)
    token_file.unlink()

    assert tokens.know("Bearer first-token")
    assert tokens.know("bearer first-token")
    assert not tokens.know("Basic first-token")


def test_a_token_file_without_tokens_is_refused(tmp_path: Path) -> None:
    """A monitor with a lock and no key is a mistake of the operator."""
    empty = tmp_path / "empty"
    empty.write_text("# nothing yet\n\n")

    with pytest.raises(TokensError, match="holds no token; it must hold one a line"):
        Tokens(empty)
    with pytest.raises(TokensError, match=r"cannot be read \(No such file"):
        Tokens(tmp_path / "missing")


def test_tokens_are_not_logged(token_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the right ones nor those that were tried."""

    async def story() -> None:
        async with service(token_file=token_file) as it:
            await refused(it.watch("tried-token"), [hello()])

    run(story())
    assert "refused" in (out := capsys.readouterr().out)
    assert not any(token in out for token in ("tried-token", "first-token", "second-token"))
