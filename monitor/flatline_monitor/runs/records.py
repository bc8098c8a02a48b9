"""What a run says, once `ingest` has checked it: the only words that the core hears.

Absent, zero and nan are three different things: a column that was not sent is not in its
mapping, and nan is a measurement like any other.
"""

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int, Shaped

from flatline_monitor.runs.model import Model


class Task(enum.StrEnum):
    """What is being learned."""

    UNKNOWN = "unknown"
    CLASSIFICATION = "classification"
    MULTILABEL = "multilabel"
    REGRESSION = "regression"
    GAN = "gan"
    RL = "rl"
    SSL = "ssl"


class LossKind(enum.StrEnum):
    """Form of the data loss, which decides the loss of the null model."""

    UNKNOWN = "unknown"
    CROSS_ENTROPY = "cross_entropy"
    BINARY_CROSS_ENTROPY = "binary_cross_entropy"
    SQUARED_ERROR = "squared_error"
    ABSOLUTE_ERROR = "absolute_error"


class LossSource(enum.IntEnum):
    """Where the loss of a step comes from; the numbers are those of the wire."""

    UNKNOWN = 0
    EXACT = 1
    RECONSTRUCTED = 2
    AS_LOGGED = 3


class SkipReason(enum.IntEnum):
    """Why an optimizer left the variables as they were; the numbers are those of the wire."""

    NOT_SKIPPED = 0
    OVERFLOW = 1
    ACCUMULATING = 2


class Role(enum.StrEnum):
    """What a variable does in its layer."""

    OTHER = "other"
    KERNEL = "kernel"
    BIAS = "bias"
    EMBEDDING = "embedding"
    GAMMA = "gamma"
    BETA = "beta"
    RECURRENT_KERNEL = "recurrent_kernel"


class ActivationKind(enum.StrEnum):
    """How a unit of a layer can stop to pass on a gradient."""

    OTHER = "other"
    RECTIFIER = "rectifier"
    SQUASHER = "squasher"


