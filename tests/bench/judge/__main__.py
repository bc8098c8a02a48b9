"""`make bench-judge`: what a run costs the monitor, over variables and steps a chunk.

Feeds made-up runs, as the bytes that a client would send, to the core in this process, and prints
a table: decoding and summaries a step, all detectors a judged point, memory a run. Nothing is
compared with a clock of another run: each figure is a median within this one.
"""

import statistics
import sys
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from flatline import rows as client
from flatline import wire
from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Detector, Verdict
from flatline_monitor.detectors.judge import judge
from flatline_monitor.engine import codec
from flatline_monitor.engine.advance import Arrival, Ask, Run, advance, open_run
from flatline_monitor.ingest.decode import decode
from flatline_monitor.runs.records import Hello, LossKind, StreamKey, Task
from flatline_monitor.runs.view import RunView

VARIABLES, CHUNKS = (10, 100, 1000), (1, 8, 64)
CLASSES, BATCH, STEPS = 10, 32, 4096
STRETCH = 512
"""Steps over which summaries are averaged: chunks hold one block or two."""
STREAM = StreamKey("bench", 0, 0)
HELLO = Hello(
    run_id="bench",
    plan_steps=100_000,
    plan_epochs=100,
    batch_size=BATCH,
    task=Task.CLASSIFICATION,
    loss_kind=LossKind.CROSS_ENTROPY,
    class_count=CLASSES,
)


@dataclass
class Timed:
    """Asks detectors, and writes down when; nothing else, as that would count as summaries."""

    asked: list[tuple[str, int, float, float]] = field(default_factory=list)
    """Detector, judged point, and when it was asked and answered."""

    def judge(self, detector: Detector, view: RunView, *, alerted: bool) -> Verdict:
        """Ask one detector."""
        began = time.perf_counter()
        verdict = judge(detector, view, alerted=alerted)
        self.asked.append((detector.name, view.step, began, time.perf_counter()))
        return verdict

    def since(self, count: int) -> float:
        """Return the seconds that were spent after so many questions."""
        return sum(ended - began for _, _, began, ended in self.asked[count:])

    @property
    def points(self) -> list[float]:
        """Return the seconds of each judged point."""
        seconds: dict[int, float] = {}
        for _, step, began, ended in self.asked:
            seconds[step] = seconds.get(step, 0.0) + ended - began
        return list(seconds.values())

    @property
    def each(self) -> Mapping[str, float]:
        """Return the median seconds of each detector, the slowest first."""
        seconds: dict[str, list[float]] = {}
        for name, _, began, ended in self.asked:
            seconds.setdefault(name, []).append(ended - began)
        medians = {name: statistics.median(many) for name, many in seconds.items()}
        return dict(sorted(medians.items(), key=lambda each: -each[1]))


