"""Learning rates that a schedule rules, step by step, without asking it at every step."""

from typing import Any

import numpy as np
import tensorflow as tf

from flatline.capture.edition import is_schedule, rate_of
from flatline.capture.optimizer import inner_optimizer
from flatline.capture.statistics import plain


class Rates:
    """The rates of one model's steps, as far as a schedule decides about them."""

    def __init__(self, model: Any) -> None:
        self._optimizer = optimizer = inner_optimizer(model)
        schedule = rate_of(optimizer)
        is_one = is_schedule(optimizer, schedule)
        # Accumulated gradients make an update of several steps.
        several = getattr(optimizer, "gradient_accumulation_steps", None)
        self._schedule: Any = schedule if is_one and not several else None
        self._mapped: Any = None

    def latest(self, count: int) -> list[float]:
        """Return the rates of the last `count` steps, oldest first; empty: no schedule rules them.

        All at once: a schedule is a dozen small operations however many steps it is asked for.
        """
        if self._schedule is None:
            return []
        taken = int(tf.convert_to_tensor(plain(self._optimizer.iterations)))
        if taken < count:
            return []
        steps = tf.range(taken - count, taken, dtype=tf.float32)
        return [float(rate) for rate in np.asarray(self._rates(steps))]

    def _rates(self, steps: Any) -> Any:
        """Ask for all steps together, or one by one in a graph where the schedule needs that."""
        if self._mapped is None:
            try:
                rates = self._schedule(steps)
            except (ValueError, TypeError, tf.errors.OpError):
                rates = None
            if rates is not None and tf.convert_to_tensor(rates).shape == steps.shape:
                return rates
            schedule = self._schedule
            signature = [tf.TensorSpec([None], tf.float32)]
            self._mapped = tf.function(
                lambda each: tf.map_fn(schedule, each), input_signature=signature
            )
        return self._mapped(steps)
