"""`make bench-client`: what the client costs a training, beside what it may cost.

Prints one table, and writes it with one plot to dist/bench-client/. Nothing of it talks to the
network; the monitor is a service on loopback. Figures want a quiet machine with two cores.
"""

import argparse
import contextlib
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench.client import claims, fresh
from tests.bench.client.blocks import Blocks, measure
from tests.bench.client.models import TITLES, make
from tests.bench.client.peers import peers
from tests.bench.client.plot import draw
from tests.bench.client.table import Line, text
from tests.bench.client.variants import BARE, ours
from tests.client.outage import refusing
from tests.system.service import Service

OUT = Path("dist/bench-client")
STARTUP, MEMORY, WIRE = "abc", "cd", "ac"
PEERS_SHARE = 0.5
"""Time for the other tools, beside that for flatline."""


def main() -> int:
    """Measure; return 0 whatever the figures are: they depend on the machine."""
    given = _arguments()
    for name in [name for name in os.environ if name.startswith("FLATLINE_")]:
        del os.environ[name]
    OUT.mkdir(parents=True, exist_ok=True)
    log = logging.FileHandler(OUT / "flatline.log", "w")
    logging.getLogger("flatline").addHandler(log)  # instead of stderr
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="flatline-bench-") as directory,
        Service(Path(directory) / "monitor") as service,
    ):
        lines = list(_fresh(given, service.grpc))
        models = {
            name: _blocks(name, service.grpc, Path(directory) / name, given.seconds)
            for name in given.models
        }
    lines = [line for name, each in models.items() for line in claims.of_blocks(name, each)] + lines
    _write(lines, models, time.monotonic() - began)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-client", description=__doc__)
    parser.add_argument("--seconds", type=float, help="time for each model, peers apart")
    parser.add_argument("--models", default="".join(TITLES), help="which of abcde; default: all")
    parser.add_argument("--quick", action="store_true", help="see that it works; figures are noise")
    given = parser.parse_args()
    if unknown := set(given.models) - set(TITLES):
        parser.error(f"no model {', '.join(sorted(unknown))}; there are {', '.join(TITLES)}")
    given.seconds = given.seconds or (4.0 if given.quick else 50.0)
    return given


def _fresh(given: argparse.Namespace, target: str) -> Iterator[Line]:
    """Measure what needs processes of their own."""
    quick = given.quick
    for name in given.models:
        startup = longer = None
        if name in STARTUP:
            _say(f"{name}: start-up")
            startup = fresh.fits(name, target, 5, 1 if quick else 7)
        if name in MEMORY:
            _say(f"{name}: peak memory")
            longer = fresh.fits(name, target, 60, 1 if quick else 3)
        yield from claims.of_fits(name, startup, longer)
        if name in WIRE:
            _say(f"{name}: bytes on the wire")
            yield from claims.of_wire(name, fresh.wire(name))
    _say("import flatline; an hour without a monitor")
    yield claims.of_import(fresh.imports(3 if quick else 21))
    yield from claims.of_outage(fresh.outage())


def _blocks(name: str, target: str, directory: Path, seconds: float) -> Blocks:
    """Measure one model: first flatline by itself, for others leave work in the background."""
    _say(f"{name}: {TITLES[name]}")
    model, dataset = make(name)
    blocks = measure(model, dataset, ours(target, refusing()), seconds)
    directory.mkdir()
    with peers(directory, dataset) as others:
        _say(f"{name}: {', '.join(others) or 'no other tool is installed'}")
        with contextlib.redirect_stdout(sys.stderr):
            makes = {BARE: list, **others}
            theirs = measure(model, dataset, makes, PEERS_SHARE * seconds)
    blocks.add(theirs)
    return blocks


def _write(lines: Iterable[Line], models: dict[str, Blocks], seconds: float) -> None:
    table = text(list(lines))
    where = (
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"
    )
    head = f"Python {platform.python_version()}, {where}; took {seconds / 60:.0f} minutes."
    (OUT / "table.md").write_text(f"{head}\n\n{table}")
    drawn = draw(models, OUT / "plot.png")
    sys.stdout.write(f"\n{table}\n{head}\n{OUT}/table.md")
    sys.stdout.write(f", {OUT}/plot.png\n" if drawn else "; no plot: matplotlib is not installed\n")


def _say(sentence: str) -> None:
    sys.stderr.write(f"bench-client: {sentence}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
