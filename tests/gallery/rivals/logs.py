"""A recorded run as the logs that other tools read: by step, by sampled step and by epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from flatline_monitor.runs.records import Role
from tests.gallery.series import Series

Array = np.ndarray
TRAINED = frozenset({Role.KERNEL, Role.EMBEDDING, Role.RECURRENT_KERNEL})
GAUSSIAN_MEAN = np.sqrt(2 / np.pi)
"""Mean of the absolute values of a normal variable, in standard deviations."""


@dataclass(frozen=True)
class Epochs:
    """What a callback is given at the end of each epoch; nan where there is no such number."""

    last: Array
    """[epoch] its last step"""
    loss: Array
    """[epoch] mean over its steps"""
    accuracy: Array
    rate: Array
    """[epoch] learning rate at its end"""
    val_loss: Array
    val_accuracy: Array

    def __len__(self) -> int:
        return len(self.last)


@dataclass(frozen=True)
class Logs:
    """A run's signals; rows of `sampled` steps have what a tensor would have told."""

    run: Series

    @property
    def sampled(self) -> Array:
        """Steps on which gradients and weights were measured."""
        return self.run.sampled

    def column(self, name: str) -> Array:
        """Return [sampled, place] a signal of the sampled steps; of no place if it is missing."""
        column = self.run.columns.get(name)
        if column is None:
            return np.zeros((len(self.sampled), 0))
        column = np.asarray(column, float)
        return column if column.ndim > 1 else column[:, None]

    def number(self, name: str) -> Array:
        """Return [sampled] a signal that is one number a step; nan if it is missing."""
        column = self.column(name)
        return column[:, 0] if column.shape[1] else np.full(len(column), np.nan)

    @cached_property
    def kernels(self) -> list[int]:
        """Places of kernels and embeddings on the axis of variables, in forward order."""
        return [i for i, each in enumerate(self.run.variables) if each.role in TRAINED]

    @cached_property
    def dense(self) -> list[int]:
        """Those of layers of class Dense."""
        return [i for i in self.kernels if self.run.variables[i].layer_class == "Dense"]

    def of(self, name: str, places: list[int]) -> Array:
        """Return [sampled, place] a signal of some of the variables."""
        column = self.column(name)
        return column[:, places] if column.shape[1] else column

    @cached_property
    def gradient(self) -> Array:
        """[sampled, variable] Mean of the absolute values of a gradient.

        As of normally distributed elements of the norm and of the share of zeros that were
        recorded: between half and all of the root mean square, and 0 where that is.
        """
        norm, zeros = self.column("grad_norm"), self.column("grad_zero_share")
        size = np.array([each.size for each in self.run.variables], float)[: norm.shape[1]]
        if zeros.shape != norm.shape:
            zeros = np.zeros_like(norm)
        zeros = np.nan_to_num(zeros)  # not looked at
        return np.asarray(GAUSSIAN_MEAN * norm * np.sqrt((1 - zeros) / np.maximum(size, 1)))

    @cached_property
    def loss(self) -> tuple[Array, Array]:
        """Steps whose loss is known and finite, and that loss."""
        known = np.isfinite(self.run.loss)
        return self.run.step[known], self.run.loss[known].astype(float)

    @cached_property
    def lost(self) -> Array:
        """Steps at which a loss, gradient or weight is not finite, ascending."""
        bad = np.zeros(len(self.sampled), bool)
        for name in ("grad_norm", "weight_norm", "global_grad_norm"):
            bad |= ~np.isfinite(self.column(name)).all(axis=1)
        return np.union1d(self.run.lost, self.sampled[bad])

    @cached_property
    def epochs(self) -> Epochs:
        """The run as its epochs; batches that belong to none are one epoch."""
        parts = self.run.epochs
        last = np.array([self.run.step[part[-1]] for part in parts], np.int64)
        validated = self._validated(last)
        return Epochs(
            last=last,
            loss=np.array([self._mean_loss(part) for part in parts]),
            accuracy=np.array([self._accuracy(part) for part in parts]),
            rate=np.array([self.run.rate[part[-1]] for part in parts]),
            val_loss=np.array([each.get("loss", np.nan) for each in validated]),
            val_accuracy=np.array([_accuracy_in(each) for each in validated]),
        )

    def at_epoch_ends(self, column: Array) -> Array:
        """Return [epoch, place] the last sampled row of each epoch; nan before the first."""
        rows = np.searchsorted(self.sampled, self.epochs.last, side="right") - 1
        seen = np.full((len(rows), column.shape[1]), np.nan)
        seen[rows >= 0] = column[rows[rows >= 0]]
        return seen

    def _mean_loss(self, part: Array) -> float:
        """Keras's mean: one loss that is not finite spoils it, one that is not known does not."""
        steps, loss = self.run.step[part], self.run.loss[part]
        if np.isin(steps, self.run.lost).any():
            return float("inf")
        known = loss[np.isfinite(loss)]
        return float(known.mean()) if len(known) else float("nan")

    def _accuracy(self, part: Array) -> float:
        """The one that the program logs, or else that of the samples that were looked at."""
        for name, values in self.run.scalars.items():
            if "acc" in name and np.isfinite(values[part[-1]]):
                return float(values[part[-1]])
        lo, hi = np.searchsorted(
            self.sampled, (self.run.step[part[0]], self.run.step[part[-1]] + 1)
        )
        right = self.column("correct_count")[lo:hi].sum()
        seen = self.column("label_count")[lo:hi].sum()
        return float(right / seen) if seen else float("nan")

    def _validated(self, last: Array) -> list[Mapping[str, float]]:
        found: list[Mapping[str, float]] = [{} for _ in last]
        for each in self.run.evaluations:
            at = int(np.searchsorted(last, each.step - 1))
            if at < len(found):
                counts = sum(each.label_counts)
                counted = {"acc": sum(each.correct_counts) / counts} if counts else {}
                found[at] = {**counted, **each.metrics}
        return found


def _accuracy_in(metrics: Mapping[str, float]) -> float:
    named = [value for name, value in metrics.items() if "acc" in name]
    return named[-1] if named else float("nan")


def saved(run: Series, every: int) -> Series:
    """Return what is left of a run of which each so many-th step is saved."""
    kept, rows = run.step % every == 0, run.sampled % every == 0
    return replace(
        run,
        step=run.step[kept],
        epoch=run.epoch[kept],
        loss=run.loss[kept],
        rate=run.rate[kept],
        lost=run.lost[run.lost % every == 0],
        scalars={name: values[kept] for name, values in run.scalars.items()},
        sampled=run.sampled[rows],
        columns={name: column[rows] for name, column in run.columns.items()},
    )


def first(hits: ArrayLike, steps: Array) -> int | None:
    """Return the first of the steps that is hit; None: none is."""
    hits = np.asarray(hits)
    return int(steps[int(np.argmax(hits))]) if len(hits) and hits.any() else None


def after_hits(hits: Array, count: int) -> Array:
    """Return where the last so many are all hits."""
    if len(hits) < count:
        return np.zeros(len(hits), bool)
    whole = np.convolve(hits.astype(int), np.ones(count, int))[: len(hits)]
    return np.asarray(whole == count)


def unimproved(values: Array, delta: float) -> Array:
    """Return for each value how many have passed since the last that was better by delta."""
    best, waited, found = np.inf, 0, []
    for value in values:
        better = value < best - delta
        best, waited = (value, 0) if better else (best, waited + 1)
        found.append(waited)
    return np.array(found, int)
