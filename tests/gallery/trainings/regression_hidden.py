"""Regressions and sequences with a fault of which nothing shows while they train."""

import keras
import numpy as np
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import hidden
from tests.gallery.data import curved, linear, table, waves
from tests.gallery.nets import regressor


@hidden("leak")
def scaled_with_the_held_back_rows(seed: int, callback: MonitorCallback) -> None:
    """Mean and deviation were taken over the rows for validation, too."""
    x, y = table("diabetes", scaled=False)
    x = (x - x.mean(0)) / x.std(0)
    y = (y - y.mean()) / y.std()
    model = regressor(10, 12, optimizer=keras.optimizers.Adam(0.002))
    model.fit(
        *(x[:330], y[:330]),
        validation_data=(x[330:], y[330:]),
        epochs=25,
        verbose=0,
        callbacks=[callback],
    )


@hidden("noisy_labels")
def one_in_a_hundred_swapped(seed: int, callback: MonitorCallback) -> None:
    """One target in a hundred belongs to another sample."""
    x, y = linear(2_000, 8, seed, noise=0.5)
    wrong = np.arange(0, 2_000, 100)
    y[wrong] = np.roll(y[wrong], 1)
    model = regressor(8, 24)
    model.fit(x, y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])


@hidden("not_shuffled")
def in_the_order_of_the_file(seed: int, callback: MonitorCallback) -> None:
    """Nobody shuffles, and the file happens to be in no order."""
    x, y = curved(1_280, seed)
    model = regressor(1, 32, 16, activation="tanh", optimizer=keras.optimizers.Adam(0.01))
    model.fit(x, y, shuffle=False, epochs=15, verbose=0, callbacks=[callback])


@hidden("categories_as_numbers")
def quarters_as_numbers(seed: int, callback: MonitorCallback) -> None:
    """The quarter of the year is a number from -1.5 to 1.5; a hidden layer copes."""
    rng = np.random.default_rng(seed)
    x, y = linear(1_800, 5, seed, noise=0.3)
    quarter = rng.integers(0, 4, 1_800)
    y = y + np.array([0.0, 0.2, 0.3, 0.1])[quarter]
    x = np.column_stack([x, quarter - 1.5])
    model = regressor(6, 24, loss="mae", optimizer=keras.optimizers.Adam(0.005))
    model.fit(x, y, epochs=3, validation_split=0.2, verbose=0, callbacks=[callback])


@hidden("schedule_wrong")
def decay_that_comes_too_late(seed: int, callback: MonitorCallback) -> None:
    """A cosine over a hundred times the plan: the rate hardly falls, and it is no loss."""
    x, y = waves(640, 16, seed)
    rate = keras.optimizers.schedules.CosineDecay(0.005, decay_steps=30_000)
    model = keras.Sequential([layers.Input((16, 1)), layers.GRU(10), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(rate), "mse")
    model.fit(x, y, epochs=15, verbose=0, callbacks=[callback])
