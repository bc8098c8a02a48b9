"""Workers in processes of their own, under MultiWorkerMirroredStrategy."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 90


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def train(workers: int, *, watched: bool) -> list[dict[str, Any]]:
    """Let so many workers train one model; return what each of them says."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(workers)]}
    processes = []
    for index in range(workers):
        task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.client.conformance.worker"),
                    "watched" if watched else "alone",
                ],
                cwd=ROOT,
                env={**os.environ, "TF_CONFIG": json.dumps(task)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        results = [process.communicate(timeout=PATIENCE_SECONDS) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * workers, results[0][1][-2000:]
    return [json.loads(out.splitlines()[-1]) for out, _ in results]


@pytest.mark.long
@pytest.mark.parametrize("workers", [1])  # of two, Keras 3.15 itself cannot begin a fit
def test_workers_train_as_alone(workers: int) -> None:
    """Weights and history are the same bit for bit; every worker tells its losses."""
    alone, watched = train(workers, watched=False), train(workers, watched=True)

    for ours, theirs in zip(watched, alone, strict=True):
        assert ours["weights"] == theirs["weights"]
        assert ours["history"] == theirs["history"]
        assert ours["steps"] == list(range(8))
        assert np.isfinite(ours["losses"]).all()
        assert bool(ours["sampled"]) == (workers == 1)
    epoch = np.mean(watched[0]["losses"][:4])
    assert watched[0]["history"]["loss"][0] == pytest.approx(epoch, rel=1e-4)
