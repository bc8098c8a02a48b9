"""`flatline check` says in words how far the way to the monitor goes."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import grpc
import pytest

import flatline
from flatline.cli import main
from tests.client.peer import Peer, Script


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests has set must not matter."""
    monkeypatch.delenv("FLATLINE_TARGET", raising=False)
    monkeypatch.delenv("FLATLINE_TOKEN_FILE", raising=False)


@pytest.fixture
def pages() -> Iterator[int]:
    """A web server's port."""

    class Page(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run `flatline check`; return its status, stdout and stderr."""
    status = main(["check", *arguments])
    return (status, *capsys.readouterr())


def test_a_monitor_that_answers_is_fine_and_remembers_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The check opens no run: the monitor refuses the empty id, which only a monitor does."""
    with Peer() as peer:
        status, said, wrong = check(capsys, "--target", peer.target)

    assert (status, wrong) == (0, "")
    assert said.startswith(f"flatline: the monitor at {peer.target} answers in ")
    assert " ms, protocol 1" in said
    assert {hello.run_id for hello in peer.memory.hellos} == {""}
    assert peer.memory.records == []


def test_the_target_may_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a training: argument, FLATLINE_TARGET, default."""
    with Peer() as peer:
        monkeypatch.setenv("FLATLINE_TARGET", peer.target)

        assert check(capsys)[0] == 0


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        ((grpc.StatusCode.FAILED_PRECONDITION, "protocol 1 is too old"), "too old"),
        ((grpc.StatusCode.UNAUTHENTICATED, "no token"), "refuses the token: no token; give"),
        ((grpc.StatusCode.UNIMPLEMENTED, "what?"), "is no flatline monitor (no Watch method)"),
        ((grpc.StatusCode.UNAVAILABLE, "starting"), "does not answer gRPC (UNAVAILABLE: starting)"),
    ],
)
def test_a_refusal_is_put_into_words(
    capsys: pytest.CaptureFixture[str], refusal: tuple[grpc.StatusCode, str], sentence: str
) -> None:
    """Each status says what to do, and carries the monitor's own sentence."""
    with Peer(script=Script(refuses=refusal)) as peer:
        status, _, wrong = check(capsys, "--target", peer.target)

    assert status == 1
    assert sentence in wrong


def test_a_server_of_something_else_is_no_monitor(capsys: pytest.CaptureFixture[str]) -> None:
    """GRPC alone is not enough."""
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    status, _, wrong = check(capsys, "--target", f"127.0.0.1:{port}")
    server.stop(None).wait(5)

    assert status == 1
    assert "no Watch method" in wrong


def test_nobody_listening(capsys: pytest.CaptureFixture[str]) -> None:
    """The commonest case has the commonest remedy."""
    status, _, wrong = check(capsys, "--target", "127.0.0.1:1")

    assert status == 1
    assert "refused: is `flatline-monitor serve` running there?" in wrong


def test_a_name_that_does_not_resolve(capsys: pytest.CaptureFixture[str]) -> None:
    """It is the name that is wrong, not the network."""
    status, _, wrong = check(capsys, "--target", "no-such-host.invalid:7511")

    assert status == 1
    assert "the name no-such-host.invalid does not resolve" in wrong


def test_the_port_of_the_pages(capsys: pytest.CaptureFixture[str], pages: int) -> None:
    """HTTP on the other end is recognised."""
    status, _, wrong = check(capsys, "--target", f"127.0.0.1:{pages}")

    assert status == 1
    assert "answers HTTP, not gRPC" in wrong


def test_a_port_that_closes_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither gRPC nor HTTP: the status says what grpc made of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        closing = threading.Thread(target=close_connections, args=(server,), daemon=True)
        closing.start()
        status, _, wrong = check(capsys, "--target", f"127.0.0.1:{port}")

    assert status == 1
    assert "does not answer gRPC" in wrong


def close_connections(server: socket.socket) -> None:
    """Accept and close until the server is closed."""
    try:
        while True:
            server.accept()[0].close()
    except OSError:
        return


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--target", "http://a:1"], "target is 'http://a:1'; it must be HOST:PORT"),
        (["--token-file", "no/where"], "token_file is 'no/where', which cannot be read"),
    ],
)
def test_a_wrong_argument_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    """In words, and not as a traceback."""
    status, _, wrong = check(capsys, *arguments)

    assert status == 1
    assert sentence in wrong


def test_the_token_is_tried(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The monitor sees what a training would send."""
    token = tmp_path / "token"
    token.write_text("secret")
    with Peer() as peer:
        assert check(capsys, "--target", peer.target, "--token-file", str(token))[0] == 0

    assert peer.memory.metadata[0]["authorization"] == "Bearer secret"


def test_the_command_tells_its_version() -> None:
    """Without loading grpc."""
    command = [sys.executable, "-m", "flatline.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == f"flatline {flatline.__version__}\n"
