"""Bytes on the wire: encodes what a real fit hands over. `python -m tests.bench.client.wire c`."""

import json
import statistics
import sys
from dataclasses import replace
from typing import Any

from flatline import wire
from flatline.cut import pieces
from flatline.rows import Health, Rows
from tests.bench.client.models import make
from tests.bench.client.variants import NeverSampling
from tests.client.models import Recording

STEPS, CHUNK = 64 * 8 + 2, 64
SEQUENCE = 10_000
"""A record's number; its length is part of the record."""


class Unsampled(NeverSampling, Recording):
    """Samples no step, and keeps what it would send."""


def main() -> None:
    """Print, as JSON, the bytes of a step, and of each quantity over variables."""
    model, dataset = make(sys.argv[1])
    variables = len(model.trainable_variables)
    plain = _chunks(model, dataset, Unsampled())
    every = _chunks(model, dataset, Recording(allowance_seconds=1e6))
    full = [each for each in every if len(each[0].sampled_row) == CHUNK]
    assert plain, "no chunk of 64 unsampled steps came together; is the machine that slow?"
    assert full, "no chunk of 64 sampled steps came together; is the machine that slow?"
    unsampled = _per_step(plain)
    quantities: dict[str, float] = {}
    rows, health = full[-1]
    for name, column in rows.sampled.items():
        count, rest = divmod(column[0].size, variables)
        if count and not rest:
            others = {key: value for key, value in rows.sampled.items() if key != name}
            less = replace(rows, sampled=others)
            quantities[name] = (_bytes(rows, health) - _bytes(less, health)) / CHUNK / count
    found = {
        "variables": variables,
        "unsampled": unsampled,
        "sampled": _per_step(full),
        "quantities": quantities,
    }
    sys.stdout.write(json.dumps(found) + "\n")


def _chunks(model: Any, dataset: Any, callback: Recording) -> list[tuple[Rows, Health]]:
    """Fit, and return the chunks of full length with the health that goes along."""
    model.fit(dataset, steps_per_epoch=STEPS, verbose=0, callbacks=[callback])
    run = callback.run
    # The recording keeps two numbers of the health; the others are as long whatever they are.
    told = [Health(*health, spent_seconds=0.1, tracing_seconds=0.1) for health in run.health]
    return [
        (piece, health)
        for rows, health in zip(run.rows, told, strict=True)
        for piece in pieces(rows, CHUNK)
        if len(piece) == CHUNK
    ]


def _per_step(chunks: list[tuple[Rows, Health]]) -> float:
    return statistics.median(_bytes(*chunk) for chunk in chunks) / CHUNK


def _bytes(rows: Rows, health: Health) -> int:
    return len(wire.numbered(SEQUENCE, wire.chunk(rows, health)))


if __name__ == "__main__":
    main()
