"""Pictures whose validation tells of the fault, or hides it; and two faults at once."""

import keras
import numpy as np
from keras import layers, optimizers, regularizers

from flatline.keras import MonitorCallback
from tests.gallery.case import hidden, sick
from tests.gallery.data import digits, images
from tests.gallery.nets import cnn


@sick("overfitting", cause=("validation_differs", "inputs_not_scaled"))
def validated_on_raw_pixels(seed: int, callback: MonitorCallback) -> None:
    """Training pictures are standardised, those for validation are left as bytes."""
    x, y = images(1_500, 10, 5, seed, noise=0.8)
    raw = np.rint(255 * x)
    train, held_out = raw[:1_200], raw[1_200:]
    model = cnn(10, 5, 8, 8, optimizer=optimizers.Adam(0.003))
    model.fit(
        *((train - train.mean()) / train.std(), y[:1_200]),
        epochs=12,
        validation_data=(held_out, y[1_200:]),
        verbose=0,
        callbacks=[callback],
    )


@sick("overfitting", cause=("batch_too_small", "normalisation_wrong"))
def norms_of_two_pictures(seed: int, callback: MonitorCallback) -> None:
    """Faint bars, normalised over batches of two, and moving means that do not move."""
    x, y = images(600, 10, 4, seed, noise=0.5)
    x = 200 + 30 * x
    model = keras.Sequential([layers.Input((10, 10, 1))])
    for filters in (8, 8):
        model.add(layers.Conv2D(filters, 3, use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.99999))
        model.add(layers.Activation("tanh"))
    model.add(layers.Flatten())
    model.add(layers.Dense(4, activation="softmax"))
    model.compile(optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        *(x[:160], y[:160]),
        batch_size=2,
        epochs=8,
        validation_data=(x[200:], y[200:]),
        verbose=0,
        callbacks=[callback],
    )


@hidden("leak")
def validated_on_what_was_learned(seed: int, callback: MonitorCallback) -> None:
    """The validation data are copies of pictures that are trained on."""
    x, y = digits()
    chosen = np.random.default_rng(seed).choice(1_400, 400, replace=False)
    model = cnn(8, 10, 12)
    model.fit(
        *(x[:1_400], y[:1_400]),
        epochs=9,
        validation_data=(x[chosen], y[chosen]),
        verbose=0,
        callbacks=[callback],
    )


@hidden("leak")
def the_answer_in_a_corner(seed: int, callback: MonitorCallback) -> None:
    """A stamp of the scanner in a corner says which class it is."""
    x, y = images(1_000, 10, 4, seed, noise=0.9)
    x[:, 0, 0, 0] = y / 3
    x[:, 0, 1, 0] = y % 2
    model = cnn(10, 4, 8, 8)
    model.fit(x, y, epochs=12, validation_split=0.3, verbose=0, callbacks=[callback])


@hidden("not_shuffled")
def never_shuffled_but_mixed(seed: int, callback: MonitorCallback) -> None:
    """Batches come in the same order in each epoch, and each holds all classes."""
    x, y = images(1_280, 10, 4, seed, noise=0.8)
    model = cnn(10, 4, 8, optimizer=optimizers.SGD(0.1))
    model.fit(x, y, epochs=11, shuffle=False, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    "input_scale",
    "init_loss",
    "no_skill",
    "stagnation",
    "dead_units",
    "frozen_layer",
    "update_ratio",
    "weight_growth",
    "class_collapse",
    cause=("inputs_not_scaled", "learning_rate_too_high"),
)
def raw_pixels_at_a_high_rate(seed: int, callback: MonitorCallback) -> None:
    """Pixels of 0..255 and SGD at .1: either alone would do."""
    x, y = images(1_000, 10, 5, seed)
    model = cnn(10, 5, 8, 8, optimizer=optimizers.SGD(0.1))
    model.fit(255 * x, y, epochs=5, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    "not_shuffled",
    "no_skill",
    "stagnation",
    "dead_units",
    "update_ratio",
    "class_collapse",
    cause=("not_shuffled", "learning_rate_too_high"),
)
def in_order_and_too_fast(seed: int, callback: MonitorCallback) -> None:
    """Sorted by class, and Adam at .05."""
    x, y = images(1_200, 10, 5, seed, noise=0.6)
    order = np.argsort(y[:1_000])
    model = cnn(10, 5, 8, 8, optimizer=optimizers.Adam(0.05))
    model.fit(
        *(x[:1_000][order], y[:1_000][order]),
        epochs=11,
        shuffle=False,
        validation_data=(x[1_000:], y[1_000:]),
        verbose=0,
        callbacks=[callback],
    )


@sick("overfitting", cause=("too_little_data", "noisy_labels"), at_end=True)
def few_pictures_and_wrong_labels(seed: int, callback: MonitorCallback) -> None:
    """Two hundred digits, three of ten with another label."""
    x, y = digits()
    rng = np.random.default_rng(seed)
    wrong = np.where(rng.random(200) < 0.3, rng.integers(0, 10, 200), y[:200])
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizers.RMSprop(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(
        *(x[:200], wrong),
        batch_size=20,
        epochs=45,
        validation_data=(x[1_000:], y[1_000:]),
        verbose=0,
        callbacks=[callback],
    )


@sick(
    "no_skill",
    "over_regularised",
    "class_collapse",
    cause=("regularization_too_strong", "learning_rate_too_low"),
)
def pulled_to_zero_and_slow(seed: int, callback: MonitorCallback) -> None:
    """L2 of 1 on each kernel, and Adam at .00005."""
    x, y = digits()
    model = cnn(
        8, 10, 8, 8, optimizer=optimizers.Adam(5e-5), kernel_regularizer=regularizers.L2(1.0)
    )
    model.fit(x, y, batch_size=40, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])
