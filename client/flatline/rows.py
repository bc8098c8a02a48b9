"""What capture hands to the sender: numbers of consecutive steps, and what is true of the run.

This is the seam between reading a training (capture/, keras.py, Run.log) and telling the monitor
about it (run.py, wire.py, sender.py). Names, units and axes are those of
proto/flatline/v1/monitor.proto.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

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

UNKNOWN, EXACT, RECONSTRUCTED, AS_LOGGED = range(4)
"""Sources of a loss, by their numbers on the wire (enum LossSource)."""


@dataclass(frozen=True)
class Variable:
    """One trainable array, in forward order."""

    path: str
    layer: str = ""
    role: Role = "unspecified"
    shape: tuple[int, ...] = ()


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

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.loss)
