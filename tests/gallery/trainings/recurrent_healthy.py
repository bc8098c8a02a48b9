"""Recurrent networks that learn waves, running sums, words and characters."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import sequences, waves


@healthy
def next_value_by_lstm(seed: int, callback: MonitorCallback) -> None:
    """Noisy sines and what follows them, by one LSTM."""
    x, y = waves(900, 20, seed)
    model = keras.Sequential([layers.Input((20, 1)), layers.LSTM(12), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.02), "mse")
    model.fit(x, y, epochs=6, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def windows_of_a_season(seed: int, callback: MonitorCallback) -> None:
    """One series with a season, cut into windows; the last quarter is for validation."""
    rng = np.random.default_rng(seed)
    t = np.arange(1_600)
    series = np.sin(t / 4) + 0.5 * np.sin(t / 15) + 0.1 * rng.normal(size=t.size)
    series = series[:, None].astype("float32")

    def windows(part):
        return keras.utils.timeseries_dataset_from_array(
            part[:-24], part[24:], 24, batch_size=32, shuffle=True, seed=seed
        )

    model = keras.Sequential([layers.Input((24, 1)), layers.SimpleRNN(16), layers.Dense(1)])
    model.compile("rmsprop", "mse")
    model.fit(
        windows(series[:1_200]),
        validation_data=windows(series[1_200:]),
        epochs=8,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def running_mean_at_each_moment(seed: int, callback: MonitorCallback) -> None:
    """A sequence in and a sequence out: the mean of what was seen so far."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(600, 15, 1)).astype("float32")
    y = np.cumsum(x, axis=1) / np.arange(1, 16)[:, None]
    inputs = keras.Input((15, 1))
    moments = layers.SimpleRNN(20, return_sequences=True)(inputs)
    model = keras.Model(inputs, layers.TimeDistributed(layers.Dense(1))(moments))
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9, clipvalue=0.5), "mse")
    model.fit(x, y, epochs=20, verbose=0, callbacks=[callback])


@healthy
def words_in_both_directions(seed: int, callback: MonitorCallback) -> None:
    """Words read from both ends, two classes."""
    x, y = sequences(1_200, 20, 60, seed)
    body = [layers.Embedding(60, 8), layers.Bidirectional(layers.LSTM(8))]
    model = keras.Sequential([layers.Input((20,)), *body, layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def mean_of_words(seed: int, callback: MonitorCallback) -> None:
    """Embeddings, their mean, and a hidden layer with dropout: sentiment as in the tutorial."""
    x, y = sequences(2_000, 25, 200, seed)
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Embedding(200, 16),
            tf.keras.layers.GlobalAveragePooling1D(),
            tf.keras.layers.Dropout(0.2),
            tf.keras.layers.Dense(16, activation="relu"),
            tf.keras.layers.Dense(1),
        ]
    )
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    metrics = [tf.keras.metrics.BinaryAccuracy(threshold=0.0)]
    model.compile(loss=loss, optimizer="adam", metrics=metrics)
    model.fit(x, y, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def sentences_of_many_lengths(seed: int, callback: MonitorCallback) -> None:
    """Sentences padded to the longest, with a mask; gradients are clipped at a norm of one."""
    x, y = sequences(1_200, 24, 80, seed)
    lengths = np.random.default_rng(seed).integers(8, 25, len(x))
    texts = [list(row[:n]) for row, n in zip(x, lengths, strict=True)]
    y = np.array([np.mean(np.less(text, 40)) > 0.5 for text in texts]).astype("float32")
    padded = keras.utils.pad_sequences(texts, padding="post")
    model = keras.Sequential()
    model.add(layers.Embedding(80, 8, mask_zero=True))
    model.add(layers.GRU(12))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(
        keras.optimizers.Adam(0.004, clipnorm=1.0), "binary_crossentropy", metrics=["accuracy"]
    )
    model.fit(padded, y, batch_size=50, epochs=14, verbose=0, callbacks=[callback])


@healthy
def motifs_by_convolution(seed: int, callback: MonitorCallback) -> None:
    """Which of three letter motifs a sequence holds, by a convolution over one-hot letters."""
    rng = np.random.default_rng(seed)
    letters, y = rng.integers(0, 4, (1_500, 40)), rng.integers(0, 3, 1_500)
    motifs = np.array([[0, 1, 2, 3, 0], [3, 3, 1, 0, 2], [2, 0, 0, 1, 1]])
    for row, start, kind in zip(letters, rng.integers(0, 36, 1_500), y, strict=True):
        row[start : start + 5] = motifs[kind]
    model = keras.Sequential(
        [
            layers.Input((40, 4)),
            layers.Conv1D(16, 5, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["acc"])
    model.fit(np.eye(4)[letters], np.eye(3)[y], epochs=12, verbose=0, callbacks=[callback])


@healthy
def next_character(seed: int, callback: MonitorCallback) -> None:
    """Characters of a small language, each predicted from those before it; logits per moment."""
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(14, 0.15), 14)
    text = [0]
    for _ in range(9_000):
        text.append(int(rng.choice(14, p=table[text[-1]])))
    pieces = np.array(text[: 9_000 // 21 * 21]).reshape(-1, 21)
    model = keras.Sequential(
        [
            layers.Input((20,)),
            layers.Embedding(14, 8),
            layers.GRU(24, return_sequences=True),
            layers.Dense(14),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    batches = tf.data.Dataset.from_tensor_slices((pieces[:, :-1], pieces[:, 1:]))
    model.fit(
        batches.shuffle(500, seed=seed).batch(16, drop_remainder=True).repeat(),
        steps_per_epoch=26,
        epochs=12,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def bfloats_through_time(seed: int, callback: MonitorCallback) -> None:
    """A GRU under mixed_bfloat16, and a rate that falls polynomially."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    x, y = waves(600, 14, seed)
    inputs = keras.Input((14, 1))
    outputs = layers.Dense(1, dtype="float32")(layers.GRU(12)(inputs))
    model = keras.Model(inputs, outputs)
    rate = keras.optimizers.schedules.PolynomialDecay(0.01, 380, 0.0005)
    model.compile(keras.optimizers.Adam(rate), "mse")
    model.fit(x, y, epochs=20, verbose=0, callbacks=[callback])
