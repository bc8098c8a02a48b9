"""What only a fresh process can show: start-up, memory, the time of an import.

`python -m tests.bench.client.fresh MODEL TARGET STEPS` is such a process; without a monitor where
the target is `bare`. It prints a line of JSON.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.bench.client.blocks import Spread, spread
from tests.client.outage import memory_bytes

BARE = "bare"
IMPORT = "import sys, flatline; sys.exit(bool({'tensorflow', 'grpc', 'numpy'} & set(sys.modules)))"


@dataclass(frozen=True)
class Pair:
    """A bare process against one with flatline, of the same pair by the same pair."""

    bare: Spread
    extra: Spread
    share: Spread


def pair(bare: list[float], other: list[float]) -> Pair:
    """Return how the others differ from the bare ones."""
    alone, difference = np.array(bare), np.array(other) - np.array(bare)
    return Pair(spread(alone), spread(difference), spread(difference / alone))


def fits(name: str, target: str, steps: int, pairs: int) -> dict[str, Pair]:
    """Fit so many steps in fresh processes, in turn without and with flatline."""
    found: dict[str, list[dict[str, float]]] = {BARE: [], target: []}
    for i in range(pairs):
        for each in (BARE, target) if i % 2 else (target, BARE):
            words = [sys.executable, "-m", "tests.bench.client.fresh", name, each, str(steps)]
            found[each].append(json.loads(_output(words)))
    return {
        what: pair([each[what] for each in found[BARE]], [each[what] for each in found[target]])
        for what in ("seconds", "cpu", "peak_bytes")
    }


def imports(pairs: int) -> Pair:
    """Time `import flatline`, in turn with a Python that does nothing; loading much is an error."""
    found: dict[str, list[float]] = {"pass": [], IMPORT: []}
    for i in range(pairs + 1):
        for code in found if i % 2 else reversed(list(found)):
            began = time.perf_counter()
            _output([sys.executable, "-c", code])
            found[code].append(time.perf_counter() - began)
    return pair(found["pass"][1:], found[IMPORT][1:])  # the first pair finds cold files


def outage() -> dict[str, Any]:
    """Return what an hour without a monitor comes to."""
    found: dict[str, Any] = json.loads(_output([sys.executable, "-m", "tests.client.outage"]))
    return found


def wire(name: str) -> dict[str, Any]:
    """Return the bytes on the wire of a model's steps."""
    words = [sys.executable, "-m", "tests.bench.client.wire", name]
    found: dict[str, Any] = json.loads(_output(words))
    return found


def _output(words: list[str]) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300)
    if done.returncode:
        message = f"{' '.join(words[1:])} failed:\n{done.stderr}"
        raise RuntimeError(message)
    return done.stdout


def main() -> None:
    """Fit, and print what that took."""
    from tests.bench.client.models import make  # noqa: PLC0415 - loads TensorFlow

    name, target, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
    model, dataset = make(name)
    callbacks = []
    if target != BARE:
        from flatline.keras import MonitorCallback  # noqa: PLC0415 - not where it is compared with

        callbacks = [MonitorCallback(target, name=name, project="bench")]
    began, worked = time.perf_counter(), time.process_time()
    model.fit(dataset, steps_per_epoch=steps, epochs=1, verbose=0, callbacks=callbacks)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    line = {"seconds": seconds, "cpu": cpu, "peak_bytes": memory_bytes("VmHWM")}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    os._exit(0)  # what TensorFlow takes down is of no interest


if __name__ == "__main__":
    main()
