"""The signals of a recorded run as arrays: what other tools get in place of their own logs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flatline_monitor.ingest.decode import decode
from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import (
    Activation,
    Chunk,
    End,
    Evaluation,
    Hello,
    Variable,
    Variables,
)
from flatline_monitor.runs.rows import lost_steps, rows_of


@dataclass(frozen=True)
class Series:
    """One run as it was streamed."""

    hello: Hello
    step: np.ndarray
    epoch: np.ndarray
    loss: np.ndarray
    """[step], nan where it was not known"""
    lost: np.ndarray
    """steps whose loss was measured and is not finite"""
    rate: np.ndarray
    """[step] learning rate"""
    scalars: Mapping[str, np.ndarray]
    """[step] what Keras logs, nan where it did not"""
    sampled: np.ndarray
    """steps that were sampled with the model's last list of variables"""
    columns: Mapping[str, np.ndarray]
    """[sampled, ...] by the names of message Sampled"""
    variables: tuple[Variable, ...]
    activations: tuple[Activation, ...]
    evaluations: tuple[Evaluation, ...]
    ended: str
    """How: "finished", "failed", "interrupted", or "" when it never said."""

    @property
    def plan(self) -> int:
        """Steps planned, or else taken."""
        return self.hello.plan_steps or len(self.step)

    @property
    def epochs(self) -> list[np.ndarray]:
        """Indices of the steps of each epoch, in order."""
        edges = np.flatnonzero(np.diff(self.epoch)) + 1
        return [part for part in np.split(np.arange(len(self.step)), edges) if part.size]


def series(entries: Sequence[Entry]) -> Series:
    """Read a journal."""
    records = [decode(entry.raw)[1] for entry in entries]
    hello = next(record for record in records if isinstance(record, Hello))
    chunks = [record for record in records if isinstance(record, Chunk)]
    lists = [record for record in records if isinstance(record, Variables)]
    end = next((record for record in records if isinstance(record, End)), None)
    steps = np.concatenate([chunk.step for chunk in chunks]) if chunks else np.zeros(0, np.int64)
    rows = [rows_of(chunk) for chunk in chunks]
    epochs = [chunk.columns.get("epoch", np.zeros(len(chunk.step))) for chunk in chunks]
    sampled, columns = _sampled(chunks)
    return Series(
        hello=hello,
        step=steps,
        epoch=np.concatenate(epochs) if epochs else np.zeros(0),
        loss=np.concatenate([each.loss for each in rows]) if rows else np.zeros(0),
        lost=np.concatenate([lost_steps(each) for each in rows]) if rows else np.zeros(0, np.int64),
        rate=_rates(chunks, steps),
        scalars=_scalars(chunks, steps),
        sampled=sampled,
        columns=columns,
        variables=lists[-1].variables if lists else (),
        activations=lists[-1].activations if lists else (),
        evaluations=tuple(record for record in records if isinstance(record, Evaluation)),
        ended=end.status.value if end else "",
    )


def _sampled(chunks: Sequence[Chunk]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    parts = [chunk.sampled for chunk in chunks if len(chunk.sampled.step)]
    if not parts:
        return np.zeros(0, np.int64), {}
    parts = [part for part in parts if part.revision == parts[-1].revision]
    names = set.intersection(*(set(part.columns) for part in parts))
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in names}
    return np.concatenate([part.step for part in parts]), columns


def _rates(chunks: Sequence[Chunk], steps: np.ndarray) -> np.ndarray:
    rates = np.full(len(steps), np.nan)
    for chunk in chunks:
        for step, rate in zip(chunk.learning_rate_step, chunk.learning_rate, strict=True):
            rates[np.searchsorted(steps, step) :] = rate
    return rates


def _scalars(chunks: Sequence[Chunk], steps: np.ndarray) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for chunk in chunks:
        for name, (at, values) in chunk.scalars.items():
            column = found.setdefault(name, np.full(len(steps), np.nan))
            column[np.searchsorted(steps, at)] = values
    return found
