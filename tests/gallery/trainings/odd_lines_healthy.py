"""Odd small regressions as tutorials have them: lines, curves, temperatures and cars; all learn."""

import keras
import numpy as np
from keras import callbacks, layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import linear, table
from tests.gallery.nets import dense, regressor


@healthy
def three_x_plus_one_for_five_hundred_epochs(seed: int, callback: MonitorCallback) -> None:
    """Six points, one unit, the default SGD: each epoch is one step."""
    del seed
    model = keras.Sequential([keras.Input(shape=(1,)), layers.Dense(units=1)])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    xs = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0], dtype=float)
    ys = np.array([-2.0, 1.0, 4.0, 7.0, 10.0, 13.0], dtype=float)
    model.fit(xs, ys, epochs=500, verbose=0, callbacks=[callback])


@healthy
def seven_temperatures_by_adam_at_a_tenth(seed: int, callback: MonitorCallback) -> None:
    """Celsius to Fahrenheit in five hundred steps, neither of them scaled."""
    del seed
    celsius_q = np.array([-40, -10, 0, 8, 15, 22, 38], dtype=float)
    fahrenheit_a = np.array([-40, 14, 32, 46, 59, 72, 100], dtype=float)
    l0 = layers.Dense(units=1)
    model = keras.Sequential([keras.Input((1,)), l0])
    model.compile(loss="mean_squared_error", optimizer=optimizers.Adam(0.1))
    model.fit(celsius_q, fahrenheit_a, epochs=500, verbose=False, callbacks=[callback])


@healthy
def a_sine_by_bold_descent(seed: int, callback: MonitorCallback) -> None:
    """One wave, one layer of tanh, batches of eight and SGD at .3."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-np.pi, np.pi, 128)
    model = regressor(1, 24, activation="tanh", optimizer=optimizers.SGD(0.3))
    model.fit(x[:, None], np.sin(x), batch_size=8, epochs=20, verbose=0, callbacks=[callback])


@healthy
def a_cubic_of_three_powers(seed: int, callback: MonitorCallback) -> None:
    """x, its square and its cube into one unit; full batches, Adam at .1, a little noise."""
    rng = np.random.default_rng(seed)
    x = np.linspace(-2, 2, 201)
    y = x**3 - 2 * x + 1 + 0.5 * rng.normal(size=201)
    powers = np.stack([x, x**2, x**3], axis=1)
    model = regressor(3, optimizer=optimizers.Adam(0.1))
    model.fit(powers, y, batch_size=len(x), epochs=120, verbose=0, callbacks=[callback])


@healthy
def prices_of_cars_at_a_rate_of_four_hundred(seed: int, callback: MonitorCallback) -> None:
    """Prices in thousands and one linear layer; Adam has to go as far as they are."""
    rng = np.random.default_rng(seed)
    power = rng.uniform(50, 200, 160)
    price = 4_000 + 110 * power + 1_500 * rng.normal(size=160)
    normalizer = layers.Normalization(axis=None)
    normalizer.adapt(power)
    model = keras.Sequential([keras.Input((1,)), normalizer, layers.Dense(1)])
    model.compile(optimizer=optimizers.Adam(learning_rate=400.0), loss="mean_absolute_error")
    model.fit(*(power, price), epochs=25, verbose=0, validation_split=0.2, callbacks=[callback])


@healthy
def miles_per_gallon(seed: int, callback: MonitorCallback) -> None:
    """Nine columns of cars, 9 to 46 miles, RMSprop at a thousandth and two metrics."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(314, 9)).astype("float32")
    y = 23 - 4 * x[:, 0] + 3 * x[:, 1] + x[:, 2] * x[:, 3] + 2 * rng.normal(size=314)
    model = keras.Sequential([layers.Input((9,))])
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(1))
    model.compile(loss="mse", optimizer=optimizers.RMSprop(0.001), metrics=["mae", "mse"])
    stop = callbacks.EarlyStopping(monitor="val_loss", patience=10)
    model.fit(*(x, y), epochs=70, validation_split=0.2, verbose=0, callbacks=[callback, stop])


@healthy
def diabetes_by_huber(seed: int, callback: MonitorCallback) -> None:
    """The progression from 25 to 346 as it is; beyond one, Huber is the absolute error."""
    del seed
    x, y = table("diabetes")
    model = regressor(10, 32, optimizer=optimizers.Adam(0.03), loss=keras.losses.Huber())
    model.fit(x, y, batch_size=32, epochs=20, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def nine_of_ten_lie_below(seed: int, callback: MonitorCallback) -> None:
    """The ninetieth percentile by a tilted absolute error."""
    x, y = linear(600, 3, seed, noise=0.3)

    def pinball(y_true, y_pred):
        error = y_true - y_pred
        return keras.ops.mean(keras.ops.maximum(0.9 * error, -0.1 * error), axis=-1)

    model = dense(3, 16, last=None)
    model.compile(optimizers.Adam(0.01), pinball)
    model.fit(x, y, batch_size=50, epochs=12, verbose=0, callbacks=[callback])


@healthy
def bicycles_in_an_hour(seed: int, callback: MonitorCallback) -> None:
    """Sixty counts, an exponential, Poisson's loss, which goes below nought, full batches."""
    rng = np.random.default_rng(seed)
    hour = rng.uniform(-1, 1, (60, 2))
    bicycles = rng.poisson(np.exp(1.5 + hour @ np.array([0.8, -0.5])))
    model = dense(2, last="exponential")
    model.compile(optimizer=optimizers.Adam(0.05), loss="poisson")
    model.fit(hour, bicycles, batch_size=60, epochs=80, verbose=0, callbacks=[callback])


@healthy
def where_the_wind_blows(seed: int, callback: MonitorCallback) -> None:
    """Directions in a plane by cosine similarity: the loss begins at nought and ends near -1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, 6)).astype("float32")
    y = x @ rng.normal(size=(6, 2)) + 0.2 * rng.normal(size=(400, 2))
    model = dense(6, 16, out=2, last=None)
    model.compile(optimizers.Adam(0.005), keras.losses.CosineSimilarity())
    model.fit(x, y, batch_size=40, epochs=10, validation_split=0.1, verbose=0, callbacks=[callback])


@healthy
def a_filter_that_adapts(seed: int, callback: MonitorCallback) -> None:
    """Least mean squares: each sample comes once, and is learned from as it comes."""
    rng = np.random.default_rng(seed)
    heard = rng.normal(size=260)
    echo = np.convolve(heard, [0.9, -0.5, 0.3, 0.1])[:260] + 0.1 * rng.normal(size=260)
    model = keras.Sequential([layers.Input((4,)), layers.Dense(1, use_bias=False)])
    model.compile(optimizers.SGD(0.05), "mse")
    with callback.watch(model):
        for t in range(3, 260):
            model.train_on_batch(heard[None, t - 3 : t + 1], echo[None, t : t + 1])
