"""Cuts consecutive steps into pieces that the monitor takes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flatline.rows import Rows


def pieces(rows: Rows, steps: int) -> Iterator[Rows]:
    """Yield the rows in pieces of at most so many steps, in order."""
    for begin in range(0, len(rows), steps):
        yield part(rows, begin, min(begin + steps, len(rows)))


def part(rows: Rows, begin: int, end: int) -> Rows:
    """Return the steps from offset `begin` up to but not including `end`."""
    if (begin, end) == (0, len(rows)):
        return rows
    sampled = [i for i, row in enumerate(rows.sampled_row) if begin <= row < end]
    chosen = slice(sampled[0], sampled[-1] + 1) if sampled else slice(0)
    return replace(
        rows,
        first_step=rows.first_step + begin,
        loss=rows.loss[begin:end],
        loss_source=rows.loss_source[begin:end],
        epoch=rows.epoch[begin:end],
        step_seconds=rows.step_seconds[begin:end],
        learning_rate=_points(rows.learning_rate, begin, end),
        sampled_row=[row - begin for row in rows.sampled_row[chosen]],
        sampled={name: values[chosen] for name, values in rows.sampled.items()},
        scalars={
            name: kept
            for name, points in rows.scalars.items()
            if (kept := _points(points, begin, end))
        },
        outside_seconds=None,  # nobody knows which of the parts they belong to
    )


def without_sampled(rows: Rows) -> Rows:
    """Return the rows without their costly signals."""
    return replace(rows, sampled_row=[], sampled={})


def _points(points: Sequence[tuple[int, float]], begin: int, end: int) -> list[tuple[int, float]]:
    return [(row - begin, value) for row, value in points if begin <= row < end]
