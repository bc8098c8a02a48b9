"""One row of float32 for each sampled step: packed in the graph, unpacked on the host."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import tensorflow as tf

from flatline.rows import Axes

Merge: TypeAlias = Literal["first", "sum", "mean", "pool", "variance"]
"""How the values of several replicas become one: all the same, summed, averaged, or pooled.

A variance goes with the means in the slot before it, which are averaged.
"""


@dataclass(frozen=True)
class Column:
    """One measurement of a sampled step, as a tensor."""

    name: str
    tensor: Any
    merge: Merge = "first"


@dataclass(frozen=True)
class Slot:
    """Where a column lies within a row."""

    name: str
    shape: tuple[int, ...]
    start: int
    stop: int
    merge: Merge


@dataclass(frozen=True)
class Layout:
    """What the numbers of a row mean; the same for every trace of a function."""

    slots: tuple[Slot, ...]
    axes: Axes
    penalties: tuple[float, ...] = ()
    """Factor of the L2 regulariser of each variable; 0: none, nan: another regulariser."""

    @cached_property
    def starts(self) -> dict[str, int]:
        """Where each column begins in a row, by its name."""
        return {slot.name: slot.start for slot in self.slots}

    @property
    def size(self) -> int:
        """Numbers in a row."""
        return self.slots[-1].stop if self.slots else 0

    def unpack(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns of [row, number] as [row, ...]."""
        return {
            slot.name: rows[:, slot.start : slot.stop].reshape(len(rows), *slot.shape)
            for slot in self.slots
        }

    def merged(self, replicas: np.ndarray) -> np.ndarray:
        """Return one row for the rows of several replicas, [replica, number]."""
        row: np.ndarray = replicas[0].copy()
        for slot in self.slots:
            values = replicas[:, slot.start : slot.stop].astype(np.float64)
            if slot.merge == "sum":
                row[slot.start : slot.stop] = values.sum(0)
            elif slot.merge == "mean":
                row[slot.start : slot.stop] = values.mean(0)
            elif slot.merge == "variance":
                means = replicas[:, slot.start - (slot.stop - slot.start) : slot.start]
                row[slot.start : slot.stop] = values.mean(0) + means.astype(np.float64).var(0)
            elif slot.merge == "pool":
                shaped = values.reshape(len(values), *slot.shape)
                row[slot.start : slot.stop] = pooled(shaped).ravel()
        return row


def pack(columns: Sequence[Column]) -> tuple[tuple[Slot, ...], Any]:
    """Return where each column lies, and the row that holds them all."""
    tensors = [tf.cast(tf.convert_to_tensor(column.tensor), tf.float32) for column in columns]
    # Single numbers first: they are put together in one operation.
    order = sorted(range(len(columns)), key=lambda i: tensors[i].shape.rank > 0)
    slots, parts, start = [], [], 0
    for i in order:
        shape = tuple(int(size) for size in tensors[i].shape)
        stop = start + int(np.prod(shape, dtype=np.int64))
        slots.append(Slot(columns[i].name, shape, start, stop, columns[i].merge))
        if shape:
            parts.append(tensors[i] if len(shape) == 1 else tf.reshape(tensors[i], [-1]))
        start = stop
    if single := [tensor for tensor in tensors if tensor.shape.rank == 0]:
        parts = [tf.stack(single), *parts]
    return tuple(slots), tf.concat(parts, 0)


def pooled(values: np.ndarray) -> np.ndarray:
    """Return the MOMENTS of all samples from those of their parts, [part, ..., moment]."""
    count, mean, variance, low, high, bad = np.moveaxis(values, -1, 0)
    total = count.sum(0)
    share = count / np.maximum(total, 1)
    centre = np.where(count > 0, mean, 0.0)
    middle = (share * centre).sum(0)
    spread = np.where(count > 0, variance, 0.0) + np.square(centre - middle)
    known = [middle, (share * spread).sum(0), np.fmin.reduce(low, 0), np.fmax.reduce(high, 0)]
    known = [np.where(total > 0, value, np.nan) for value in known]
    return np.stack([total, *known, bad.sum(0)], -1)
