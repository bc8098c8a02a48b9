"""Small questions to a model between its steps; each costs microseconds, not a trace."""

from typing import Any

import tensorflow as tf

from flatline.capture.edition import (
    is_legacy,
    is_schedule,
    keras_of,
    loss_tracker,
    optimizer_classes,
    rate_of,
)
from flatline.capture.side import value_of
from flatline.capture.statistics import plain


def optimizers_of(model: Any) -> list[Any]:
    """Return the optimizers that a model holds, the compiled one first."""
    found: dict[int, Any] = {}
    classes = optimizer_classes(keras_of(model))
    for value in [getattr(model, "optimizer", None), *vars(model).values()]:
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, classes):
                found.setdefault(id(item), item)
    return list(found.values())


def inner_optimizer(model: Any) -> Any:
    """Return the optimizer that trains the model, without the loss scaling; None: not just one.

    The compiled one may be idle: that of an empty `compile()` beside the program's own.
    """
    found = optimizers_of(model)
    if len(found) > 1:
        found = [each for each in found if _number(each.iterations) > 0]
    optimizer = found[0] if len(found) == 1 else None
    return getattr(optimizer, "inner_optimizer", optimizer)


def learning_rate(model: Any, *, done: bool) -> float | None:
    """Return the rate of the step that comes, or with `done` of the one just taken.

    None: the model has no optimizer whose rate can be read.
    """
    inner = inner_optimizer(model)
    rate = rate_of(inner)
    if rate is None:
        return None
    if is_schedule(inner, rate):
        rate = rate(inner.iterations - 1 if done else inner.iterations)
    return _number(rate)


def loss_samples(model: Any) -> float | None:
    """Return how many samples are in the running mean of the loss; None: there is no such mean."""
    count = getattr(loss_tracker(model), "count", None)
    return None if count is None else _number(count)


def takes_stock_steps(model: Any) -> bool:
    """Say whether the model trains by Keras's own train step, whose logs are running means."""
    stock = keras_of(model).Model.train_step
    return "train_step" not in vars(model) and type(model).train_step is stock


def build_optimizer(model: Any) -> None:
    """Create the optimizer's variables now, where Keras would only do so in its first trace.

    A tf.function that creates variables is traced twice: this spares the user's own function the
    second trace, which pays for tracing ours. Keras 2 would name them otherwise.
    """
    if is_legacy(model):
        return
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or optimizer.built or not model.built or not takes_stock_steps(model):
        return
    if model.distribute_strategy.num_replicas_in_sync == 1 and model.trainable_weights:
        optimizer.build(model.trainable_weights)


def _number(value: Any) -> float:
    """Return the value of a scalar variable; under a strategy, that of all replicas together."""
    inner = plain(value)
    if type(inner).__name__ == "ResourceVariable":  # in half of the time
        return float(value_of(inner))
    return float(tf.convert_to_tensor(inner))
