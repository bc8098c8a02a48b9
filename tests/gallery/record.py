"""`make gallery`: trains the gallery through the real client and service, and records it.

    python -m tests.gallery.record [--missing] [--directory D] [names...]

A training may end by an exception: that is part of it, and the run is recorded as it ended. A
journal that does not end is refused: what it is a recording of would depend on the day's load.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import tensorflow as tf

from flatline.keras import MonitorCallback
from flatline_monitor.ingest.decode import decode
from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import End, Hello
from flatline_monitor.storage.store import SqliteStore
from tests.gallery.case import Case, cases
from tests.gallery.replay import RECORDED, Outcome, outcome, save
from tests.system.service import Service

TOGETHER = 20
"""Trainings with one service."""
SEED = 1
NO_SNAPSHOT = -1


class UnfinishedError(Exception):
    """Trainings whose journals are no recordings; the message has a line for each."""


def main() -> int:
    """Record; return 0, or 1 if a journal was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", action="store_true", help="only what was not recorded yet")
    parser.add_argument("--directory", type=Path, default=RECORDED, help="where recordings go")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("names", nargs="*", help="trainings, or modules of them; default: all")
    given = parser.parse_args()
    one_thread()
    wanted = [case for case in cases() if _wanted(case, given.names)]
    if given.missing:
        wanted = [case for case in wanted if not (given.directory / f"{case.name}.xz").exists()]
    status = 0
    for first in range(0, len(wanted), TOGETHER):
        try:
            for each in record(wanted[first : first + TOGETHER], given.seed, given.directory):
                sys.stdout.write(line(each) + "\n")
                sys.stdout.flush()
        except UnfinishedError as error:
            sys.stderr.write(f"{error}\n")
            status = 1
    return status


def one_thread() -> None:
    """Let TensorFlow compute in one thread, so that the machine's cores change no numbers."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _wanted(case: Case, names: list[str]) -> bool:
    return not names or case.name in names or case.train.__module__.rpartition(".")[2] in names


def record(some: list[Case], seed: int, directory: Path) -> Iterator[Outcome]:
    """Train some of the gallery with one service, and write what it had journalled.

    Raises UnfinishedError, after the others are written, if a journal does not end.
    """
    with tempfile.TemporaryDirectory(prefix="flatline-gallery-") as folder:
        service = Service(Path(folder))
        with service:
            for case in some:
                train(case, seed, service.grpc)
            service.terminate()
        store = SqliteStore(service.data_dir)
        runs = defaultdict(list)
        for remembered in store.remembered(version=NO_SNAPSHOT):
            _, hello = decode(remembered.entries[0].raw)
            if isinstance(hello, Hello):
                runs[hello.name].append(remembered.entries)
        store.close()
    refused = []
    for case in some:
        found = sorted(runs[case.name], key=lambda entries: entries[0].received_at)
        if reason := why_unfinished(case.name, found):
            refused.append(reason)
            continue
        save(case.name, found, directory)
        yield outcome(case, found)
    if refused:
        raise UnfinishedError("\n".join(refused))


def why_unfinished(name: str, runs: Sequence[Sequence[Entry]]) -> str:
    """Say why the journals of a training are no recording of it; empty: they are one."""
    if not runs:
        return f"{name}: the service has no run of it; it has to fit with its callback"
    for number, entries in enumerate(runs, 1):
        kinds = [type(decode(entry.raw)[1]) for entry in entries]
        if End not in kinds[len(kinds) - 1 - kinds[::-1].index(Hello) :]:
            return (
                f"{name}: run {number} of {len(runs)} has no End: after {len(kinds)} records it "
                f"breaks off with a {kinds[-1].__name__}; record it again with more time to close"
            )
    return ""


def train(case: Case, seed: int, target: str) -> MonitorCallback:
    """Train one of the gallery with a monitor at `target`; return the callback that it had."""
    keras.utils.clear_session()
    keras.mixed_precision.set_global_policy("float32")
    keras.utils.set_random_seed(seed)
    began = time.monotonic()
    callback = MonitorCallback(target, name=case.name)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            case.train(seed, callback)
        except Exception as error:  # noqa: BLE001 - how a sick program may end
            sys.stderr.write(f"{case.name} ended with {type(error).__name__}: {error}"[:300] + "\n")
    sys.stderr.write(f"{case.name}: {time.monotonic() - began:.1f} s\n")
    return callback


def line(each: Outcome) -> str:
    """Return one line of what the core says of a training."""
    case = each.case
    label = "healthy" if not case.sick else "sick" if case.visible else "hidden"
    worst = {said.detector: said for said in each.said}
    said = " ".join(f"{s.detector}:{s.severity.value[:4]}@{s.share:.0%}" for s in worst.values())
    right = not case.sick or not case.visible or bool(worst.keys() & case.families)
    loud = (not case.sick or not case.visible) and any(s.severity.rank for s in worst.values())
    mark = "!!" if loud else "  " if right else "??"
    told = f"{mark} {label:7} {case.half:5} {case.name} {each.steps}/{each.plan}"
    expected = f"expected {sorted(case.families)} {sorted(case.causes)}"
    return " | ".join((told, said or "silence", ", ".join(each.causes[:3]), expected))


if __name__ == "__main__":
    sys.exit(main())