class EndStatus(enum.StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Hello:
    """Who is calling, and what it plans to do. None means that the client does not know."""

    run_id: str
    name: str = ""
    project: str = ""
    user: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    rank: int = 0
    world_size: int = 1
    incarnation: int = 0
    fit: int = 0
    plan_steps: int | None = None
    plan_epochs: int | None = None
    batch_size: int | None = None
    task: Task = Task.UNKNOWN
    loss_kind: LossKind = LossKind.UNKNOWN
    loss_name: str = ""
    class_count: int | None = None
    client_version: str = ""
    framework: str = ""
    framework_version: str = ""
    python_version: str = ""
    quiet: tuple[str, ...] = ()
    """Detectors of which the program's own log is not told; they are judged like the others."""
    row_steps: int = 1
    """Training steps that a step of this run stands for: 1, or more where it is a log of others,
    whose rows are epochs or every so many steps."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One trainable array; its index in `Variables` is its place on the variable axis."""

    path: str
    layer: str
    role: Role
    shape: tuple[int, ...]
    layer_class: str = ""
    estimated: bool = False
    """Norms of the weight and of the update are estimated from some of the rows."""

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Untrained:
    """One array of the model that no optimizer changes; it has no place on any axis."""

    path: str
    trainable: bool
    """It should be trained, and yet has no gradient; False: the program has frozen it."""


@dataclass(frozen=True, slots=True)
class Activation:
    """One layer with a nonlinearity; its index in `Variables` is its place on that axis."""

    layer: str
    kind: ActivationKind
    units: int


@dataclass(frozen=True)
class Variables:
    """The trainable arrays in forward order, and what else a model's columns go over."""

    revision: int
    variables: tuple[Variable, ...]
    inputs: tuple[str, ...] = ()
    """Names of the model's inputs."""
    untrained: tuple[Untrained, ...] = ()
    activations: tuple[Activation, ...] = ()

    @cached_property
    def dense(self) -> Mapping[int, Variable]:
        """The kernels by their index, embeddings apart."""
        return {i: each for i, each in enumerate(self.variables) if each.role is Role.KERNEL}

    def activations_of(self, kind: ActivationKind) -> list[int]:
        """Return the indices of the activations of a kind, which have an axis of their own."""
        return [i for i, each in enumerate(self.activations) if each.kind is kind]


Columns: TypeAlias = Mapping[str, Shaped[np.ndarray, "..."]]
"""Arrays by their name on the wire; the first axis is the same for all; absent: not sent."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """The sampled steps of a chunk.

    `columns` may hold, by the names in proto/flatline/v1/monitor.proto and with its units:
    global_grad_norm, clip_ratio, skipped (a SkipReason), loss_scale, data_loss,
    regularization_loss, regularization_grad_norm, sample_count, confidence: [sampled];
    grad_norm, grad_zero_share, weight_norm, update_norm: [sampled, variable];
    label_count, prediction_count, correct_count: [sampled, class];
    label_bucket_count, prediction_bucket_count: [sampled, bucket];
    positive_count: [sampled, label];
    input_mean, input_std, input_min, input_max, input_nonfinite_count: [sampled, input];
    target_mean, target_variance, target_deviation, target_nonfinite_count: [sampled, output];
    activation_mean, activation_std: [sampled, activation];
    dead_unit_share: [sampled, rectifier], saturated_unit_share: [sampled, squasher], over the
    activations of that kind.
    Floats are float32, counts and reasons uint32.
    """

    step: Int[np.ndarray, " sampled"]
    revision: int = 0
    columns: Columns = field(default_factory=dict)


NO_SAMPLES = Sampled(step=np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class ClientHealth:
    """How the client itself is doing, counted since the run began."""

    overhead_ratio: float | None = None
    """None: not known, because every step of a short run was sampled."""
    sampled_steps: int = 0
    dropped_records: int = 0
    spent_seconds: float | None = None
    """Time spent on the training thread, tracing apart; None: not known, as above."""
    tracing_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive steps of one rank of one run.

    `columns` may hold loss (float32), loss_source (uint8, a LossSource), epoch (uint32) and
    step_seconds (float32), each [step].
    """

    step: Int[np.ndarray, " step"]
    columns: Columns = field(default_factory=dict)
    sampled: Sampled = NO_SAMPLES
    learning_rate_step: Int[np.ndarray, " change"] = field(
        default_factory=lambda: np.zeros(0, np.int64)
    )
    learning_rate: Float[np.ndarray, " change"] = field(
        default_factory=lambda: np.zeros(0, np.float32)
    )
    scalars: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    """Steps and values of each number that the program logs under a name of its own."""
    health: ClientHealth | None = None
    outside_seconds: float | None = None
    """Of all step_seconds, those outside of train steps, 0 or more; None: not known."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One pass over a validation set; metrics go by their Keras names without "val_"."""

    step: int
    epoch: int
    n: int | None
    metrics: Mapping[str, float]
    label_counts: tuple[int, ...] = ()
    """Samples of the pass that carry each class as their label; empty: not counted."""
    prediction_counts: tuple[int, ...] = ()
    """Samples predicted to be of each class; empty: not counted."""
    correct_counts: tuple[int, ...] = ()
    """Samples of each class that were predicted to be so; empty: not counted."""


@dataclass(frozen=True, slots=True)
class End:
    """The run's last record."""

    status: EndStatus
    exception_type: str
    step: int
    health: ClientHealth | None = None
    exception_text: str = ""
    """What that exception says, in one line; secrets are gone by then."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """The monitor's own record: nothing came for so long that the run counts as dead."""


Record: TypeAlias = Hello | Variables | Model | Chunk | Evaluation | End | Stalled


@dataclass(frozen=True, slots=True)
class StreamKey:
    """Whose sequence numbers are counted together."""

    run_id: str
    incarnation: int
    rank: int


class RefusedError(Exception):
    """A message or a run that is not taken.

    `reason` is a constant, the label of flatline_reports_rejected_total; the message says what
    was wrong and what would be right.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
