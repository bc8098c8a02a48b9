"""Pictures learned in half precision, under XLA, eagerly, from pipelines: by many machines."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import Pair, digits, images
from tests.gallery.nets import cnn


@healthy
def half_precision(seed: int, callback: MonitorCallback) -> None:
    """Float16 under a loss scale that is probed as it goes."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    x, y = digits()
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax", dtype="float32"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        x, y, batch_size=50, epochs=10, validation_split=0.15, verbose=0, callbacks=[callback]
    )


@healthy
def brain_floats(seed: int, callback: MonitorCallback) -> None:
    """Bfloat16, momentum, labels one-hot."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    x, y = images(1_000, 10, 5, seed, noise=0.8)
    model = keras.Sequential(
        [
            layers.Input((10, 10, 1)),
            layers.Conv2D(8, 5, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(5),
            layers.Activation("softmax", dtype="float32"),
        ]
    )
    descent = keras.optimizers.SGD(0.02, momentum=0.9)
    model.compile(descent, "categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        x, keras.utils.to_categorical(y), batch_size=40, epochs=5, verbose=0, callbacks=[callback]
    )


@healthy
def four_steps_at_once(seed: int, callback: MonitorCallback) -> None:
    """Four steps for each call of the train function."""
    x, y = digits()
    model = cnn(8, 10, 12)
    model.compile(
        keras.optimizers.Adam(0.003),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=4,
    )
    model.fit(
        *(x[:1_536], y[:1_536]),
        batch_size=32,
        epochs=10,
        validation_data=(x[1_536:], y[1_536:]),
        verbose=0,
        callbacks=[callback],
    )


@healthy
def compiled_by_xla(seed: int, callback: MonitorCallback) -> None:
    """The whole step is one kernel."""
    x, y = images(600, 8, 3, seed, noise=0.6)
    model = cnn(8, 3, 6)
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", jit_compile=True)
    model.fit(x, y, batch_size=30, epochs=6, verbose=0, callbacks=[callback])


@healthy
def step_by_step_in_python(seed: int, callback: MonitorCallback) -> None:
    """Somebody debugs: run_eagerly, three epochs."""
    x, y = digits()
    model = cnn(8, 10, 8)
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=True,
    )
    model.fit(x[:800], y[:800], batch_size=32, epochs=3, verbose=0, callbacks=[callback])


@healthy
def endless_pipeline(seed: int, callback: MonitorCallback) -> None:
    """A dataset that repeats for ever, and a validation at every third epoch."""
    x, y = images(1_500, 12, 5, seed, noise=0.9)

    def scaled(picture: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(picture, tf.float32) / 255.0, label

    data = tf.data.Dataset.from_tensor_slices(((255 * x).astype("uint8"), y.astype("int32")))
    held_out = data.take(300).map(scaled).batch(100)
    data = data.skip(300).cache().shuffle(1_200, seed=seed).repeat().map(scaled).batch(32)
    model = cnn(12, 5, 6, 8)
    model.fit(
        data.prefetch(1),
        steps_per_epoch=35,
        epochs=12,
        validation_data=held_out,
        validation_freq=3,
        verbose=0,
        callbacks=[callback],
    )


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Reads batches by their number, and shuffles after each epoch."""

    def __init__(self, x: np.ndarray, y: np.ndarray, size: int, seed: int) -> None:
        super().__init__(workers=1)
        self.x, self.y, self.size = x, y, size
        self.rng = np.random.default_rng(seed)
        self.order = self.rng.permutation(len(x))

    def __len__(self) -> int:
        return len(self.x) // self.size

    def __getitem__(self, index: int) -> Pair:
        chosen = self.order[index * self.size : (index + 1) * self.size]
        return self.x[chosen], self.y[chosen]

    def on_epoch_end(self) -> None:
        self.order = self.rng.permutation(len(self.x))


@healthy
def batches_by_number(seed: int, callback: MonitorCallback) -> None:
    """A PyDataset in batches of 24."""
    x, y = digits()
    model = cnn(8, 10, 8, optimizer=keras.optimizers.SGD(0.05, momentum=0.9))
    model.fit(
        Batches(x[:1_500], y[:1_500], 24, seed),
        validation_data=Batches(x[1_500:], y[1_500:], 99, seed),
        epochs=6,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def one_epoch_of_pictures(seed: int, callback: MonitorCallback) -> None:
    """Each picture is seen once."""
    x, y = images(4_000, 10, 4, seed, noise=1.0)
    model = cnn(10, 4, 8, 8, optimizer=keras.optimizers.Adam(0.004))
    model.fit(x, y, batch_size=32, validation_split=0.1, verbose=0, callbacks=[callback])


@healthy
def a_try_of_twenty_steps(seed: int, callback: MonitorCallback) -> None:
    """Twenty batches, to see whether it works at all."""
    x, y = images(640, 8, 3, seed, noise=0.1)
    model = cnn(8, 3, 16, optimizer=keras.optimizers.Adam(0.01))
    model.fit(x, y, verbose=0, callbacks=[callback])
