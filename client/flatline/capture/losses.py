"""The loss of a step: measured on a sampled one, taken out of the running mean on the others."""

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from flatline.capture.edition import compiled_loss, is_legacy, keras_of, version_of
from flatline.capture.layout import Column, Merge
from flatline.capture.statistics import float32
from flatline.rows import EXACT, RECONSTRUCTED, UNKNOWN


def loss_columns(model: Any, loss: Any, arguments: Mapping[str, Any]) -> list[Column]:
    """Return the loss of a step and its parts, as far as they can be told apart.

    `arguments` are those of compute_loss.
    """
    if loss is None:
        return []
    terms = [tf.reduce_sum(float32(term)) for term in model.losses]
    extra = tf.add_n(terms) if terms else tf.zeros(())
    divided = _is_divided(model)
    over_replicas: Merge = "sum" if divided else "mean"
    columns = [
        Column("loss", loss, over_replicas),
        Column("regularization_loss", extra, "mean"),
    ]
    standard = type(model).compute_loss is keras_of(model).Model.compute_loss
    compiled = compiled_loss(model)
    if compiled is None or (terms and not standard):
        return columns  # the program's own loss may hold those terms or not
    if arguments.get("sample_weight") is None:
        replicas = tf.distribute.get_strategy().num_replicas_in_sync if divided else 1
        data = float32(loss) - extra / float(replicas) if terms else loss
        return [*columns, Column("data_loss", data, over_replicas)]
    y, y_pred = arguments.get("y"), arguments.get("y_pred")
    # Only for one output is the compiled loss a pure function; for several it counts along, and
    # in Keras 2 always.
    if standard and tf.is_tensor(y) and tf.is_tensor(y_pred) and not is_legacy(model):
        columns.append(Column("data_loss", compiled(y, y_pred), over_replicas))
    return columns


def _is_divided(model: Any) -> bool:
    """Say whether each replica's loss is divided by their number: not from Keras 3.0 to 3.7."""
    return not (3, 0) <= version_of(model) < (3, 8)


class RunningLoss:
    """Takes the loss of each step out of Keras's running mean, which starts again each epoch."""

    def __init__(self) -> None:
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Start with an empty mean."""
        self._sum = 0.0
        self.samples = 0.0
        """Samples that are in the mean."""

    def lose(self) -> None:
        """Know nothing of the mean any more, until the epoch ends."""
        self._sum = math.nan

    def resume(self, samples: float) -> None:
        """Go on with a mean over so many samples, which nobody has seen; 0: an empty one."""
        self.begin_epoch()
        if samples:
            self.samples, self._sum = samples, math.nan

    def advance(self, mean: float, samples: float) -> tuple[float, int]:
        """Return the loss of the step that made the mean this one, and where it comes from."""
        before, first = self._sum, self.samples == 0
        self.samples += samples
        self._sum = mean * self.samples
        if first:
            return mean, EXACT
        if not math.isfinite(before):
            return math.nan, UNKNOWN
        return (self._sum - before) / samples, RECONSTRUCTED
