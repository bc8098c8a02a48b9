"""A loop under MirroredStrategy with two devices; says as JSON what it saw of its training.

Run by test_tensorflow_replicas.py in a process of its own, which has two devices.
"""

import json
import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

import flatline
from flatline.tensorflow import watch
from tests.client.peer import Peer
from tests.client.told import told

FEATURES, CLASSES, SAMPLES, STEPS = 6, 3, 16, 6
OPTIMIZERS = {
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "clipped": lambda: keras.optimizers.AdamW(0.01, clipnorm=0.01),
}


class Loop:
    """One replica takes every other sample; the loss is their mean over all."""

    def __init__(self, strategy: Any, optimizer: str, kind: str) -> None:
        draw = np.random.default_rng(0)
        x = draw.normal(size=(SAMPLES, FEATURES)).astype(np.float32)
        y = draw.integers(0, CLASSES, SAMPLES)
        keras.utils.set_random_seed(5)
        with strategy.scope():
            layers = [keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(CLASSES)]
            self.model = keras.Sequential([keras.layers.Input((FEATURES,)), *layers])
            self.optimizer = OPTIMIZERS[optimizer]()
            self.optimizer.build(self.model.trainable_variables)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
        self.strategy, self.tape = strategy, tf.GradientTape
        count = strategy.num_replicas_in_sync
        self.batch = [self.shared(part, count) for part in (x, y)]
        self.replica = tf.function(self.replica_step) if kind == "inner" else self.replica_step
        self.step = tf.function(self.train_step) if kind == "outer" else self.train_step

    def shared(self, samples: np.ndarray, count: int) -> Any:
        """Give each replica its part."""
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(samples[context.replica_id_in_sync_group :: count])
        )

    def replica_step(self, x: Any, y: Any) -> Any:
        with self.tape() as tape:
            loss = tf.reduce_sum(self.loss(y, self.model(x, training=True))) / SAMPLES
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss

    def train_step(self) -> Any:
        losses = self.strategy.run(self.replica, args=tuple(self.batch))
        return self.strategy.reduce("SUM", losses, axis=None)

    @property
    def weights(self) -> list[Any]:
        return [weight.tolist() for weight in self.model.get_weights()]


def watched(strategy: Any, optimizer: str, kind: str, what: str) -> dict[str, Any]:
    """Train with somebody watching; return the weights, and what the monitor was told."""
    loop = Loop(strategy, optimizer, kind)
    with Peer() as peer:
        with flatline.Run(peer.target) as run:
            if what == "tape":
                loop.tape = lambda: watch(tf.GradientTape(), run=run, every=1)
            else:
                watch(loop.optimizer, run=run, every=1)
            for number in range(STEPS):
                run.log(number, loss=float(loop.step()))
        columns = told(peer.memory).columns
    return {"weights": loop.weights, "columns": columns}


def main(optimizer: str, kind: str, what: str) -> None:
    """Train on two devices alone and watched, and on one device watched."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    alone = Loop(two, optimizer, kind)
    for _ in range(STEPS):
        alone.step()
    result = {
        "alone": alone.weights,
        "two": watched(two, optimizer, kind, what),
        "one": watched(tf.distribute.get_strategy(), optimizer, "outer", what),
    }
    sys.stdout.write(json.dumps(result, default=str) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
