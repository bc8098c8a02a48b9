"""One worker of a MultiWorkerMirroredStrategy; says as JSON what it saw of its training.

Run by test_workers.py: a strategy of several workers must be made before anything else of
TensorFlow, and once in a process.
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

from flatline.keras import MonitorCallback
from flatline.rows import Chunk, Rows

FEATURES, CLASSES, SAMPLES, BATCH = 6, 3, 32, 8


class Told:
    """Keeps the rows; that of tests/client/models.py comes with two devices for each process."""

    def __init__(self) -> None:
        self.rows: list[Rows] = []

    def offer(self, chunk: Chunk) -> None:
        self.rows.append(chunk.rows())

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: 0


class Recording(MonitorCallback):
    """Tells no monitor, but us."""

    def _open(self, _: Any) -> Any:
        self.told = Told()
        return self.told


def main(*, watched: bool) -> None:
    """Train, and print states, history and what was sent."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    keras.utils.set_random_seed(5)
    with strategy.scope():
        model = keras.Sequential(
            [keras.Input((FEATURES,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(CLASSES)]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.01), loss=loss)
    draw = np.random.default_rng(0)
    x = draw.normal(size=(SAMPLES, FEATURES)).astype(np.float32)
    y = draw.integers(0, CLASSES, SAMPLES)
    callback = Recording(allowance_seconds=1e6)
    history = model.fit(
        tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH),
        epochs=2,
        verbose=0,
        callbacks=[callback] if watched else [],
    )
    rows = callback.told.rows if watched else []
    sys.stdout.write(
        json.dumps(
            {
                "weights": [array.tolist() for array in model.get_weights()],
                "history": history.history,
                "steps": [each.first_step + i for each in rows for i in range(len(each))],
                "sampled": [i for each in rows for i in each.sampled_row],
                "losses": [float(loss) for each in rows for loss in each.loss],
            }
        )
    )


if __name__ == "__main__":
    main(watched=sys.argv[1] == "watched")
