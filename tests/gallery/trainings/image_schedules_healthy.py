"""Pictures learned under learning rates, clippings and averages of many kinds."""

import math
from typing import Any

import keras
import numpy as np
from keras import layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import digits, images
from tests.gallery.nets import cnn


@healthy
def cosine_with_restarts(seed: int, callback: MonitorCallback) -> None:
    """Three cosines, each twice as long as the one before, and a leap of the rate in between."""
    x, y = digits()
    steps = 45
    rate = optimizers.schedules.CosineDecayRestarts(0.1, 4 * steps, t_mul=2.0, m_mul=0.8)
    model = cnn(8, 10, 8, optimizer=optimizers.SGD(rate, momentum=0.9))
    model.fit(
        *(x[:1_440], y[:1_440]),
        epochs=28,
        validation_data=(x[1_440:], y[1_440:]),
        verbose=0,
        callbacks=[callback],
    )


@healthy
def a_tenth_at_half_and_at_three_quarters(seed: int, callback: MonitorCallback) -> None:
    """The rate falls in steps, and the labels are smoothed."""
    x, y = images(1_200, 10, 6, seed, noise=0.8)
    rate = optimizers.schedules.PiecewiseConstantDecay([200, 300], [0.2, 0.02, 0.002])
    model = cnn(10, 6, 8)
    model.compile(
        optimizers.SGD(rate),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy"],
    )
    model.fit(
        x,
        keras.utils.to_categorical(y, 6),
        batch_size=30,
        epochs=10,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def warmed_up_then_cosine(seed: int, callback: MonitorCallback) -> None:
    """AdamW whose rate rises for a fifth of the plan and then falls to zero."""
    x, y = images(1_600, 12, 8, seed, noise=0.8)
    steps = 40 * 10
    rate = optimizers.schedules.CosineDecay(
        0.0, steps - 80, warmup_target=0.004, warmup_steps=80, alpha=0.0
    )
    model = cnn(12, 8, 8, 8, optimizer=optimizers.AdamW(rate, weight_decay=0.01))
    model.fit(
        *(x, y), batch_size=32, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback]
    )


class OneCycle(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Raises the rate to its peak within a third of the steps, and lowers it again."""

    def __init__(self, peak: float, steps: int) -> None:
        super().__init__()
        self.peak, self.steps, self.step = peak, steps, 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        where = self.step / self.steps
        height = where / 0.3 if where < 0.3 else (1 + math.cos(math.pi * (where - 0.3) / 0.7)) / 2
        self.model.optimizer.learning_rate = self.peak * max(height, 0.04)
        self.step += 1


@healthy
def one_cycle(seed: int, callback: MonitorCallback) -> None:
    """A callback sets the rate before each step."""
    x, y = digits()
    model = cnn(8, 10, 12, optimizer=optimizers.SGD(0.01, momentum=0.95))
    cycle = OneCycle(0.15, 8 * 47)
    model.fit(
        *(x[:1_504], y[:1_504]),
        epochs=8,
        validation_data=(x[1_504:], y[1_504:]),
        verbose=0,
        callbacks=[cycle, callback],
    )


@healthy
def slower_on_a_plateau(seed: int, callback: MonitorCallback) -> None:
    """A third of the labels is wrong; the rate is halved whenever validation stands still."""
    x, y = images(1_500, 10, 3, seed, noise=0.2)
    rng = np.random.default_rng(seed + 1)
    y = np.where(rng.random(len(y)) < 0.33, rng.integers(0, 3, len(y)), y)
    model = cnn(10, 3, 4, 4, optimizer=optimizers.Adam(0.005))
    slower = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_lr=1e-5)
    model.fit(
        x,
        y,
        batch_size=16,
        epochs=14,
        validation_split=0.2,
        verbose=0,
        callbacks=[slower, callback],
    )


@healthy
def stopped_early_with_its_best(seed: int, callback: MonitorCallback) -> None:
    """Eighty epochs were planned; it stops when validation has stopped, and goes back."""
    x, y = images(700, 10, 4, seed, noise=1.3)
    model = keras.Sequential(
        [
            layers.Input((10, 10, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    model.fit(x, y, epochs=80, validation_split=0.25, verbose=0, callbacks=[callback, stop])


@healthy
def clipped_to_a_norm_of_one(seed: int, callback: MonitorCallback) -> None:
    """A global norm of one, which the first steps exceed, by a rate that needs it."""
    x, y = digits(pixels=True)
    model = cnn(8, 10, 8, optimizer=optimizers.SGD(0.05, momentum=0.9, global_clipnorm=1.0))
    model.fit(x, y, epochs=8, validation_split=0.1, verbose=0, callbacks=[callback])


@healthy
def clipped_by_value(seed: int, callback: MonitorCallback) -> None:
    """No element of a gradient above a tenth."""
    x, y = images(960, 8, 4, seed, noise=0.6)
    model = cnn(8, 4, 12, optimizer=optimizers.SGD(0.3, clipvalue=0.1))
    model.fit(x, y, batch_size=20, epochs=9, verbose=0, callbacks=[callback])


@healthy
def adam_does_not_mind_a_tiny_norm(seed: int, callback: MonitorCallback) -> None:
    """All gradients are cut to a thousandth of themselves, and Adam divides by their size."""
    x, y = images(960, 8, 4, seed, noise=0.6)
    model = cnn(8, 4, 12, optimizer=optimizers.Adam(0.003, clipnorm=1e-3))
    model.fit(x, y, batch_size=20, epochs=3, verbose=0, callbacks=[callback])


@healthy
def four_batches_to_an_update(seed: int, callback: MonitorCallback) -> None:
    """Gradients of four small batches are gathered for each update."""
    x, y = digits()
    adam = optimizers.Adam(0.005, gradient_accumulation_steps=4)
    model = cnn(8, 10, 8, optimizer=adam)
    model.fit(x[:1_600], y[:1_600], batch_size=16, epochs=12, verbose=0, callbacks=[callback])


@healthy
def averaged_weights(seed: int, callback: MonitorCallback) -> None:
    """An exponential mean of the weights takes their place after each epoch."""
    x, y = images(1_000, 12, 5, seed, noise=1.0)
    mean = optimizers.Adam(
        0.003, use_ema=True, ema_momentum=0.95, ema_overwrite_frequency=25, global_clipnorm=5.0
    )
    model = cnn(12, 5, 6, 6, optimizer=mean)
    model.fit(
        *(x, y), batch_size=32, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback]
    )
