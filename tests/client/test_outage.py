"""A monitor that is away for hours costs the training its bounded memory, and nothing else."""

import json
import subprocess
import sys

from flatline.backlog import CAPACITY_BYTES
from tests.client.outage import HOUR_STEPS


def test_an_hour_without_a_monitor_stays_within_the_memory_and_counts_what_it_drops() -> None:
    """3.6 million steps are kept or dropped, each of them, in 32 MiB; in a process of its own."""
    command = [sys.executable, "-m", "tests.client.outage"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    found = json.loads(done.stdout)

    assert found["kept"] + found["dropped"] == found["offered"] == HOUR_STEPS
    assert found["kept"] > 0
    assert found["dropped"] > 0
    assert found["grown_bytes"] <= CAPACITY_BYTES
