"""A row of the table: how to train, what can be compared with what, and what cannot be known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tests.client.models import BATCH, LABELS, X

Reads: TypeAlias = Literal["argmax", "threshold", "positive", "numbers", "nothing"]
"""How a reader would count labels and predictions."""

PARTS = frozenset({"data_loss", "regularization_loss"})
GRADIENTS = frozenset(
    {"grad_norm", "global_grad_norm", "weight_norm", "update_norm", "grad_zero_share"}
)
INPUTS = frozenset(
    {
        *("sample_count", "input_mean", "input_std", "input_min", "input_max"),
        "input_nonfinite_count",
    }
)
CLASSES_COUNTED = frozenset({"label_count", "prediction_count", "correct_count"})
TARGETS = frozenset({"target_mean", "target_variance"})
COUNTED: dict[Reads, frozenset[str]] = {
    "argmax": CLASSES_COUNTED,
    "threshold": CLASSES_COUNTED,
    "positive": frozenset({"positive_count"}),
    "numbers": TARGETS,
    "nothing": frozenset(),
}
KNOWN = PARTS | GRADIENTS | INPUTS | CLASSES_COUNTED | TARGETS | {"positive_count", "loss_scale"}


@dataclass
class Seen:
    """What a GradientTape sees of one step, before the optimizer does anything."""

    loss: Any
    data_loss: Any
    regularization: Any
    gradients: list[Any]
    prediction: Any


def by_hand(model: Any, x: Any, y: Any, w: Any) -> Seen:
    """Take the gradients of one step as a program of its own would."""
    with tf.GradientTape() as tape:
        y_pred = model(x, training=True)
        loss = model._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=w, training=True)
        scaled = loss if model.optimizer is None else model.optimizer.scale_loss(loss)
    gradients = tape.gradient(scaled, model.trainable_variables)
    terms = [tf.reduce_sum(term) for term in model.losses]
    extra = tf.add_n(terms) if terms else tf.zeros(())
    plain = loss
    if w is not None:
        plain = model._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=None, training=True)
    return Seen(loss, plain - extra, extra, gradients, y_pred)


@dataclass(frozen=True)
class Case:
    """One way to train, made twice: alone and watched."""

    make: Callable[[], Any]
    """A compiled model, the same each time."""
    x: Any = field(default_factory=lambda: X)
    y: Any = field(default_factory=lambda: LABELS)
    fit: Mapping[str, Any] = field(default_factory=dict)
    """More arguments of fit; epochs is 2 and batch_size 16 unless they say otherwise."""
    data: Callable[[], Any] | None = None
    """What is given to fit in place of the arrays; it holds the same batches."""
    reads: Reads = "argmax"
    absent: Mapping[frozenset[str], str] = field(default_factory=dict)
    """Signals that cannot be known here, and why."""
    scaled: bool = False
    """Whether there is a dynamic loss scale."""
    reference: Callable[[Any, Any, Any, Any], Seen] = by_hand
    twin: Callable[[], Any] | None = None
    """A model whose gradients are taken by hand, where that cannot be the model itself."""
    stepwise: Callable[[], Any] | None = None
    """A model that shows its state at each step, where the model itself does so less often."""
    callbacks: Callable[[], list[Any]] = list
    compare: bool = True
    """Whether the numbers can be had by hand at all."""
    tolerance: float = 1e-5
    """Relative; another one has its reason beside it."""
    noise: float = 0.0
    """Absolute, in global gradient norms: what a gradient is known to whose terms cancel."""
    sampled: int = 3
    """Steps that are sampled at least; 0: none may be."""
    xla: bool = False
    xfail: Mapping[str, str] = field(default_factory=dict)
    """Claims that do not hold, and why; see the tests for their names."""
    warns: str = ""
    """What Keras itself warns of."""
    seen_as: Callable[[Any, Any], tuple[Any, Any]] = lambda y, p: (y, p)
    """Labels and predictions as a reader would count them."""

    @property
    def expected(self) -> frozenset[str]:
        """Names of the columns that are sent."""
        names = PARTS | GRADIENTS | INPUTS | COUNTED[self.reads]
        if self.scaled:
            names |= {"loss_scale"}
        return names.difference(*self.absent)

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of fit."""
        data = {} if self.data is not None else {"batch_size": BATCH}
        given: dict[str, Any] = {"epochs": 2, "shuffle": False, "verbose": 0, **data, **self.fit}
        if self.data is not None:
            return {"x": self.data(), **given}
        return {"x": self.x, "y": self.y, **given}

    def batches(self) -> list[tuple[Any, Any, Any]]:
        """Return inputs, targets and sample weights of each step of an epoch."""
        size = self.fit.get("batch_size", BATCH)
        total = len(keras.tree.flatten(self.x)[0])
        total = int(total * (1 - self.fit.get("validation_split", 0.0)))
        weights = self.fit.get("sample_weight")
        if (per_class := self.fit.get("class_weight")) is not None:
            weights = np.array([per_class[int(label)] for label in self.y], np.float32)
        return [
            (_part(self.x, part), _part(self.y, part), _part(weights, part))
            for at in range(0, total, size)
            for part in [slice(at, min(at + size, total))]
        ]


def _part(values: Any, part: slice) -> Any:
    """Return these samples of a structure of arrays, as tensors."""
    if values is None:
        return None
    return keras.tree.map_structure(lambda array: tf.convert_to_tensor(array[part]), values)
