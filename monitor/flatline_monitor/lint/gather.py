"""A table becomes a log: which column is what, what its rows stand for, where it begins anew."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from flatline_monitor.lint import classes
from flatline_monitor.lint.log import Kind, LintError, Log, Quantity, Row, Table
from flatline_monitor.lint.names import chosen, is_of_training, task_of
from flatline_monitor.lint.numbers import is_whole
from flatline_monitor.runs.records import Task

AXES = (Quantity.EPOCH, Quantity.STEP)
MEASURED = tuple(each for each in Quantity if each not in AXES)
MOST_EPOCHS = 300
"""Rows that count 1, 2, 3 and have no epoch beside them are epochs while there are so few."""
PERCENT = 1.5
"""An accuracy above it is told in percent."""

Point = dict[Quantity, float]


def logs(table: Table, columns: Mapping[str, str], class_count: int | None = None) -> list[Log]:
    """Return the trainings of a table, one after the other where it begins anew.

    `columns` says by quantity which column is meant; the others go by their names. Raises
    LintError where no column is a training loss, or a column that was named is not there.
    """
    counts = {name: sum(name in row for row in table.rows) for name in table.columns}
    taken = _of_sides(chosen(table.columns, counts)) | _named(table, columns)
    task = task_of(table.columns)
    if Quantity.LOSS not in taken:
        names = ", ".join(table.columns[:12])
        msg = (
            f"{table.name} ({table.format}) has no column that is a training loss by its name; it "
            f"has {names}: say which it is, --columns loss=NAME"
        )
        raise LintError(msg)
    points = [point for row in table.rows if (point := _point(row, taken))]
    points = _without_gaps(points)
    if _are_rounded_away(points):
        taken.pop(Quantity.LEARNING_RATE)
        points = [{q: x for q, x in p.items() if q in taken} for p in points]
    found = [_log(table, part, taken, task) for part in _parts(_axis(points), points)]
    several = len(found) > 1
    return [
        classes.told(
            replace(log, name=f"{log.name}[part {i}]" if several else log.name), class_count
        )
        for i, log in enumerate(found, 1)
    ]


def _of_sides(taken: dict[Quantity, list[str]]) -> dict[Quantity, list[str]]:
    """Return the columns, with a metric that has no side taken for the validation's.

    That is what it is, as fastai writes it, beside a loss that says that it is the training's.
    """
    losses, shares = (taken.get(q, []) for q in (Quantity.LOSS, Quantity.ACCURACY))
    other = Quantity.VAL_LOSS in taken and Quantity.VAL_ACCURACY not in taken
    if other and any(map(is_of_training, losses)) and not any(map(is_of_training, shares)):
        moved = {Quantity.VAL_ACCURACY: shares} if shares else {}
        return {q: names for q, names in taken.items() if q is not Quantity.ACCURACY} | moved
    return taken


def _named(table: Table, columns: Mapping[str, str]) -> dict[Quantity, list[str]]:
    if missing := [name for name in columns.values() if name not in table.columns]:
        msg = f"{table.name} has no column {', '.join(missing)}; it has {', '.join(table.columns)}"
        raise LintError(msg)
    return {Quantity(quantity): [name] for quantity, name in columns.items()}


def _point(row: Mapping[str, float], taken: Mapping[Quantity, Sequence[str]]) -> Point:
    """Return what a row has of the chosen columns; losses of several parts are added up."""
    point = {
        quantity: sum(row[name] for name in names)
        for quantity, names in taken.items()
        if all(name in row for name in names)
    }
    return point if any(quantity in point for quantity in MEASURED) else {}


def _without_gaps(points: Sequence[Point]) -> list[Point]:
    """Leave out nan that stands for "nothing was logged here", as tables are filled with it.

    A training whose loss was nan does not come back again and again; a column of nan alone beside
    a loss that is finite was not measured.
    """
    gaps = {quantity for quantity in MEASURED if _is_gap(points, quantity)}
    kept = [
        {q: x for q, x in point.items() if not (q in gaps and math.isnan(x))} for point in points
    ]
    axes = [{q: x for q, x in p.items() if q not in AXES or math.isfinite(x)} for p in kept]
    return [point for point in axes if any(quantity in point for quantity in MEASURED)]


def _is_gap(points: Sequence[Point], quantity: Quantity) -> bool:
    known = [math.isnan(point[quantity]) for point in points if quantity in point]
    if not any(known):
        return False
    returns = sum(before and not after for before, after in itertools.pairwise(known))
    return returns > 1 or (all(known) and quantity is not Quantity.LOSS)


def _are_rounded_away(points: Sequence[Point]) -> bool:
    """Say whether the rates are all 0 while the loss changes: they were told with few digits."""
    rates = [point[Quantity.LEARNING_RATE] for point in points if Quantity.LEARNING_RATE in point]
    losses = [point[Quantity.LOSS] for point in points if Quantity.LOSS in point]
    known = [abs(loss) for loss in losses if math.isfinite(loss)]
    return bool(rates) and not any(rates) and max(known, default=0) > 1.01 * min(known, default=0)


def _axis(points: Sequence[Point]) -> Quantity | None:
    """Return what the rows are counted by; None: by their order."""
    trained = [point for point in points if Quantity.LOSS in point]
    for axis in (Quantity.STEP, Quantity.EPOCH):
        counted = [point[axis] for point in trained if axis in point]
        moves = sum(a != b for a, b in itertools.pairwise(counted))
        if trained and len(counted) == len(trained) and 2 * moves >= len(counted) - 1:
            return axis
    return None


def _parts(axis: Quantity | None, points: Sequence[Point]) -> list[list[tuple[float, Point]]]:
    """Put together what is of one epoch or step; cut where the count begins from the start again.

    A count that goes back a little is a restart from a checkpoint: the later rows count.
    """
    if axis is None:
        counted = [(float(i), point) for i, point in enumerate(points)]
        return [counted] if counted else []
    keyed = [(point[axis], point) for point in points if axis in point]
    if len(keyed) > 1 and all(a[0] > b[0] for a, b in itertools.pairwise(keyed)):
        keyed.reverse()
    parts: list[dict[float, Point]] = [{}]
    last = -math.inf
    for at, point in keyed:
        now = parts[-1]
        if Quantity.LOSS in point and at < last and Quantity.LOSS in now.get(at, point):
            if at <= min(now):
                parts.append({})
            else:
                parts[-1] = {key: each for key, each in now.items() if key < at}
            last = at
        last = max(last, at)
        parts[-1][at] = parts[-1].get(at, {}) | point
    return [sorted(part.items(), key=lambda each: each[0]) for part in parts]


def _log(
    table: Table,
    part: Sequence[tuple[float, Point]],
    taken: Mapping[Quantity, Sequence[str]],
    task: Task,
) -> Log:
    trained = [(at, point) for at, point in part if Quantity.LOSS in point]
    axis = _axis([point for _, point in trained])
    kind, row_steps = _kind(axis, trained)
    scale = {q: _unit(q, [p[q] for _, p in part if q in p]) for q in MEASURED}
    first_epoch = min((p[Quantity.EPOCH] for _, p in part if Quantity.EPOCH in p), default=0.0)
    begins = 1.0 if is_whole(first_epoch) and first_epoch >= 1 else 0.0
    rows = []
    for place, (at, point) in enumerate(part):
        epoch = point.get(Quantity.EPOCH)
        label = at
        if kind is Kind.EPOCH:
            # Epochs are told from 1 on, as people count them, wherever the log begins.
            label = (place if epoch is None else epoch - begins) + 1
        told = {q.value: point[q] * scale[q] for q in MEASURED if q in point}
        rows.append(Row(label, epoch, **told))
    read = {name for names in taken.values() for name in names}
    return Log(
        name=table.name,
        format=table.format,
        kind=kind,
        rows=tuple(rows),
        columns={quantity: " + ".join(names) for quantity, names in taken.items()},
        unread=tuple(name for name in table.columns if name not in read),
        row_steps=row_steps,
        task=task,
    )


def _kind(axis: Quantity | None, trained: Sequence[tuple[float, Point]]) -> tuple[Kind, int | None]:
    """Return what the rows are, and the steps from one to the next where they are known."""
    if len(trained) < 2 or axis is None:  # noqa: PLR2004 - one row has no distance
        return Kind.EPOCH if len(trained) <= MOST_EPOCHS else Kind.STEP, None
    apart = np.diff([at for at, _ in trained])
    apart = apart[apart > 0]
    stride = max(1, round(float(np.median(apart)))) if apart.size else 1
    if axis is Quantity.EPOCH:
        whole = all(is_whole(at) for at, _ in trained)
        return (Kind.EPOCH, None) if whole else (Kind.STEP, None)
    epochs = [point[Quantity.EPOCH] for _, point in trained if Quantity.EPOCH in point]
    by_epoch = len(epochs) == len(trained) and len(set(map(math.floor, epochs))) == len(epochs)
    if by_epoch and all(is_whole(epoch) for epoch in epochs):
        return Kind.EPOCH, stride if stride > 1 else None
    if stride == 1 and not epochs and len(trained) <= MOST_EPOCHS:
        return Kind.EPOCH, None
    return Kind.STEP, stride


def _unit(quantity: Quantity, values: Sequence[float]) -> float:
    """Return what the values must be multiplied by: an accuracy in percent is a share."""
    if quantity not in {Quantity.ACCURACY, Quantity.VAL_ACCURACY}:
        return 1.0
    return 0.01 if max(filter(math.isfinite, values), default=0.0) > PERCENT else 1.0
