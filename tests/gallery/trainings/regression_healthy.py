"""Regressions that learn as they should: tables, curves and lines, in many hands."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import curved, linear, table
from tests.gallery.nets import regressor


@healthy
def diabetes_in_deviations(seed: int, callback: MonitorCallback) -> None:
    """The diabetes table with normalised targets, and a fifth held back."""
    x, y = table("diabetes")
    y = ((y - y.mean()) / y.std()).astype("float32")
    model = regressor(10, 16, optimizer=keras.optimizers.SGD(0.01, momentum=0.5))
    model.fit(x, y, epochs=40, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def diabetes_as_it_is_measured(seed: int, callback: MonitorCallback) -> None:
    """Targets from 25 to 346 as they are, by Adam at a rate that gets there."""
    x, y = table("diabetes")
    model = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.05), "mse", metrics=["mae"])
    model.fit(x, y, epochs=30, batch_size=128, verbose=0, callbacks=[callback])


@healthy
def sine_of_one_feature(seed: int, callback: MonitorCallback) -> None:
    """A curve through a thousand points, by two layers of tanh."""
    x, y = curved(1_000, seed)
    model = regressor(1, 32, 32, activation="tanh", optimizer=keras.optimizers.Adam(0.01))
    model.fit(x, y, epochs=25, validation_split=0.25, verbose=0, callbacks=[callback])


@healthy
def line_with_as_much_noise(seed: int, callback: MonitorCallback) -> None:
    """One linear unit by plain descent; half of the variance cannot be explained."""
    x, y = linear(3_000, 8, seed, noise=1.0)
    model = regressor(8, optimizer=keras.optimizers.SGD(0.05))
    model.fit(x, y, epochs=4, batch_size=100, verbose=0, callbacks=[callback])


@healthy
def a_tenth_can_be_explained(seed: int, callback: MonitorCallback) -> None:
    """A weak signal, learned as far as there is one."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(5_000, 6)).astype("float32")
    y = (x[:, 0] + 3 * rng.normal(size=5_000)).astype("float32")
    model = regressor(6, 12, optimizer=keras.optimizers.Adam(0.003))
    model.fit(x, y, batch_size=64, epochs=7, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def two_x_minus_one(seed: int, callback: MonitorCallback) -> None:
    """Six points on a line and one unit: everybody's first program."""
    xs = np.array([[-1.0], [0.0], [1.0], [2.0], [3.0], [4.0]], dtype=float)
    ys = np.array([[-3.0], [-1.0], [1.0], [3.0], [5.0], [7.0]], dtype=float)
    model = tf.keras.Sequential([tf.keras.Input(shape=[1]), tf.keras.layers.Dense(units=1)])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    model.fit(xs, ys, epochs=140, verbose=0, callbacks=[callback])


@healthy
def celsius_to_fahrenheit(seed: int, callback: MonitorCallback) -> None:
    """Seven temperatures, neither inputs nor targets scaled, and Adam at .5."""
    celsius_q = np.array([[-40], [-10], [0], [8], [15], [22], [38]], dtype=float)
    fahrenheit_a = np.array([[-40], [14], [32], [46], [59], [72], [100]], dtype=float)
    l0 = tf.keras.layers.Dense(units=1)
    model = tf.keras.Sequential([tf.keras.Input([1]), l0])
    model.compile(loss="mean_squared_error", optimizer=tf.keras.optimizers.Adam(0.5))
    model.fit(celsius_q, fahrenheit_a, epochs=120, verbose=False, callbacks=[callback])


@healthy
def yields_in_thousands(seed: int, callback: MonitorCallback) -> None:
    """Targets around three thousand, not scaled, and a larger rate for them."""
    x, y = linear(1_200, 8, seed)
    y = 3_000 + 500 * y
    inputs = keras.Input((8,))
    hidden = layers.Dense(64, activation="relu")(inputs)
    hidden = layers.Dense(32, activation="relu")(hidden)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
    model.fit(x, y, epochs=25, verbose=0, callbacks=[callback])


@healthy
def house_prices_by_normalization(seed: int, callback: MonitorCallback) -> None:
    """Square metres, rooms and years through a Normalization layer; prices in deviations."""
    rng = np.random.default_rng(seed)
    area, rooms = rng.uniform(30, 250, 1_500), rng.integers(1, 9, 1_500)
    year = rng.integers(1900, 2024, 1_500)
    price = 3_000 * area + 10_000 * rooms + 900 * (year - 1900) + 4e4 * rng.normal(size=1_500)
    features = np.stack([area, rooms, year], axis=1).astype("float32")
    prices = (price - price.mean()) / price.std()
    normalizer = layers.Normalization()
    normalizer.adapt(features[:1_200])
    model = keras.Sequential(
        [keras.Input((3,)), normalizer, layers.Dense(24, "relu"), layers.Dense(1)]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "mse", metrics=[keras.metrics.RootMeanSquaredError()]
    )
    model.fit(
        features[:1_200],
        prices[:1_200],
        validation_data=(features[1_200:], prices[1_200:]),
        epochs=3,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def one_sample_at_a_time(seed: int, callback: MonitorCallback) -> None:
    """Batches of one, and a rate that is small enough for them."""
    x, y = linear(500, 4, seed, noise=0.3)
    model = regressor(4, optimizer=keras.optimizers.SGD(0.01))
    model.fit(x, y, batch_size=1, epochs=2, verbose=0, callbacks=[callback])


@healthy
def batches_by_hand(seed: int, callback: MonitorCallback) -> None:
    """A loop over train_on_batch with indices drawn by hand, as it was done in 2016."""
    x, y = curved(600, seed)
    model = regressor(1, 40, optimizer=keras.optimizers.RMSprop(0.02))
    history = []
    with callback.watch(model, steps=140):
        for _ in range(140):
            rows = np.random.randint(0, 600, 50)  # noqa: NPY002 - as it was done in 2016
            history.append(model.train_on_batch(x[rows], y[rows]))


@healthy
def cosine_after_a_warm_up(seed: int, callback: MonitorCallback) -> None:
    """A rate that rises for a tenth of the plan and then falls to nothing."""
    x, y = linear(2_000, 12, seed, noise=0.2)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=360, warmup_target=0.01, warmup_steps=40
    )
    model = regressor(12, 32, optimizer=keras.optimizers.Adam(rate))
    model.fit(x, y, batch_size=50, epochs=10, verbose=0, callbacks=[callback])


@healthy
def averaged_and_decayed_weights(seed: int, callback: MonitorCallback) -> None:
    """AdamW with averaged weights, and a rate that falls by a tenth at a time."""
    x, y = curved(1_600, seed)
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 50, 0.9, staircase=True)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.004, use_ema=True, clipnorm=5.0)
    model = regressor(1, 48, 24, activation="gelu", optimizer=optimizer)
    model.fit(x, y, epochs=12, validation_split=0.1, verbose=0, callbacks=[callback])


