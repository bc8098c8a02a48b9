"""Prometheus' own checker, as an operator would run it."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROMETHEUS = Path(__file__).parents[2] / "deploy" / "prometheus"


def promtool(*arguments: str, stdin: str = "") -> tuple[int, str]:
    """Return promtool's exit code and what it said; skip the test where there is no promtool."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed; make tools installs it")
    ended = subprocess.run(
        [program, *arguments],
        input=stdin.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=PROMETHEUS,
        check=False,
    )
    return ended.returncode, ended.stdout.decode()
