"""A made-up run as columns over all of its steps, and as the records that ingest would give."""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping

import numpy as np

from flatline_monitor.runs.model import Model
from flatline_monitor.runs.records import (
    Activation,
    ActivationKind,
    Chunk,
    End,
    EndStatus,
    Evaluation,
    Hello,
    LossKind,
    Record,
    Role,
    Sampled,
    Untrained,
    Variable,
    Variables,
)

EVERY = 22
"""Steps between validations; the last of them falls into the last block of a run."""
PATHS = tuple(f"dense_{i}/{part}" for i in range(6) for part in ("kernel", "bias"))


def variable(path: str) -> Variable:
    layer, _, part = path.partition("/")
    return Variable(path, layer, Role(part), (16, 16) if part == "kernel" else (16,))


VARIABLES = Variables(
    revision=1,
    variables=tuple(variable(path) for path in PATHS),
    inputs=("x",),
    untrained=(Untrained("normalization/mean", trainable=False),),
    activations=(
        Activation("dense_0", ActivationKind.RECTIFIER, 16),
        Activation("dense_1", ActivationKind.SQUASHER, 16),
        Activation("dense_5", ActivationKind.OTHER, 2),
    ),
)


@dataclasses.dataclass(frozen=True)
class Signals:
    """One run as columns over all of its steps; unless it is made sparse every one is sampled."""

    hello: Hello
    loss: np.ndarray
    sampled: Mapping[str, np.ndarray]
    first_step: int = 0
    validation: tuple[float, ...] = ()
    """Validation loss after every EVERY steps."""
    scores: tuple[float, ...] = ()
    """Validation accuracy, likewise; empty: there is none."""
    spacing: int = 1
    """Steps from one sampled step to the next."""
    seconds: np.ndarray | None = None
    """Time of each step; None: a millisecond."""
    known: bool = True
    """Whether the loss was measured."""
    model: Model | None = None
    """What is known of the fit before it has learned anything."""

    @property
    def steps(self) -> int:
        return len(self.loss)

    def without(self, *names: str) -> "Signals":
        kept = {name: column for name, column in self.sampled.items() if name not in names}
        return dataclasses.replace(self, sampled=kept)

    def with_columns(self, **columns: np.ndarray) -> "Signals":
        return dataclasses.replace(self, sampled={**self.sampled, **columns})

    def with_plan(self, plan: int | None) -> "Signals":
        return dataclasses.replace(self, hello=dataclasses.replace(self.hello, plan_steps=plan))

    def sparse(self, spacing: int) -> "Signals":
        """The same run of which only each so many-th step is sampled."""
        return dataclasses.replace(self, spacing=spacing)

    def scaled(self, factor: float) -> "Signals":
        """The same run with its losses in other units, of which nobody knows the null model."""
        return dataclasses.replace(
            self,
            hello=dataclasses.replace(self.hello, loss_kind=LossKind.UNKNOWN),
            loss=self.loss * factor,
            validation=tuple(loss * factor for loss in self.validation),
        )

    def spoiled_at(self, step: int) -> "Signals":
        """One row in which nothing could be measured."""
        loss = self.loss.copy()
        loss[step] = np.nan
        columns = {}
        for name, column in self.sampled.items():
            columns[name] = column.copy()
            if column.dtype == np.float32:
                columns[name][step] = np.nan
        return dataclasses.replace(self, loss=loss, sampled=columns)

    def chunk(self, begin: int, end: int) -> Chunk:
        step = np.arange(self.first_step + begin, self.first_step + end)
        rows = np.flatnonzero(step % self.spacing == 0)
        columns = {name: column[begin:end][rows] for name, column in self.sampled.items()}
        seconds = np.full(self.steps, 0.001) if self.seconds is None else self.seconds
        return Chunk(
            step=step,
            columns={
                "loss": self.loss[begin:end],
                "loss_source": np.full(end - begin, self.known, np.uint8),
                "epoch": (step // 20).astype(np.uint32),
                "step_seconds": seconds[begin:end].astype(np.float32),
            },
            sampled=Sampled(step[rows], 1, columns),
            learning_rate_step=step[step % 100 == 0],
            learning_rate=(0.1 / (1 + step[step % 100 == 0])).astype(np.float32),
        )

    def records(self, cuts: Iterable[int] = (), end: EndStatus | None = None) -> list[Record]:
        """The run in chunks that end at `cuts`, and its end if there is one."""
        # A validation is told before the steps that follow it.
        inner = {*cuts, *(EVERY * (epoch + 1) for epoch in range(len(self.validation)))}
        edges = [0, *sorted(cut for cut in inner if 0 < cut < self.steps), self.steps]
        told: list[Record] = []
        for a, b in itertools.pairwise(edges):
            told += [self.chunk(a, b), *self.evaluations(a, b)]
        closing = [] if end is None else [End(end, "", self.first_step + self.steps)]
        facts = [] if self.model is None else [self.model]
        return [VARIABLES, *facts, *told, *closing]

    def evaluations(self, begin: int, end: int) -> list[Evaluation]:
        """Those that were made within these steps."""
        told = [{"loss": float(loss)} for loss in self.validation]
        for metrics, score in zip(told, self.scores, strict=False):
            metrics["accuracy"] = score
        return [
            Evaluation(EVERY * (epoch + 1), epoch, 1_000, metrics)
            for epoch, metrics in enumerate(told)
            if begin < EVERY * (epoch + 1) <= end
        ]
