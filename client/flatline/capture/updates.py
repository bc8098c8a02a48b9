"""Statistics of one optimizer step: gradients before clipping, weights and their change."""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from flatline.capture.edition import is_legacy, is_schedule, keras_of, rate_of
from flatline.capture.large import factor_of, looked_at, rows_of, size_of
from flatline.capture.layout import Column
from flatline.capture.patches import replaced
from flatline.capture.statistics import float32, plain, square_sums, summed, zero_shares

_ONE_ORDER = {
    *("SGD", "RMSprop", "Adam", "AdamW", "Nadam", "Adamax"),
    *("Adagrad", "Adadelta", "Adafactor", "Lion", "Lamb"),
}
"""Keras's optimizers that change a variable by one `assign_sub` or `assign_add`."""


@dataclass
class Update:
    """What one call of `apply` did; all tensors are [variable]."""

    variables: list[Any]
    gradient: Any
    """Sums of squares, unscaled."""
    zeros: Any
    """Shares of elements that are 0."""
    rate: Any
    scale: Any
    """Dynamic loss scale in force; None: there is none."""
    clip: Any
    """Norm of the gradient after clipping / before; None: nothing is clipped in this step."""
    skipped: Any
    """A SkipReason; None: nothing is ever skipped."""
    before: list[Any]
    """What the variables were; None: not read, their one order will tell how they move."""
    orders: dict[int, list[Any]] = field(default_factory=dict)
    """Changes that the optimizer ordered, by the id of the TensorFlow variable."""
    weight: Any = None
    change: Any = None


def before_apply(
    optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]
) -> Update | None:
    """Measure the gradients, and keep the values that the variables have now; None: no gradient."""
    pairs = [(g, v) for g, v in zip(gradients, variables, strict=False) if g is not None]
    if not pairs:
        return None
    arrays = [summed(array) for array in _reduced([gradient for gradient, _ in pairs])]
    concerned = [variable for _, variable in pairs]
    scale = _dynamic_scale(optimizer)
    factor = scale if scale is not None else getattr(optimizer, "loss_scale_factor", None)
    if is_legacy(optimizer):
        factor = None  # it has been taken off already
    if factor is not None:
        # Before they are squared: of a large scale the squares are infinite.
        arrays = [float32(array) / float32(factor) for array in arrays]
    squares = square_sums(arrays)
    return Update(
        variables=concerned,
        gradient=squares,
        zeros=zero_shares(arrays, [size_of(variable) for variable in concerned]),
        rate=float32(plain(_rate(optimizer))),
        scale=scale,
        clip=_clip_ratio(optimizer, arrays, squares),
        skipped=_skipped(optimizer, squares, scale),
        before=_before(optimizer, concerned),
    )


def _before(optimizer: Any, variables: Sequence[Any]) -> list[Any]:
    """Return the values of those variables of which one order may not tell how they move."""
    cls = type(optimizer)
    ours = cls.__module__.startswith("keras.") and not is_legacy(optimizer)
    once = ours and cls.__name__ in _ONE_ORDER and _moves_by_orders_alone(optimizer)
    return [
        None if once and _is_float32(variable) else looked_at(variable) for variable in variables
    ]


def watched_orders(optimizer: Any, update: Update) -> ExitStack:
    """Take note, for a while, of the changes that the optimizer orders.

    What it adds to a variable exists already; the difference of two readings would have to be
    computed, and keeps the old values alive, so that the variable could not be changed in place.
    """
    orders, stack = update.orders, ExitStack()
    known = {id(plain(variable)) for variable in update.variables}
    graph = tf.compat.v1.get_default_graph()

    def noted(original: Callable[..., Any], *, whole: bool) -> Callable[..., Any]:
        def assign(variable: Any, value: Any) -> Any:
            key = id(plain(variable))
            if key in known:
                here = graph is tf.compat.v1.get_default_graph()
                orders.setdefault(key, []).append(value if here and not whole else None)
            return original(variable, value)

        return assign

    for name, whole in (("assign_add", False), ("assign_sub", False), ("assign", True)):
        original = getattr(optimizer, name, None)
        if original is not None:
            stack.enter_context(replaced(optimizer, name, noted(original, whole=whole)))
    return stack


def after_apply(optimizer: Any, update: Update) -> None:
    """Measure the variables again, and how far they have moved."""
    simple = _moves_by_orders_alone(optimizer)
    after = [looked_at(variable) for variable in update.variables]
    moved = []
    for variable, old, new in zip(update.variables, update.before, after, strict=True):
        orders = update.orders.get(id(plain(variable)), [])
        ordered = orders[0] if len(orders) == 1 and simple and _is_float32(variable) else None
        if ordered is None and old is None:
            raise OrderError(variable)
        known = ordered is not None
        moved.append(rows_of(variable, ordered) if known else float32(new) - float32(old))
    factors = np.array([factor_of(variable) for variable in update.variables], np.float32)
    update.weight, update.change = square_sums(after), square_sums([summed(m) for m in moved])
    if (factors != 1).any():
        update.weight, update.change = update.weight * factors, update.change * factors
    update.before, update.orders = [], {}


