"""The commands beside a real service and a real run, as somebody uses them."""

import itertools
import math
import os
import subprocess
import sys
import threading
import time

import pytest

import flatline
from tests.system.service import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running


def started(service, *arguments):
    environ = {k: v for k, v in os.environ.items() if not k.startswith("FLATLINE_")}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "flatline.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ | {"FLATLINE_URL": f"http://{service.http}"},
    )


def said(service, *arguments):
    with started(service, *arguments) as command:
        out, wrong = command.communicate(timeout=60)
    assert (command.returncode, wrong) == (0, "")
    return out


class Training(threading.Thread):
    """A loop of 100 steps a second, which loses its loss at step 50 and goes on until told."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self._run = flatline.Run(service.grpc, name="whole way", plan_steps=100_000)
        self.run_id = self._run.run_id
        self.enough = threading.Event()

    def run(self):
        for step in itertools.count():
            self._run.log(step, loss=1 / (step + 1) if step < 50 else math.nan)
            if self.enough.wait(0.01):
                break
        self._run.finish()


def until_known(service, run_id):
    """Wait until the monitor has heard of a run."""
    deadline = time.monotonic() + 60
    while run_id not in service.get("/api/v1/runs"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_is_followed_to_its_end(service):
    """Somebody sees the alert while the training goes on, and the end when it ends."""
    training = Training(service)
    training.start()
    until_known(service, training.run_id)
    with started(service, "tail", training.run_id[:-1], "--interval", "0.1") as command:
        assert command.stdout.readline().startswith(f"run {training.run_id} (whole way): running")
        while "CRITICAL non_finite since step 50" not in command.stdout.readline():
            assert command.poll() is None
        training.enough.set()
        *_, ended, verdict = command.stdout.read().splitlines()
        assert command.wait(60) == 0
    training.join()

    assert ended.startswith("finished, steps ")
    assert verdict.startswith("verdict: ")
    assert f"{training.run_id}  whole way" in said(service, "runs", "--state", "finished")
    alerts = said(service, "alerts", "--severity", "critical", "--run", training.run_id)
    assert "non_finite" in alerts
    assert "CRITICAL non_finite, firing since step 50" in said(service, "show", training.run_id)
