"""What is known of a fit before it has learned anything; the fields of message Model.

Names, units and shapes are those of proto/flatline/v1/monitor.proto. None means that it does not
apply, or is not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

LAYERS_MOST, ARRAYS_MOST, FEATURES_MOST, CLASSES_MOST = 256, 16, 64, 256
METRICS_MOST, CALLBACKS_MOST = 16, 32
"""What the monitor takes of each; the rest is left out."""


@dataclass(frozen=True)
class Layer:
    """One layer."""

    name: str
    layer_class: str
    activation: str = ""
    units: int | None = None
    initializer: str = ""
    initializer_scale: float | None = None
    l1: float | None = None
    l2: float | None = None
    rate: float | None = None
    axis: int | None = None
    trainable: bool = True
    output: bool = False
    vocabulary: int | None = None


@dataclass(frozen=True)
class Optimizer:
    """What updates the weights."""

    name: str
    learning_rate: float | None = None
    schedule: str = ""
    momentum: float | None = None
    epsilon: float | None = None
    weight_decay: float | None = None
    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = None


@dataclass(frozen=True)
class Loss:
    """The compiled loss."""

    name: str
    from_logits: bool | None = None
    label_smoothing: float | None = None
    reduction: str = ""
    own: bool = False


@dataclass(frozen=True)
class Feature:
    """What one element of the samples of an array was."""

    minimum: float
    maximum: float
    mean: float
    std: float
    whole: bool
    distinct: int
    nonfinite_share: float = 0.0


@dataclass(frozen=True)
class Array:
    """One array that a fit was given."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    samples: int
    features: tuple[Feature, ...] = ()
    one_hot: bool = False


@dataclass(frozen=True)
class Feeding:
    """How a fit feeds its arrays."""

    shuffle: bool | None = None
    class_weight: Mapping[int, float] = field(default_factory=dict)
    sample_weight: bool = False
    validation_split: float | None = None
    validation: bool = False
    source: str = ""


@dataclass(frozen=True)
class Model:
    """A fit as it was set up."""

    layers: tuple[Layer, ...] = ()
    chain: bool = False
    optimizer: Optimizer | None = None
    loss: Loss | None = None
    inputs: tuple[Array, ...] = ()
    targets: tuple[Array, ...] = ()
    feeding: Feeding = field(default_factory=Feeding)
    metrics: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    dtype_policy: str = ""
