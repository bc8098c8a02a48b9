"""Odd small programs of letters, words and numbers in a row; all learn."""

import keras
import numpy as np
from keras import layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy

SENTENCE = "the quick brown fox jumps over the lazy dog and the dog sleeps on "


@healthy
def letters_of_one_sentence(seed: int, callback: MonitorCallback) -> None:
    """The next letter from the four before it, one-hot, by a simple recurrent layer."""
    del seed
    letters = sorted(set(SENTENCE))
    codes = np.eye(len(letters))[[letters.index(c) for c in SENTENCE]]
    x = np.stack([codes[i : i + 4] for i in range(len(codes) - 4)])
    y = codes[4:]
    model = keras.Sequential()
    model.add(layers.Input((4, len(letters))))
    model.add(layers.SimpleRNN(50, activation="relu"))
    model.add(layers.Dense(len(letters), activation="softmax"))
    model.compile(optimizer=optimizers.Adam(0.003), loss="categorical_crossentropy")
    model.fit(x, y, batch_size=8, epochs=30, verbose=0, callbacks=[callback])


@healthy
def what_follows_in_the_alphabet(seed: int, callback: MonitorCallback) -> None:
    """Twenty-five letters, one at a time, each as one number from 0 to 1."""
    del seed
    x = np.arange(25).reshape(25, 1, 1) / 26
    y = keras.utils.to_categorical(np.arange(1, 26), num_classes=26)
    model = keras.Sequential([layers.Input((1, 1)), layers.LSTM(32)])
    model.add(layers.Dense(26, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=optimizers.Adam(0.02))
    model.fit(x, y, epochs=24, batch_size=1, verbose=0, callbacks=[callback])


@healthy
def sum_of_two_numbers_by_lstm(seed: int, callback: MonitorCallback) -> None:
    """Two numbers up to ten go in as two moments; their sum comes out as it is."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 11, (300, 2)).astype("float32")
    y = x.sum(axis=1)
    model = keras.Sequential([layers.Input((2, 1)), layers.LSTM(20, activation="relu")])
    model.add(layers.Dense(1))
    model.compile(optimizer=optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    model.fit(
        *(x[..., None], y),
        batch_size=15,
        epochs=12,
        validation_split=0.1,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def additions_written_out(seed: int, callback: MonitorCallback) -> None:
    """All sums of two digits, read and written letter by letter: encoder, repeat, decoder."""
    signs = "0123456789+ "

    def encode(text):
        return np.eye(len(signs))[[signs.index(c) for c in text]]

    pairs = [(a, b) for a in range(10) for b in range(10)]
    np.random.default_rng(seed).shuffle(pairs)
    x = np.stack([encode(f"{a}+{b}") for a, b in pairs])
    y = np.stack([encode(f"{a + b:2d}") for a, b in pairs])
    model = keras.Sequential()
    model.add(layers.Input((3, len(signs))))
    model.add(layers.LSTM(48))
    model.add(layers.RepeatVector(2))
    model.add(layers.LSTM(48, return_sequences=True))
    model.add(layers.Dense(len(signs), activation="softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.01
    model.fit(x, y, batch_size=10, epochs=30, verbose=0, callbacks=[callback])


@healthy
def words_that_stand_together(seed: int, callback: MonitorCallback) -> None:
    """Pairs of words of four subjects, half of them drawn by lot: embeddings and a dot."""
    rng = np.random.default_rng(seed)
    word = rng.integers(0, 40, 2_400)
    near = rng.random(2_400) < 0.5
    other = np.where(near, word // 10 * 10 + rng.integers(0, 10, 2_400), rng.integers(0, 40, 2_400))
    target, context = keras.Input((1,)), keras.Input((1,))
    dot = layers.Dot(axes=2)([layers.Embedding(40, 8)(target), layers.Embedding(40, 8)(context)])
    model = keras.Model([target, context], layers.Dense(1, "sigmoid")(layers.Flatten()(dot)))
    model.compile(optimizers.Adam(0.03), "binary_crossentropy")
    model.fit(
        *([word, other], near.astype("float32")),
        batch_size=120,
        epochs=6,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def stars_for_films(seed: int, callback: MonitorCallback) -> None:
    """Matrix factorisation: who gave how many stars to what, from one to five, a tenth held."""
    rng = np.random.default_rng(seed)
    taste, kind = rng.normal(size=(40, 2)), rng.normal(size=(30, 2))
    user, film = rng.integers(0, 40, 1_500), rng.integers(0, 30, 1_500)
    stars = 3 + (taste[user] * kind[film]).sum(1) + 0.3 * rng.normal(size=1_500)
    stars = np.clip(np.round(stars), 1, 5)
    who, what = keras.Input((1,)), keras.Input((1,))
    both = [layers.Flatten()(layers.Embedding(n, 4)(i)) for n, i in ((40, who), (30, what))]
    liking = layers.Dense(1)(layers.Dot(axes=1)(both))
    model = keras.Model([who, what], liking)
    model.compile(optimizer=optimizers.Adam(0.03), loss="mean_squared_error")
    model.fit(
        *([user, film], stars),
        batch_size=64,
        epochs=9,
        validation_split=0.1,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def series_of_many_lengths(seed: int, callback: MonitorCallback) -> None:
    """Series padded with -1 to twelve moments and masked; the last true value is asked for."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (320, 12, 1)).astype("float32")
    length = rng.integers(3, 13, 320)
    y = x[np.arange(320), length - 1, 0]
    x[np.arange(12) >= length[:, None]] = -1
    model = keras.Sequential([layers.Input((12, 1)), layers.Masking(mask_value=-1.0)])
    model.add(layers.GRU(12))
    model.add(layers.Dense(1))
    model.compile(optimizers.Adam(0.02), "mse")
    model.fit(x, y, batch_size=20, epochs=10, verbose=0, callbacks=[callback])


@healthy
def passengers_as_they_were_counted(seed: int, callback: MonitorCallback) -> None:
    """Windows of three months, from 100 to 600 passengers, two at a time, not scaled."""
    rng = np.random.default_rng(seed)
    month = np.arange(96)
    trend = 110 * np.exp(month / 75)
    flown = trend * (1 + 0.15 * np.sin(month * np.pi / 6)) + 5 * rng.normal(size=96)
    x = np.stack([flown[i : i + 3] for i in range(93)])
    y = flown[3:]
    model = keras.models.Sequential([layers.Input((3,))])
    model.add(layers.Dense(8, activation="relu"))
    model.add(layers.Dense(1))
    model.compile(loss="mean_squared_error", optimizer="adam")
    model.fit(x, y, epochs=12, batch_size=2, verbose=0, callbacks=[callback])


@healthy
def a_season_on_a_slope(seed: int, callback: MonitorCallback) -> None:
    """Windows of a rising series; what is validated lies higher than all that was seen."""
    rng = np.random.default_rng(seed)
    day = np.arange(420)
    series = 10 + 0.02 * day + 3 * np.sin(2 * np.pi * day / 28) + 0.3 * rng.normal(size=420)
    series = (series - series[:330].mean()) / series[:330].std()
    x = np.stack([series[i : i + 14] for i in range(406)])
    y = series[14:]
    model = keras.Sequential([layers.Input((14,)), layers.Dense(1)])
    model.compile(optimizer=optimizers.SGD(0.02, momentum=0.9), loss="mae")
    model.fit(
        *(x[:316], y[:316]),
        epochs=20,
        validation_data=(x[316:], y[316:]),
        verbose=0,
        callbacks=[callback],
    )
