"""Statistics of one optimizer step: gradients before clipping, weights and their change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from flatline.capture.layout import Column
from flatline.capture.statistics import float32, nonfinite_counts, plain, square_sums


@dataclass
class Update:
    """What one call of `apply` did; all tensors are [variable]."""

    variables: list[Any]
    gradient: Any
    nonfinite: Any
    rate: Any
    scale: Any
    """Dynamic loss scale in force; None: there is none."""
    before: list[Any]
    weight: Any = None
    change: Any = None


def before_apply(optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> Update:
    """Measure the gradients, and keep the values that the variables have now."""
    pairs = [(g, v) for g, v in zip(gradients, variables, strict=False) if g is not None]
    arrays = _reduced([gradient for gradient, _ in pairs])
    concerned = [variable for _, variable in pairs]
    squares = square_sums(arrays)
    counts = nonfinite_counts(arrays, tf.reduce_sum(squares))
    scale = _dynamic_scale(optimizer)
    factor = scale if scale is not None else getattr(optimizer, "loss_scale_factor", None)
    if factor is not None:
        squares = squares / tf.square(float32(factor))
    return Update(
        variables=concerned,
        gradient=squares,
        nonfinite=counts,
        rate=float32(plain(optimizer.learning_rate)),
        scale=scale,
        before=[tf.convert_to_tensor(plain(variable)) for variable in concerned],
    )


def after_apply(update: Update) -> None:
    """Measure the variables again, and how far they have moved."""
    after = [float32(tf.convert_to_tensor(plain(variable))) for variable in update.variables]
    moved = [new - float32(old) for new, old in zip(after, update.before, strict=True)]
    update.weight, update.change = square_sums(after), square_sums(moved)
    update.before = []


def update_columns(
    updates: Sequence[Update], order: Sequence[Any]
) -> tuple[list[Any], list[Column]]:
    """Return the variables of all optimizers, and the columns over them.

    Variables come in the order of `order`, then as the optimizers name them; one that is
    updated twice in a step is reported as the last update left it.
    """
    listed = [variable for update in updates for variable in update.variables]
    if not listed:
        return [], []
    ranks = {id(variable): rank for rank, variable in enumerate(order)}
    places = {id(variable): place for place, variable in enumerate(listed)}
    wanted = sorted(places.values(), key=lambda i: (ranks.get(id(listed[i]), len(ranks)), i))

    def column(name: str, field: str) -> Column:
        joined = tf.concat([getattr(update, field) for update in updates], 0)
        ordered = wanted == list(range(len(listed)))
        return Column(name, joined if ordered else tf.gather(joined, wanted))

    columns = [
        column("grad_norm", "gradient"),
        column("weight_norm", "weight"),
        column("update_norm", "change"),
        column("grad_nonfinite_count", "nonfinite"),
        Column("learning_rate", updates[0].rate),
    ]
    if updates[0].scale is not None:
        columns.append(Column("loss_scale", updates[0].scale))
    return [listed[i] for i in wanted], columns


def _dynamic_scale(optimizer: Any) -> Any:
    """Return the factor of a dynamic loss scale before this step changes it; None: none."""
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return None
    return float32(tf.convert_to_tensor(plain(optimizer.dynamic_scale)))


def _reduced(gradients: list[Any]) -> list[Any]:
    """Return the gradients that will be applied: under a strategy, their sum over replicas."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return gradients
    dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
    return list(context.all_reduce(tf.distribute.ReduceOp.SUM, dense))
