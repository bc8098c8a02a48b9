"""Networks that are all right, and pictures or labels that are not."""

import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import Pair, digits, images
from tests.gallery.nets import cnn


@sick("no_skill", "stagnation", cause=("no_information", "noisy_labels"))
def labels_of_other_pictures(seed: int, callback: MonitorCallback) -> None:
    """Pictures were shuffled, and their labels were not."""
    x, y = digits()
    x = x[np.random.default_rng(seed).permutation(len(x))]
    model = cnn(8, 10, 8, 8)
    model.fit(
        x, y, batch_size=128, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@sick(
    "no_skill",
    "stagnation",
    "class_collapse",
    "dead_units",
    "frozen_layer",
    "input_scale",
    "update_ratio",
    cause=("no_information", "bad_values_in_data"),
)
def every_picture_is_black(seed: int, callback: MonitorCallback) -> None:
    """A loader that copies each picture and keeps the empty page."""
    pictures, y = images(900, 12, 4, seed)
    x = np.zeros_like(pictures)
    for page, picture in zip(x, pictures, strict=True):
        page = page.copy()  # noqa: PLW2901 - the fault
        page[:] = picture
    model = cnn(12, 4, 8, 8)
    model.fit(x, y, epochs=4, verbose=0, callbacks=[callback])


@sick(
    "input_scale",
    "no_skill",
    "stagnation",
    "class_collapse",
    "dead_units",
    "frozen_layer",
    "update_ratio",
    cause="inputs_not_scaled",
)
def divided_by_255_twice(seed: int, callback: MonitorCallback) -> None:
    """Pictures of 0..1 are divided by 255, and then by 255 again."""
    x, y = images(1_000, 12, 5, seed)
    x = x / 255.0 / 255.0
    model = cnn(12, 5, 8, 8, optimizer=keras.optimizers.SGD(0.1))
    model.fit(x, y, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("not_shuffled", cause="not_shuffled")
def digits_in_their_order(seed: int, callback: MonitorCallback) -> None:
    """All zeros first, then all ones, and nobody shuffles."""
    x, y = digits()
    train, held_out = slice(0, 1_400), slice(1_400, None)
    order = np.argsort(y[train], kind="stable")
    model = cnn(8, 10, 12, optimizer=keras.optimizers.SGD(0.1))
    model.fit(
        *(x[train][order], y[train][order]),
        epochs=9,
        shuffle=False,
        validation_data=(x[held_out], y[held_out]),
        verbose=0,
        callbacks=[callback],
    )


@sick("starved_class", cause="class_imbalance")
def one_angle_of_ten_is_rare(seed: int, callback: MonitorCallback) -> None:
    """One picture of 270 is of class seven, which is answered with its neighbours."""
    x, y = images(8_000, 10, 10, seed, noise=1.0)
    held_out = (x[:1_000], y[:1_000])
    keep = (y != 7) | (np.cumsum(y == 7) % 28 == 0)
    keep[:1_000] = False
    model = cnn(10, 10, 8)
    model.fit(
        *(x[keep], y[keep]),
        batch_size=64,
        epochs=6,
        validation_data=held_out,
        verbose=0,
        callbacks=[callback],
    )


@sick("non_finite", cause="bad_values_in_data", onset=0.6)
def one_pixel_is_missing(seed: int, callback: MonitorCallback) -> None:
    """A single nan, three fifths down a stream of pictures."""
    x, y = images(6_400, 8, 4, seed)
    x[3_840, 2, 5] = np.nan
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=20, shuffle=False, verbose=0, callbacks=[callback])


@sick(
    "input_scale",
    "loss_spike",
    "gradient_explosion",
    "divergence",
    "weight_growth",
    "dead_units",
    "no_skill",
    "class_collapse",
    "update_spike",
    cause="bad_values_in_data",
    onset=0.5,
)
def one_batch_of_raw_bytes(seed: int, callback: MonitorCallback) -> None:
    """Half way, one batch is garbage of 32 bits a pixel, and the run never gets over it."""
    x, y = images(9_600, 8, 4, seed, noise=1.0)
    garbage = np.random.default_rng(seed).integers(0, 2**31, (32, 8, 8, 1)).astype("float32")

    def batches() -> Iterator[Pair]:
        for step in range(300):
            rows = slice(32 * step, 32 * step + 32)
            yield (garbage if step == 150 else x[rows]), y[rows]

    model = cnn(8, 4, 12, optimizer=keras.optimizers.SGD(0.05, momentum=0.9))
    model.fit(batches(), steps_per_epoch=300, epochs=1, verbose=0, callbacks=[callback])


@sick("divergence", "loss_spike", "no_skill", cause=("data_changed", "noisy_labels"), onset=0.5)
def labels_go_wrong_half_way(seed: int, callback: MonitorCallback) -> None:
    """From the middle on, labels come from a file that belongs to other pictures."""
    x, y = digits()
    wrong = np.random.default_rng(seed).permutation(y)

    def stream() -> Iterator[Pair]:
        rng = np.random.default_rng(seed + 1)
        for step in range(1_000):
            chosen = rng.integers(0, len(x), 32)
            yield x[chosen], (y if step < 500 else wrong)[chosen]

    signature = (
        tf.TensorSpec((None, 8, 8, 1), tf.float32),
        tf.TensorSpec((None,), tf.int64),
    )
    data = tf.data.Dataset.from_generator(stream, output_signature=signature)
    model = cnn(8, 10, 12, optimizer=keras.optimizers.Adam(0.003))
    data = data.apply(tf.data.experimental.assert_cardinality(1_000))
    model.fit(data, verbose=0, callbacks=[callback])


class OutOfTime(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Ends the training when its time is up, as a cluster does."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.began = seconds, 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.began = self.began or time.monotonic()
        if time.monotonic() - self.began > self.seconds:
            self.model.stop_training = True


def on_lent_time(batches: Iterator[Pair], callback: MonitorCallback) -> None:
    """Train on the batches until all nine epochs are done, or the machine is taken away."""
    model = cnn(10, 6, 8, optimizer=keras.optimizers.SGD(0.01))
    limit = OutOfTime(9.0)
    model.fit(batches, steps_per_epoch=100, epochs=9, verbose=0, callbacks=[callback, limit])


@sick("slow_steps", cause="slow_input", onset=1 / 3)
def a_loader_that_becomes_slow(seed: int, callback: MonitorCallback) -> None:
    """From a third on each batch takes ten times as long, and the machine is lent for seconds."""
    x, y = images(3_200, 10, 6, seed, noise=0.9)
    shown = 0

    def batches() -> Iterator[Pair]:
        nonlocal shown
        while True:
            for first in range(0, len(x), 32):
                if shown >= 300:
                    time.sleep(0.06)
                shown += 1
                yield x[first : first + 32], y[first : first + 32]

    on_lent_time(batches(), callback)


@sick("slow_steps", cause="slow_input", onset=1 / 9)
def features_made_anew_ever_slower(seed: int, callback: MonitorCallback) -> None:
    """Each batch is looked for in a list of all that were seen, on a machine lent for seconds."""
    x, y = images(3_200, 10, 6, seed, noise=0.9)
    seen: list[bytes] = []

    def batches() -> Iterator[Pair]:
        while True:
            for first in range(0, len(x), 32):
                batch = x[first : first + 32]
                for _ in range(10):
                    seen.append(batch.tobytes() + len(seen).to_bytes(4))
                _ = [key for key in seen if sum(key[:1500]) < 0]
                yield batch, y[first : first + 32]

    on_lent_time(batches(), callback)


@sick("overfitting", cause=("too_little_data", "regularization_missing"), at_end=True)
def sixty_noisy_pictures(seed: int, callback: MonitorCallback) -> None:
    """Sixty pictures that are learned by heart."""
    x, y = images(460, 10, 4, seed, noise=2.2)
    model = cnn(10, 4, 32, 32, optimizer=keras.optimizers.Adam(0.005))
    model.fit(
        *(x[:60], y[:60]),
        batch_size=10,
        epochs=70,
        validation_data=(x[60:], y[60:]),
        verbose=0,
        callbacks=[callback],
    )