class OrderError(Exception):
    """An optimizer of Keras did not change a variable by one order, as that of 3.x does."""

    def __init__(self, variable: Any) -> None:
        super().__init__(f"how {variable.path} moves is not known: it was not ordered once")


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

    def column(name: str, field_name: str) -> Column:
        joined = tf.concat([getattr(update, field_name) for update in updates], 0)
        ordered = wanted == list(range(len(listed)))
        return Column(name, joined if ordered else tf.gather(joined, wanted))

    columns = [
        column("grad_norm", "gradient"),
        column("weight_norm", "weight"),
        column("update_norm", "change"),
        column("grad_zero_share", "zeros"),
        Column("learning_rate", updates[0].rate),
    ]
    single = {"loss_scale": "scale", "clip_ratio": "clip", "skipped": "skipped"}
    for name, field_name in single.items():
        # Of several optimizers the first one speaks.
        if (value := getattr(updates[0], field_name)) is not None:
            columns.append(Column(name, value))
    return [listed[i] for i in wanted], columns


def penalty(variable: Any) -> float:
    """Return the factor of an L2 regulariser; 0: there is none, nan: it is of another kind."""
    regularizer = getattr(variable, "regularizer", None)
    if regularizer is None:
        return 0.0
    l1, l2 = (getattr(regularizer, name, None) for name in ("l1", "l2"))
    return math.nan if l1 or l2 is None else float(l2)


def _moves_by_orders_alone(optimizer: Any) -> bool:
    """Say whether nothing but `update_step` changes the variables, and no cond is around it."""
    return not (
        getattr(optimizer, "weight_decay", None)
        or getattr(optimizer, "use_ema", False)
        or getattr(optimizer, "gradient_accumulation_steps", None)
        or _scales_loss(optimizer)
        or tf.distribute.get_strategy().num_replicas_in_sync > 1
    )


def _is_float32(variable: Any) -> bool:
    """Say whether a change can be taken as ordered: half precision may round it away."""
    constrained = getattr(variable, "constraint", None) is not None
    return not constrained and plain(variable).dtype in {tf.float32, tf.float64}


def _clip_ratio(optimizer: Any, arrays: Sequence[Any], squares: Any) -> Any:
    """Return the norm of the gradient after Keras's clipping / before; None: it clips none."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if not arrays or getattr(inner, "gradient_accumulation_steps", None):
        return None  # it is the accumulated gradient that is clipped
    total = tf.reduce_sum(squares)
    if limit := getattr(inner, "clipnorm", None):
        kept = tf.minimum(squares, float(limit) ** 2)
        clipped = tf.reduce_sum(kept)
    elif limit := getattr(inner, "global_clipnorm", None):
        clipped = tf.minimum(total, float(limit) ** 2)
    elif limit := getattr(inner, "clipvalue", None):
        bound = float(limit)
        cut = [tf.clip_by_value(float32(array), -bound, bound) for array in arrays]
        clipped = tf.reduce_sum(square_sums(cut))
    else:
        return None
    return tf.sqrt(tf.math.divide_no_nan(clipped, total)) + float32(tf.equal(total, 0.0))


def _skipped(optimizer: Any, squares: Any, scale: Any) -> Any:
    """Return a SkipReason for an optimizer that has one; else None."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    steps = getattr(inner, "gradient_accumulation_steps", None)
    if scale is None and not steps:
        return None
    reason: Any = tf.zeros([], tf.int32)
    if steps:
        # Keras counts calls here, and updates in the property `iterations`.
        calls = getattr(inner, "_iterations", inner.iterations)
        done = (tf.convert_to_tensor(plain(calls)) + 1) % int(steps) == 0
        reason = tf.where(done, 0, 2)
    if scale is not None:
        reason = tf.where(tf.math.is_finite(tf.reduce_sum(squares)), reason, 1)
    return reason


def _rate(optimizer: Any) -> Any:
    """Return the rate of this step; where a schedule rules it, Keras 2 holds the one before."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = rate_of(inner)
    if is_legacy(inner) and is_schedule(inner, rate):
        return rate(inner.iterations)
    return optimizer.learning_rate


def _scales_loss(optimizer: Any) -> bool:
    """Say whether an optimizer wraps another one and scales its loss."""
    keras = keras_of(optimizer)
    place = keras.mixed_precision if is_legacy(optimizer) else keras.optimizers
    return isinstance(optimizer, place.LossScaleOptimizer)


def _dynamic_scale(optimizer: Any) -> Any:
    """Return the factor of a dynamic loss scale before this step changes it; None: none."""
    if not _scales_loss(optimizer):
        return None
    if is_legacy(optimizer):
        return float32(optimizer.loss_scale) if optimizer.dynamic else None
    return float32(tf.convert_to_tensor(plain(optimizer.dynamic_scale)))


def _reduced(gradients: list[Any]) -> list[Any]:
    """Return the gradients that will be applied: under a strategy, their sum over replicas."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return gradients
    dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
    return list(context.all_reduce(tf.distribute.ReduceOp.SUM, dense))
