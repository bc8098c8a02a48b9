"""What capture hands to the sender: numbers of consecutive steps, and what is true of the run.

This is the seam between reading a training (capture/, keras.py, Run.log) and telling the monitor
about it (run.py, wire.py, sender.py). Names, units and axes are those of
proto/flatline/v1/monitor.proto.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np

Task: TypeAlias = Literal[
    "unspecified", "classification", "multilabel", "regression", "gan", "rl", "ssl"
]
LossKind: TypeAlias = Literal[
    "unspecified", "cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error"
]
Role: TypeAlias = Literal[
    "unspecified", "kernel", "bias", "embedding", "gamma", "beta", "recurrent_kernel"
]
ActivationKind: TypeAlias = Literal["unspecified", "rectifier", "squasher"]

UNKNOWN, EXACT, RECONSTRUCTED, AS_LOGGED = range(4)
"""Sources of a loss, by their numbers on the wire (enum LossSource)."""


@dataclass(frozen=True)
class Variable:
    """One trainable array, in forward order."""

    path: str
    layer: str = ""
    role: Role = "unspecified"
    shape: tuple[int, ...] = ()
    layer_class: str = ""
    estimated: bool = False
    """Whether norms of the weight and of the update are estimated from some of the rows."""


ROLES: dict[str, Role] = {
    "kernel": "kernel",
    "depthwise_kernel": "kernel",
    "pointwise_kernel": "kernel",
    "bias": "bias",
    "embeddings": "embedding",
    "gamma": "gamma",
    "beta": "beta",
    "recurrent_kernel": "recurrent_kernel",
}
"""What an array does in its layer, by the name that Keras gives it."""


def named(path: str, roles: Mapping[str, Role] = ROLES) -> Variable:
    """Return what the path of a variable says of it."""
    *owners, name = path.split("/")
    return Variable(path, owners[-1] if owners else "", roles.get(name, "unspecified"))


@dataclass(frozen=True)
class Untrained:
    """One array of the model that no optimizer changes."""

    path: str
    trainable: bool = False


@dataclass(frozen=True)
class Activation:
    """One layer with a nonlinearity."""

    layer: str
    kind: ActivationKind = "unspecified"
    units: int = 0
    stride: int = 1
    """Every so many-th unit is looked at."""
    low: float = 0.0
    """Lower bound of a squasher, whose upper one is 1."""


@dataclass(frozen=True)
class Axes:
    """What the columns go over; a new revision of them each time that they change."""

    variables: tuple[Variable, ...] = ()
    inputs: tuple[str, ...] = ()
    activations: tuple[Activation, ...] = ()
    untrained: tuple[Untrained, ...] = ()


@dataclass(frozen=True)
class Description:
    """What is true of a run, or of one fit of it; None and "" mean not known."""

    plan_steps: int | None = None
    plan_epochs: int | None = None
    batch_size: int | None = None
    task: Task = "unspecified"
    loss_kind: LossKind = "unspecified"
    loss_name: str = ""
    class_count: int | None = None
    framework: str = ""
    framework_version: str = ""


@dataclass(frozen=True)
class Health:
    """How the client itself is doing, counted since the run began."""

    overhead_ratio: float | None = 0.0
    """time that flatline took / time of the training, tracing apart; None: not known"""
    sampled_steps: int = 0
    dropped_records: int = 0
    """counted by the sender"""
    spent_seconds: float | None = None
    """what flatline took on the training thread, tracing apart; None: not known"""
    tracing_seconds: float = 0.0


@dataclass(frozen=True)
class Evaluation:
    """One pass over a validation set."""

    step: int
    """steps taken before it"""
    epoch: int = 0
    n: int | None = None
    """samples in it; None: not known"""
    metrics: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """for each class, by their names in message Evaluation"""


@dataclass(frozen=True)
class Ending:
    """How a run ended."""

    status: str = "finished"
    """finished, failed, interrupted"""
    exception_type: str = ""
    exception_text: str = ""
    """What the exception says; see `redact`."""


class Chunk(Protocol):
    """Consecutive steps that can be made into rows, on whatever thread has the time."""

    @property
    def first_step(self) -> int:
        """Number of the first one."""

    def __len__(self) -> int:
        """Return the number of steps."""

    def rows(self) -> "Rows":
        """Return them as rows; called once, and for one chunk after the other."""


@dataclass
class Rows:
    """Consecutive steps, as columns."""

    first_step: int
    loss: np.ndarray
    """float32 [step]"""
    loss_source: np.ndarray
    """uint8 [step]"""
    epoch: np.ndarray
    """uint32 [step]"""
    step_seconds: np.ndarray
    """float32 [step]"""
    learning_rate: list[tuple[int, float]] = field(default_factory=list)
    """(offset from first_step, learning rate from that step on), ascending"""
    sampled_row: list[int] = field(default_factory=list)
    """offsets from first_step of the sampled steps, ascending"""
    revision: int = 0
    """of the variables that the columns over variables go by"""
    sampled: Mapping[str, np.ndarray] = field(default_factory=dict)
    """columns of message Sampled by name, first axis as sampled_row; only what was measured"""
    scalars: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)
    """(offset, value) of each number that the program logs under a name of its own"""
    outside_seconds: float | None = None
    """of all step_seconds, those that passed outside of train steps; None: not known"""

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.loss)
