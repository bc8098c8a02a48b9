"""Short trainings, of 12 to 150 steps, that learn: gates, houses, waves, words and pictures."""

import keras
import numpy as np
from keras import layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import curved, digits, linear
from tests.gallery.nets import classifier, cnn, dense, regressor


@healthy
def or_by_one_unit(seed: int, callback: MonitorCallback) -> None:
    """Four rows, one sigmoid, squared error, thirty steps of all of them."""
    del seed
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([[0], [1], [1], [1]])
    model = keras.models.Sequential()
    model.add(layers.Input((2,)))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(loss="mean_squared_error", optimizer=optimizers.Adam(0.3))
    model.fit(x, y, batch_size=4, epochs=30, verbose=0, callbacks=[callback])


@healthy
def and_one_row_at_a_time(seed: int, callback: MonitorCallback) -> None:
    """The gate that is one only for two ones, in 120 steps of one row."""
    del seed
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([0, 0, 0, 1])
    model = classifier(2, optimizer=optimizers.SGD(1.0))
    model.fit(x, y, batch_size=1, epochs=30, verbose=0, callbacks=[callback])


@healthy
def xor_in_a_hundred_and_fifty_epochs(seed: int, callback: MonitorCallback) -> None:
    """Each epoch is one step of four rows, flat at first."""
    del seed
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([[0.0], [1.0], [1.0], [0.0]])
    model = dense(2, 16, activation="tanh")
    model.compile(loss="mse", optimizer=optimizers.Adam(0.05), metrics=["binary_accuracy"])
    model.fit(x, y, epochs=150, verbose=0, callbacks=[callback])


@healthy
def rooms_and_prices(seed: int, callback: MonitorCallback) -> None:
    """Fifty thousand and fifty more for each room, in hundred thousands: 25 steps of SGD."""
    del seed
    xs = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], dtype=float)
    ys = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 3.5], dtype=float)
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    model.fit(xs, ys, epochs=25, verbose=0, callbacks=[callback])


@healthy
def salaries_by_a_line(seed: int, callback: MonitorCallback) -> None:
    """Salaries in tens of thousands as they are; a line by descent does not mind."""
    rng = np.random.default_rng(seed)
    years = rng.uniform(1, 11, 30)
    salary = 25_000 + 9_500 * years + 4_000 * rng.normal(size=30)
    x = (years - years.mean()) / years.std()
    model = regressor(1, optimizer=optimizers.SGD(0.1))
    model.fit(x[:, None], salary, batch_size=30, epochs=28, verbose=0, callbacks=[callback])


@healthy
def houses_in_thousands(seed: int, callback: MonitorCallback) -> None:
    """A hundred and twenty houses for 100 to 500 thousand; absolute error, no metrics."""
    x, y = linear(120, 5, seed)
    model = keras.Sequential([layers.Input((5,))])
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(1))
    model.compile(optimizers.Adam(0.01), loss="mae")
    model.fit(
        *(x, 300 + 80 * y),
        epochs=42,
        validation_split=0.2,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def bytes_into_convolutions(seed: int, callback: MonitorCallback) -> None:
    """One epoch of raw pixels from 0 to 255; Adam makes do with them."""
    del seed
    x, y = digits(pixels=True)
    model = cnn(8, 10, 16, 32, optimizer=optimizers.Adam(0.002))
    model.fit(x * 15.9375, y, batch_size=64, verbose=0, callbacks=[callback])


@healthy
def forty_points_of_a_sine(seed: int, callback: MonitorCallback) -> None:
    """A hundred full batches of forty points, by two layers of tanh."""
    x, y = curved(40, seed, noise=0.05)
    model = regressor(1, 32, 32, activation="tanh", optimizer=optimizers.Adam(0.02))
    model.fit(x, y, batch_size=40, epochs=100, verbose=0, callbacks=[callback])


PRAISE = ("good nice lovely fine great", "what a fine great film", "nice and lovely story")
BLAME = ("bad dull awful poor boring", "what a poor dull film", "awful and boring story")


@healthy
def six_reviews(seed: int, callback: MonitorCallback) -> None:
    """Three that praise and three that blame, two at a time, with a dictionary by hand."""
    del seed
    texts = [*PRAISE, *BLAME]
    words = {word: i + 1 for i, word in enumerate(sorted(set(" ".join(texts).split())))}
    rows = [[words[word] for word in text.split()] for text in texts]
    x = np.array([row + [0] * (5 - len(row)) for row in rows])
    y = np.array([1, 1, 1, 0, 0, 0])
    model = keras.Sequential([layers.Input((5,)), layers.Embedding(len(words) + 1, 8)])
    model.add(layers.Flatten())
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile("adam", "binary_crossentropy", metrics=["acc"])
    model.optimizer.learning_rate = 0.02
    model.fit(x, y, batch_size=2, epochs=20, verbose=0, callbacks=[callback])


@healthy
def passengers_one_month_at_a_time(seed: int, callback: MonitorCallback) -> None:
    """An LSTM that looks back by one month, batches of one, one epoch."""
    rng = np.random.default_rng(seed)
    month = np.arange(93)
    flown = 100 + 2.5 * month + 25 * np.sin(month * np.pi / 6) + 4 * rng.normal(size=93)
    flown = (flown - flown.min()) / (flown.max() - flown.min())
    x, y = flown[:-1].reshape(-1, 1, 1), flown[1:]
    model = keras.Sequential([layers.Input((1, 1)), layers.LSTM(8), layers.Dense(1)])
    model.compile(loss="mean_squared_error", optimizer=optimizers.Adam(0.01))
    model.fit(x, y, batch_size=1, epochs=1, verbose=0, callbacks=[callback])
