"""Where a command looks for the monitor, and what it says when there is none."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flatline.settings import Settings, resolve
from tests.client.looking import Pages, flatline
from tests.client.peer import Peer
from tests.monitor.reports import RUN_ID, run_report


@contextlib.contextmanager
def answering(content: bytes, status: int = 200) -> Iterator[str]:
    """Answer every request with the same; yield the address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def started(*arguments: str, **environ: str) -> "subprocess.Popen[str]":
    """Start a command as a shell does, also where the tests themselves ignore Ctrl-C."""
    interruptible = ("env", "--default-signal=INT")
    return subprocess.Popen(
        [*interruptible, sys.executable, "-W", "error", "-m", "flatline.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ) | environ,
    )


def test_the_address_may_come_from_the_environment(capsys, monkeypatch):
    """An argument wins; an empty variable is none."""
    with Pages(run_report()) as pages:
        monkeypatch.setenv("FLATLINE_URL", pages.url)
        assert RUN_ID in flatline(capsys, "runs")[1]
        monkeypatch.setenv("FLATLINE_URL", "nonsense")
        assert RUN_ID in flatline(capsys, "runs", "--monitor", f"{pages.url}/")[1]
        assert "FLATLINE_URL is 'nonsense'; it must be" in flatline(capsys, "runs")[2]


def test_a_training_leaves_that_variable_alone(caplog):
    """It is known, and no setting of a run: nobody is told that it is ignored."""
    assert resolve({"FLATLINE_URL": "http://127.0.0.1:7512"}) == Settings()
    assert not caplog.records


def test_a_proxy_is_not_asked_about_this_machine(capsys, monkeypatch):
    """As for the training itself."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with Pages(run_report()) as pages:
        assert flatline(capsys, "runs", "--monitor", pages.url)[0] == 0


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:7512",
        "grpc://127.0.0.1:7511",
        "http://",
        "http://host:99999",
        "http://host:0",
        "http://user:secret@host",
        "http://host/?a=b",
        "http://ho st",
        "http://host/\x1b",
        "",
    ],
)
def test_what_is_no_address_is_refused(capsys, url):
    """Before anything is asked."""
    status, said, wrong = flatline(capsys, "runs", "--monitor", url)

    assert (status, said, len(wrong.splitlines())) == (1, "", 1)
    assert wrong.startswith("flatline: --monitor is '")
    assert "it must be the address of the pages, for example http://127.0.0.1:7512" in wrong


@pytest.mark.parametrize("command", [["runs"], ["alerts"], ["show", "x"], ["tail", "x"]])
def test_nobody_listening(capsys, command):
    """Every command says what to start."""
    status, said, wrong = flatline(capsys, *command, "--monitor", "http://127.0.0.1:1")

    assert (status, said) == (1, "")
    assert wrong == (
        "flatline: the monitor at http://127.0.0.1:1 cannot be reached (Connection refused): "
        "is it started (`flatline-monitor serve`)?\n"
    )


def test_a_name_that_does_not_resolve(capsys):
    """It is the name that is wrong."""
    wrong = flatline(capsys, "runs", "--monitor", "http://no-such-host.invalid:1")[2]

    assert "the host of http://no-such-host.invalid:1 does not resolve" in wrong


def test_the_port_of_the_trainings(capsys):
    """Both ports are the monitor's; only one has pages."""
    with Peer() as peer:
        wrong = flatline(capsys, "runs", "--monitor", f"http://{peer.target}")[2]

    assert "does not answer HTTP: is it the port of the pages (7512, not 7511)?" in wrong


@pytest.mark.parametrize(
    ("content", "status", "why"),
    [
        (b"<h1>hello</h1>", 200, "it answers no JSON"),
        (b"[1]", 200, "it answers no JSON"),
        (b"[" * 100_000, 200, "it answers no JSON"),
        (b"{}", 200, "it gives no list"),
        (b'{"items": [1], "next": null}', 200, "it gives no list"),
        (b'{"items": [{}], "next": "a"}', 200, "its list does not end"),
        (b"not here", 404, "it answers 404 Not Found"),
        (b"bad gateway", 502, "it answers 502 Bad Gateway"),
    ],
)
def test_what_is_no_monitor_is_said(capsys, content, status, why):
    """Whatever it answers, however often it is asked."""
    with answering(content, status) as url:
        code, said, wrong = flatline(capsys, "runs", "--monitor", url, "--json")

    assert (code, said) == (1, "")
    assert wrong == (
        f"flatline: {url} is no flatline monitor ({why}); "
        "--monitor must be the address of the pages\n"
    )


def test_fields_that_are_missing_or_strange_are_left_out(capsys):
    """A monitor of another version can be looked at."""
    odd = {"id": "a", "loss": 10**400, "plan": [], "step": True, "alerts": [3, {"severity": 5}]}
    with answering(json.dumps({"items": [odd], "next": None}).encode()) as url:
        status, said, _ = flatline(capsys, "runs", "--monitor", url)

    assert status == 0
    assert said.splitlines()[1].split() == ["a", *"-------"]


@pytest.mark.parametrize("command", [["runs"], ["alerts"], ["show", RUN_ID]])
def test_a_monitor_that_is_starting_is_not_an_empty_one(capsys, command):
    """It reads back what it remembers; nobody is told that there is nothing."""
    with Pages(run_report()) as pages:
        pages.ready = False
        answer = flatline(capsys, *command, "--monitor", pages.url)

    assert answer == (
        1,
        "",
        f"flatline: the monitor at {pages.url} is starting; try again in a moment\n",
    )


def test_who_reads_may_stop():
    """`flatline runs | head` ends without a word, as `cat` does."""
    with Pages(*(run_report(f"run-{i}") for i in range(205))) as pages:
        with started("runs", "--json", "--monitor", pages.url) as command:
            command.stdout.close()
            wrong = command.stderr.read()

        assert (command.returncode, wrong) == (141, "")


def test_ctrl_c_ends_it_without_a_word():
    """With the status that a shell gives to it."""
    with (
        Pages(run_report()) as pages,
        started("tail", RUN_ID, "--monitor", pages.url, "--interval", "3600") as command,
    ):
        assert RUN_ID in command.stdout.readline()
        command.send_signal(signal.SIGINT)
        said, wrong = command.communicate(timeout=30)

    assert (command.returncode, said, wrong) == (130, "", "")


def test_output_that_cannot_be_written_is_said():
    """A full disk is no traceback."""
    with Pages(run_report()) as pages, Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "flatline.cli", "runs", "--monitor", pages.url],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == "flatline: the output cannot be written: No space left on device\n"