def main() -> int:
    """Measure and print."""
    sys.stdout.write(
        "| variables | steps a chunk | decoding, us a step | summaries, us a step "
        "| all detectors, us a judged point | state, KiB | in memory, KiB |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    each: Mapping[str, float] = {}
    for variables in VARIABLES:
        for steps in CHUNKS:
            timed, figures = measure(variables, steps)
            sys.stdout.write(f"| {variables} | {steps} | {' | '.join(figures)} |\n")
            sys.stdout.flush()
            if (variables, steps) == (100, 64):
                each = timed.each
    parts = [f"{name} {1e6 * seconds:.0f}" for name, seconds in each.items()]
    sys.stdout.write(f"\n100 variables, us a point: {', '.join(parts)}\n")
    return 0


def measure(variables: int, steps: int) -> tuple[Timed, list[str]]:
    """Feed one run of so many variables in chunks of so many steps."""
    timed, decoding, summaries = Timed(), [], []
    run = open_run(HELLO, 0.0)
    ask = Ask(CATALOGUE, timed.judge)
    for sequence, raw in enumerate(_records(variables, steps), 1):
        began = time.perf_counter()
        _, record = decode(raw)
        decoded = time.perf_counter()
        asked = len(timed.asked)
        run = advance(run, Arrival(STREAM, sequence, record, 0.0), ask)
        rest = time.perf_counter() - decoded - timed.since(asked)
        decoding.append(1e6 * (decoded - began) / steps)
        summaries.append(1e6 * rest / steps)
    points = timed.points[len(timed.points) // 2 :]
    blob = codec.pack(run)
    figures = [
        f"{statistics.median(decoding):.1f}",
        f"{statistics.median(_by_stretches(summaries, steps)[STEPS // STRETCH // 2 :]):.1f}",
        f"{1e6 * statistics.median(points):.0f}",
        f"{len(blob) / 1024:.0f}",
        f"{_in_memory(blob) / 1024:.0f}",
    ]
    return timed, figures


def _by_stretches(each: list[float], steps: int) -> list[float]:
    """Return the means of the chunks of each stretch; the first record is no chunk."""
    count = STRETCH // steps
    return [statistics.mean(each[i : i + count]) for i in range(1, len(each), count)]


def _in_memory(blob: bytes) -> int:
    """Return what a run takes of the process, arrays and objects, by making it again."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run: Run = codec.unpack(blob)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del run
    return after - before


def _records(variables: int, steps: int) -> Iterator[bytes]:
    """Return a healthy run that is sampled on every step, as a client sends it."""
    paths = [f"dense_{i // 2}/{'bias' if i % 2 else 'kernel'}" for i in range(variables)]
    arrays = [
        client.Variable(path, path.partition("/")[0], _role(path), (64, 64)) for path in paths
    ]
    layers = tuple(
        client.Activation(f"dense_{i}", "rectifier", 64) for i in range(min(variables // 2, 64))
    )
    axes = client.Axes(tuple(arrays), ("x",), layers)
    yield wire.numbered(1, wire.axes(1, axes))
    rng = np.random.default_rng(0)
    for first in range(0, STEPS, steps):
        yield wire.numbered(2, wire.chunk(_rows(rng, first, steps, variables, len(layers))))


def _role(path: str) -> client.Role:
    return "bias" if path.endswith("bias") else "kernel"


def _rows(
    rng: np.random.Generator, first: int, steps: int, variables: int, layers: int
) -> client.Rows:
    loss = 2.3 * np.exp(-np.arange(first, first + steps) / 2000) * rng.lognormal(0, 0.1, steps)
    norm = rng.lognormal(0, 0.3, (steps, variables))
    counts = rng.multinomial(BATCH, np.full(CLASSES, 1 / CLASSES), steps)
    columns = {
        "grad_norm": norm,
        "grad_zero_share": 0.1 * norm,
        "weight_norm": np.full((steps, variables), 8.0),
        "update_norm": 8e-3 * norm,
        "global_grad_norm": np.sqrt((norm**2).sum(1)),
        "data_loss": loss,
        "regularization_loss": np.zeros(steps),
        "confidence": np.full(steps, 0.6),
        "sample_count": np.full(steps, BATCH),
        "label_count": counts,
        "prediction_count": counts,
        "correct_count": counts // 2,
        **{f"input_{name}": np.ones((steps, 1)) for name in ("mean", "std", "min", "max")},
        "input_nonfinite_count": np.zeros((steps, 1)),
        "activation_mean": np.ones((steps, layers)),
        "activation_std": np.ones((steps, layers)),
        "dead_unit_share": np.zeros((steps, layers)),
    }
    typed = {name: np.ascontiguousarray(x, wire.COLUMNS[name]) for name, x in columns.items()}
    return client.Rows(
        first_step=first,
        loss=loss.astype(np.float32),
        loss_source=np.full(steps, client.EXACT, np.uint8),
        epoch=(np.arange(first, first + steps) // 1000).astype(np.uint32),
        step_seconds=np.full(steps, 0.01, np.float32),
        sampled_row=list(range(steps)),
        revision=1,
        sampled=typed,
        outside_seconds=0.0,
    )


if __name__ == "__main__":
    sys.exit(main())
