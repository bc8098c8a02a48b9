"""What the callback costs a training: `python -m tests.bench.bench_capture [seconds]`.

One model, one iterator, several train functions, blocks of steps in random order. Two instances
of a model must not be compared: the same code differs by 20 us a step between them.
"""

import gc
import random
import sys
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.client.models import Recording

layers = keras.layers
BLOCK = 50


def mlp() -> tuple[Any, Any]:
    """Four layers of 64 units and a step of less than a millisecond: the hardest case."""
    hidden = [layers.Dense(64, activation="relu") for _ in range(3)]
    model = keras.Sequential([layers.Input((32,)), *hidden, layers.Dense(10)])
    return model, data((32,), 32)


def cnn() -> tuple[Any, Any]:
    """A small convolutional network, with a step of some 20 ms."""
    body = [layers.Conv2D(width, 3, activation="relu") for width in (32, 32)]
    pool = [layers.MaxPooling2D(), layers.Conv2D(64, 3), layers.BatchNormalization()]
    end = [layers.GlobalAveragePooling2D(), layers.Dense(128, activation="relu")]
    model = keras.Sequential([layers.Input((32, 32, 3)), *body, *pool, *end, layers.Dense(10)])
    return model, data((32, 32, 3), 32)


def data(shape: tuple[int, ...], batch: int) -> Any:
    """Batches without end."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(batch * 16, *shape)).astype(np.float32)
    pairs = tf.data.Dataset.from_tensor_slices((x, draw.integers(0, 10, batch * 16)))
    return pairs.batch(batch, drop_remainder=True).cache().repeat()


class Variant:
    """One way to train the model: alone, or with a callback."""

    def __init__(self, model: Any, bare: Any, callback: Recording | None) -> None:
        self.model = model
        self.callback = callback
        self.seconds: list[float] = []
        object.__setattr__(model, "train_function", bare)
        given = [] if callback is None else [callback]
        self.hooks = keras.callbacks.CallbackList(
            given, add_history=True, model=model, epochs=1, steps=None, verbose=0
        )
        self.hooks.on_train_begin()
        self.hooks.on_epoch_begin(0)
        self.function = model.train_function
        vars(model).pop("make_train_function", None)

    def block(self, iterator: Any, steps: int) -> float:
        """Train so many steps as `fit` does; return the seconds of one."""
        object.__setattr__(self.model, "train_function", self.function)
        began = time.perf_counter()
        for step in range(steps):
            self.hooks.on_train_batch_begin(step)
            self.hooks.on_train_batch_end(step, self.function(iterator))
        return (time.perf_counter() - began) / steps


def measure(name: str, model: Any, dataset: Any, seconds: float) -> None:
    """Print one line for each variant: median of the paired differences to the bare blocks."""
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.make_train_function()
    bare, iterator = model.train_function, iter(dataset)
    options: dict[str, dict[str, Any]] = {
        "every step sampled": {"allowance_seconds": 1e6},
        "1 % of the time": {"allowance_seconds": 0.0},
        "0.1 % of the time": {"allowance_seconds": 0.0, "overhead": 0.001},
    }
    variants = {"bare": Variant(model, bare, None)}
    variants |= {key: Variant(model, bare, Recording(**value)) for key, value in options.items()}
    for variant in variants.values():
        variant.block(iterator, BLOCK)
    order, random_order = list(variants.values()), random.Random(0)  # noqa: S311 - no secret
    gc.collect()
    gc.disable()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        random_order.shuffle(order)
        for variant in order:
            variant.seconds.append(variant.block(iterator, BLOCK))
    gc.enable()
    alone = np.array(variants["bare"].seconds)
    for key, variant in variants.items():
        difference = np.array(variant.seconds) - alone
        sampled = variant.callback.run.health[-1][1] if variant.callback else 0
        line = f"{name:4} {key:20} {np.median(variant.seconds) * 1e6:9.0f} us/step"
        line += f" {np.median(difference) * 1e6:+8.1f} us {np.median(difference / alone):+8.2%}"
        line += f"   mean {difference.mean() / alone.mean():+8.2%}"
        sys.stdout.write(f"{line}   {sampled} sampled, {len(alone)} blocks of {BLOCK}\n")


def main() -> None:
    """Measure both models, for so many seconds each."""
    seconds = float(sys.argv[1]) if sys.argv[1:] else 30.0
    keras.utils.set_random_seed(1)
    for name, make in (("mlp", mlp), ("cnn", cnn)):
        measure(name, *make(), seconds)


if __name__ == "__main__":
    main()
