"""Regressions whose inputs or targets are wrong."""

import keras
import numpy as np
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import linear, table
from tests.gallery.nets import regressor


@sick(
    *("non_finite", "gradient_explosion", "divergence", "init_loss", "loss_spike"),
    *("weight_growth", "update_ratio", "update_spike"),
    cause="targets_not_scaled",
)
def targets_in_millions(seed: int, callback: MonitorCallback) -> None:
    """Turnovers around a million by plain descent: the first steps throw the weights away."""
    x, y = linear(900, 8, seed)
    model = regressor(8, 32, optimizer=keras.optimizers.SGD(0.01))
    model.fit(x, 1e6 + 2e5 * y, epochs=4, verbose=0, callbacks=[callback])


@sick("init_loss", "stagnation", "no_skill", cause="targets_not_scaled")
def prices_by_adam_at_its_default(seed: int, callback: MonitorCallback) -> None:
    """Prices around 250,000, to which steps of a thousandth do not lead."""
    x, y = linear(1_000, 8, seed)
    price = 250_000 + 50_000 * y
    model = keras.Sequential(
        [layers.Input((8,)), layers.Dense(64, "relu"), layers.Dense(32, "relu"), layers.Dense(1)]
    )
    model.compile(optimizer="adam", loss="mean_squared_error", metrics=["mean_absolute_error"])
    model.fit(x, price, epochs=25, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("non_finite", cause="bad_values_in_data")
def diabetes_with_gaps(seed: int, callback: MonitorCallback) -> None:
    """Three patients whose outcome was not written down."""
    x, y = table("diabetes")
    y = ((y - y.mean()) / y.std()).astype("float32")
    y[[17, 130, 301]] = np.nan
    model = regressor(10, 32, optimizer=keras.optimizers.Adam(0.003))
    model.fit(x, y, epochs=8, verbose=0, callbacks=[callback])


@sick(
    *("input_scale", "plateau", "update_ratio", "loss_spike"),
    cause="bad_values_in_data",
    onset=0.1,
)
def a_batch_of_millions(seed: int, callback: MonitorCallback) -> None:
    """A tenth of the way, 32 samples are a million times too large, and Adam never forgets it."""
    x, y = linear(9_600, 8, seed)
    x[960:992] *= 1e6
    model = regressor(8, 24)
    model.fit(x, y, shuffle=False, epochs=1, verbose=0, callbacks=[callback])


@sick(
    *("input_scale", "loss_spike", "divergence", "gradient_explosion", "update_spike"),
    *("non_finite",),
    cause="data_changed",
    onset=0.5,
)
def inputs_a_hundredfold(seed: int, callback: MonitorCallback) -> None:
    """From the ninth of sixteen epochs on, somebody sends centimetres in place of metres."""
    x, y = linear(960, 8, seed)

    def batches():
        for step in range(16 * 30):
            rows = slice(32 * (step % 30), 32 * (step % 30) + 32)
            yield x[rows] * (1 if step < 8 * 30 else 100), y[rows]

    model = regressor(8, 32, optimizer=keras.optimizers.SGD(0.02))
    model.fit(batches(), epochs=16, steps_per_epoch=30, verbose=0, callbacks=[callback])


@sick("no_skill", "plateau", cause="no_information")
def answers_to_other_questions(seed: int, callback: MonitorCallback) -> None:
    """The right columns were dropped, and columns of another table were kept."""
    x, y = linear(1_600, 16, seed)
    x = np.random.default_rng(seed + 1).permutation(x[:, 10:])
    model = regressor(6, 12)
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("no_skill", "init_loss", "plateau", cause="no_information")
def always_five(seed: int, callback: MonitorCallback) -> None:
    """A sensor that says five whatever happens: the mean is learned, and there is no more."""
    rng = np.random.default_rng(seed)
    x, _ = linear(1_200, 6, seed)
    y = 0 * x[:, 0] + (5 + 0.3 * rng.normal(size=1_200)).astype("float32")
    model = regressor(6, 8, optimizer=keras.optimizers.Adam(0.01))
    model.fit(x, y, epochs=14, verbose=0, callbacks=[callback])


@sick(
    *("overfitting",),
    cause=("too_little_data", "regularization_missing"),
    at_end=True,
)
def forty_patients(seed: int, callback: MonitorCallback) -> None:
    """Forty samples as noisy as they are telling, learned by heart by a wide network."""
    x, y = linear(140, 5, seed, noise=1.0)
    model = regressor(5, 256, 128, optimizer=keras.optimizers.Adam(0.003))
    model.fit(
        *(x[:40], y[:40]),
        validation_data=(x[40:], y[40:]),
        epochs=70,
        batch_size=8,
        verbose=0,
        callbacks=[callback],
    )


@sick(
    *("input_scale", "init_loss", "no_skill", "plateau", "dead_units"),
    cause="categories_as_numbers",
)
def districts_as_numbers(seed: int, callback: MonitorCallback) -> None:
    """Four hundred districts by their numbers: neighbours in number are none on the map."""
    rng = np.random.default_rng(seed)
    district, worth = rng.integers(0, 400, 4_000), rng.normal(size=400)
    price = (worth[district] + 0.2 * rng.normal(size=4_000)).astype("float32")
    inputs = keras.Input((1,))
    first = layers.Dense(32, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(first))
    model.compile(keras.optimizers.Adam(0.003), "mse")
    model.fit(
        district[:, None].astype("float32"),
        price,
        batch_size=64,
        epochs=12,
        verbose=0,
        callbacks=[callback],
    )


@sick(
    "input_scale",
    "non_finite",
    "gradient_explosion",
    "divergence",
    "loss_spike",
    "weight_growth",
    "update_ratio",
    cause=("inputs_not_scaled", "targets_not_scaled"),
)
def nothing_scaled_at_all(seed: int, callback: MonitorCallback) -> None:
    """Two faults: inputs from nought to ten thousand, targets in tens of thousands, and SGD."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10_000, (700, 5))
    y = x @ np.array([3.0, -1.0, 2.0, 0.5, 4.0]) + 500 * rng.normal(size=700)
    model = keras.Sequential([keras.Input((5,)), layers.Dense(20, "relu"), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=4, verbose=0, callbacks=[callback])


@sick("init_loss", "stagnation", "no_skill", cause=("learning_rate_too_low", "targets_not_scaled"))
def kelvins_at_a_small_rate(seed: int, callback: MonitorCallback) -> None:
    """Two faults: temperatures in kelvins, and Adam at 0.00001."""
    x, y = linear(1_000, 6, seed)
    model = regressor(6, 16, loss="mae", optimizer=keras.optimizers.Adam(1e-5))
    model.fit(x, 288 + 8 * y, epochs=16, verbose=0, callbacks=[callback])
