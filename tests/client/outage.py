"""An hour of a fast training without a monitor, in seconds: `python -m tests.client.outage`."""

import json
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from flatline import Run
from flatline.rows import EXACT, RECONSTRUCTED, Axes, Rows, Variable
from tests.client.made import Made

HOUR_STEPS = 3_600_000
"""An hour of 1,000 steps a second."""

CHUNK, SAMPLED, VARIABLES = 64, 3, 8


def refusing() -> str:
    """Return an address where nobody listens."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{door.getsockname()[1]}"


def rows(draw: np.random.Generator) -> Rows:
    """Return a chunk of a small network of which a step in twenty is sampled."""
    norms = {
        f"{name}_norm": draw.random((SAMPLED, VARIABLES), np.float32)
        for name in ("grad", "weight", "update")
    }
    source = np.full(CHUNK, RECONSTRUCTED, np.uint8)
    source[::20][:SAMPLED] = EXACT
    return Rows(
        first_step=0,
        loss=draw.random(CHUNK, np.float32),
        loss_source=source,
        epoch=np.zeros(CHUNK, np.uint32),
        step_seconds=draw.random(CHUNK, np.float32),
        sampled_row=list(range(0, 20 * SAMPLED, 20)),
        revision=1,
        sampled=norms | {"label_count": draw.integers(0, 9, (SAMPLED, 10)).astype(np.uint32)},
    )


def outage(steps: int = HOUR_STEPS) -> dict[str, Any]:
    """Offer so many steps to a run whose monitor is not there; return what became of them."""
    draw = np.random.default_rng(0)
    some = [rows(draw) for _ in range(100)]
    Run(refusing()).finish()  # loads what any run needs, grpc first of all
    run = Run(refusing())
    run.set_axes(Axes(tuple(Variable(f"dense_{i}/kernel") for i in range(VARIABLES))))
    # Looks inside: what a run keeps and drops it only says in a sentence, at its end.
    sender, desk = run._delivery._sender, run._delivery._desk
    assert desk.settle(30.0)
    others, before, began = sender.waiting, resident_bytes(), time.perf_counter()
    chunks, rest = divmod(steps, CHUNK)
    assert not rest, f"steps come in chunks of {CHUNK}"
    for chunk in range(chunks):
        run.offer(Made(replace(some[chunk % len(some)], first_step=chunk * CHUNK)))
    assert desk.settle(30.0)
    found = {
        "offered": steps,
        "kept": (sender.waiting - others) * CHUNK,
        "dropped": sender.dropped * CHUNK,
        "grown_bytes": resident_bytes() - before,
        "seconds": time.perf_counter() - began,
    }
    run.finish()
    return found


def resident_bytes() -> int:
    """Return the memory that this process has now."""
    return memory_bytes("VmRSS")


def memory_bytes(name: str) -> int:
    """Return a line of the process's status: VmRSS is the memory now, VmHWM the most ever."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(outage()) + "\n")
