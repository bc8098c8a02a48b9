"""A program that ends without finish() ends its run; a forked child leaves its parent's alone."""

import os
import subprocess
import sys
import time

import pytest

from flatline.v1 import monitor_pb2
from tests.client.peer import Peer, Script

FINISHED = monitor_pb2.END_STATUS_FINISHED
FAILED = monitor_pb2.END_STATUS_FAILED
INTERRUPTED = monitor_pb2.END_STATUS_INTERRUPTED

BEGIN = "import os, sys, flatline; run = flatline.Run(sys.argv[1]); run.log(0, loss=1.0)\n"


def execute(code: str, target: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has begun a run, until it ends by itself."""
    command = [sys.executable, "-c", BEGIN + code, target]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("code", "status", "name"),
    [
        ("", FINISHED, ""),
        ("sys.exit(0)", FINISHED, ""),
        ("raise FileNotFoundError('cannot open s3://me:pw@data')", FAILED, "FileNotFoundError"),
        ("raise KeyboardInterrupt", INTERRUPTED, "KeyboardInterrupt"),
        ("run.finish('interrupted'); raise FileNotFoundError", INTERRUPTED, ""),
    ],
)
def test_the_end_of_the_program_ends_the_run(code: str, status: int, name: str) -> None:
    """How it ended is what the interpreter knows of it, unless the program said it itself."""
    with Peer() as peer:
        execute(code, peer.target)

    assert peer.memory.kinds == ["chunk", "end"]
    end = peer.memory.records[-1].end
    assert (end.status, end.exception_type, end.step) == (status, name, 1)
    assert end.exception_text == (
        "cannot open s3://***@data" if name == "FileNotFoundError" else ""
    )


def test_lines_go_to_stderr_where_nobody_set_up_logging() -> None:
    """The three lines of a healthy run are seen without a word of configuration."""
    with Peer() as peer:
        done = execute("", peer.target)

    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("flatline: run ")
    assert lines[0].endswith(f" -> {peer.target}")
    assert "finished: 1 steps sent, 0 records dropped, 0 alerts" in lines[1]


def test_lines_go_where_the_program_logs() -> None:
    """A program with a handler of its own decides what is shown."""
    code = "import logging; logging.basicConfig(stream=sys.stdout, level=logging.INFO)\n"
    with Peer() as peer:
        done = execute(code, peer.target)

    assert done.stdout.startswith("INFO:flatline:flatline: run ")
    assert len(done.stderr.splitlines()) == 1  # the one before logging was set up


@pytest.mark.parametrize("script", [None, Script(answers=False), Script(acknowledges=False)])
def test_the_interpreter_exits_in_time_whatever_the_monitor_does(script: Script | None) -> None:
    """Absent, silent or forgetful: the exit is bounded, and nothing is printed but our lines."""
    peer = Peer(script=script) if script is not None else None
    began = time.monotonic()
    done = execute("", peer.target if peer is not None else "127.0.0.1:1")
    seconds = time.monotonic() - began
    if peer is not None:
        peer.die()

    assert done.returncode == 0
    assert seconds < 12
    assert all(line.startswith("flatline: ") for line in done.stderr.splitlines()), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("ending", ["os._exit(0)", "sys.exit(0)", "raise KeyError"])
def test_a_forked_child_never_sends_for_its_parent(ending: str) -> None:
    """What the child logs goes nowhere, its exit ends nothing, and neither of them hangs."""
    code = (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    run.log(1, loss=2.0); run.evaluate(1, loss=1.0); run.finish('failed')\n"
        f"    {ending}\n"
        "os.waitpid(pid, 0)\n"
        "run.log(1, loss=3.0)\n"
    )
    with Peer() as peer:
        done = execute(code, peer.target)

    assert done.returncode == 0
    assert peer.memory.kinds == ["chunk", "chunk", "end"]
    assert list(peer.memory.records[1].chunk.loss) == [3.0]
    assert peer.memory.records[-1].end.status == FINISHED
    assert done.stderr.count("finished:") == 1