@healthy
def two_towers_and_two_answers(seed: int, callback: MonitorCallback) -> None:
    """Numbers and a category in; a price and a chance out, each with its own loss."""
    rng = np.random.default_rng(seed)
    numbers, shop = rng.normal(size=(1_500, 5)).astype("float32"), rng.integers(0, 12, 1_500)
    worth = rng.normal(size=12)
    price = (numbers[:, 0] - 0.5 * numbers[:, 1] + worth[shop]).astype("float32")
    sold = (numbers[:, 2] + worth[shop] > 0).astype("float32")
    a, b = keras.Input((5,), name="numbers"), keras.Input((1,), name="shop", dtype="int32")
    both = layers.Concatenate()([a, layers.Flatten()(layers.Embedding(12, 4)(b))])
    hidden = layers.Dense(32, activation="relu")(both)
    outputs = {
        "price": layers.Dense(1, name="price")(hidden),
        "sold": layers.Dense(1, activation="sigmoid", name="sold")(hidden),
    }
    model = keras.Model({"numbers": a, "shop": b}, outputs)
    losses = {"price": "mse", "sold": "binary_crossentropy"}
    model.compile("adam", losses, loss_weights={"price": 1.0, "sold": 0.5})
    model.fit(
        {"numbers": numbers, "shop": shop[:, None]},
        {"price": price[:, None], "sold": sold[:, None]},
        epochs=14,
        verbose=0,
        callbacks=[callback],
    )