def test_an_output_without_our_letters_gets_others():
    """A name in Japanese does not end the command where the terminal knows ASCII only."""
    with (
        Pages(run_report(hello={"name": "日本"})) as pages,
        started("runs", "--monitor", pages.url, PYTHONIOENCODING="ascii") as command,
    ):
        said, wrong = command.communicate(timeout=30)

    assert (command.returncode, wrong) == (0, "")
    assert "??" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "--state", "ill"],
        ["alerts", "--severity", "none"],
        ["show"],
        ["tail", "x", "--interval", "0"],
        ["tail", "x", "--interval", "nan"],
        ["tail", "x", "--interval", "soon"],
    ],
)
def test_wrong_arguments_are_argparse_s(arguments, capsys):
    """Status 2 and the usage."""
    with pytest.raises(SystemExit) as ended:
        flatline(capsys, *arguments)

    assert ended.value.code == 2
    assert "usage: flatline" in capsys.readouterr().err


def test_looking_loads_nothing_heavy():
    """Neither grpc nor numpy nor TensorFlow: a command answers at once."""
    code = (
        "import sys; from flatline.cli import main; main(sys.argv[1:]);"
        "print({'grpc', 'google.protobuf', 'numpy', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    with Pages(run_report()) as pages:
        for command in (["runs"], ["alerts"], ["show", RUN_ID]):
            done = subprocess.run(
                [sys.executable, "-c", code, *command, "--monitor", pages.url],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            assert done.stdout.endswith("set()\n")
