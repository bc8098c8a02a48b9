"""What a log of a training says, whoever wrote it: plain frozen values."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from flatline_monitor.runs.records import Task

FORMATS = (
    "Keras CSVLogger or another CSV, a Keras History as JSON, a trainer_state.json of Hugging "
    "Face, an event file of TensorBoard, or a CSV export of W&B or MLflow"
)


class LintError(Exception):
    """A file that cannot be judged; the message says what was found and what would be right."""


class Kind(enum.StrEnum):
    """What a row of a log stands for."""

    EPOCH = "epoch"
    STEP = "step"


class Quantity(enum.StrEnum):
    """What a column of a log can be; the values are the words of `--columns`."""

    EPOCH = "epoch"
    STEP = "step"
    LOSS = "loss"
    ACCURACY = "accuracy"
    VAL_LOSS = "val_loss"
    VAL_ACCURACY = "val_accuracy"
    LEARNING_RATE = "learning_rate"
    GRADIENT_NORM = "gradient_norm"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as a file has them; a number that is not there is absent, and nan was logged."""

    name: str
    format: str
    """What wrote it: "Keras CSVLogger", "TensorBoard"."""
    rows: tuple[Mapping[str, float], ...]
    """By the names of the columns; not all rows have all of them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order in which they come up."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row))


@dataclass(frozen=True, slots=True)
class Row:
    """One epoch, or the steps since the row before; None: not logged."""

    at: float
    """Its epoch or step, in the log's own count."""
    epoch: float | None = None
    """Epochs that were over by then, whole or not; None: the log does not say."""
    loss: float | None = None
    """Training loss."""
    accuracy: float | None = None
    """Training accuracy, 0..1."""
    val_loss: float | None = None
    val_accuracy: float | None = None
    learning_rate: float | None = None
    gradient_norm: float | None = None
    """Norm of the whole gradient."""


@dataclass(frozen=True)
class Log:
    """One training, as far as its log tells."""

    name: str
    format: str
    kind: Kind
    rows: tuple[Row, ...]
    columns: Mapping[Quantity, str] = field(default_factory=dict)
    """Which column of the file was taken for what."""
    unread: tuple[str, ...] = ()
    """Columns of which nothing was made."""
    row_steps: int | None = None
    """Training steps from one row to the next; None: not known."""
    task: Task = Task.UNKNOWN
    class_shares: tuple[float, ...] = ()
    """Share of each class among the labels; empty: not known."""
    always_one: bool = False
    """Whether the accuracy never changes: then the shares are (accuracy, the rest)."""
    notes: tuple[str, ...] = ()
    """What the reader should know of how it was read."""

    @cached_property
    def trained(self) -> Sequence[Row]:
        """The rows with a training loss: the steps of the run that is judged."""
        return [row for row in self.rows if row.loss is not None]
