"""Dense classifiers whose labels are at fault, and some where nobody can see it."""

import contextlib
from typing import Any

import keras
import numpy as np
from keras import callbacks, layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import hidden, sick
from tests.gallery.data import blobs, digits, linear
from tests.gallery.nets import classifier, softmax


@sick("no_skill", cause="no_information")
def labels_in_another_order(seed: int, callback: MonitorCallback) -> None:
    """The labels were shuffled and the inputs were not."""
    x, y = blobs(2_000, 20, 10, seed)
    np.random.default_rng(seed).shuffle(y)
    model = softmax(20, 10, 16)
    model.fit(x, y, epochs=8, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("no_skill", "input_scale", "init_loss", cause=("no_information", "inputs_not_scaled"))
def a_coin_for_each_label(seed: int, callback: MonitorCallback) -> None:
    """A hundred samples of three features up to a hundred, labelled by the toss of a coin."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 100, (100, 3)).astype("float32")
    model = classifier(3, 16)
    model.fit(x, rng.integers(0, 2, 100), epochs=110, verbose=0, callbacks=[callback])


@sick("class_collapse", "no_skill", cause="class_imbalance")
def one_in_a_hundred(seed: int, callback: MonitorCallback) -> None:
    """Forty of four thousand are of the second class, and are given up."""
    rng = np.random.default_rng(seed)
    y = (rng.permutation(4_000) < 40).astype(int)
    x = (rng.normal(size=(4_000, 10)) + 0.6 * y[:, None]).astype("float32")
    model = classifier(10, 16)
    model.fit(x, y, batch_size=64, epochs=8, verbose=0, callbacks=[callback])


@sick("starved_class", cause=("capacity_too_small", "class_imbalance"))
def a_class_around_another(seed: int, callback: MonitorCallback) -> None:
    """Four classes are learned; the fifth, a tenth of all, lies around the first, out of sight."""
    rng = np.random.default_rng(seed)
    y = rng.choice(5, 3_000, p=[0.225, 0.225, 0.225, 0.225, 0.1])
    centres = 1.5 * rng.normal(size=(5, 8))
    centres[4] = centres[0]
    spread = np.where(y == 4, 2.0, 0.5)[:, None]
    x = (spread * rng.normal(size=(3_000, 8)) + centres[y]).astype("float32")
    model = softmax(8, 5, optimizer=optimizers.Adam(0.01))
    model.fit(
        *(x, y), batch_size=40, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@sick("overfitting", cause=("too_little_data", "regularization_missing"), at_end=True)
def sixty_samples_by_heart(seed: int, callback: MonitorCallback) -> None:
    """Sixty samples of two hundred features: the training is perfect, the validation is not."""
    x, y = blobs(90, 200, 2, seed, apart=0.08)
    model = classifier(200, 256, 256)
    model.fit(
        *(x, y), batch_size=10, epochs=50, validation_split=0.33, verbose=0, callbacks=[callback]
    )


@sick("overfitting", cause=("noisy_labels", "regularization_missing"), at_end=True)
def wrong_labels_by_heart(seed: int, callback: MonitorCallback) -> None:
    """A quarter of the labels is wrong, and a large network learns each of them."""
    x, y = blobs(500, 20, 2, seed, apart=0.7)
    y = np.where(np.random.default_rng(seed + 9).random(500) < 0.25, 1 - y, y)
    model = classifier(20, 256, 128)
    model.fit(x, y, epochs=40, validation_split=0.3, verbose=0, callbacks=[callback])


@sick("overfitting", cause="no_information")
def noise_by_heart(seed: int, callback: MonitorCallback) -> None:
    """Random labels for a large network: it learns them all, and nothing of the validation."""
    x, _ = linear(400, 30, seed)
    y = np.random.default_rng(seed + 5).integers(0, 4, 400)
    model = softmax(30, 4, 256, 256)
    model.fit(x, y, epochs=40, validation_split=0.25, verbose=0, callbacks=[callback])


class Impatience(callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Presses Ctrl-C when ten epochs have brought nothing."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Press it."""
        if epoch >= 9 and (logs or {}).get("accuracy", 1.0) < 0.5:
            raise KeyboardInterrupt


@sick(*("no_skill", "stagnation"), cause="no_information")
def stopped_as_it_does_not_learn(seed: int, callback: MonitorCallback) -> None:
    """Digits with shuffled labels; Ctrl-C before half of the plan."""
    x, y = digits()
    rng = np.random.default_rng(seed)
    model = softmax(64, 10, 16)
    with contextlib.suppress(KeyboardInterrupt):
        model.fit(
            x.reshape(-1, 64),
            rng.permutation(y),
            batch_size=40,
            epochs=24,
            verbose=0,
            callbacks=[callback, Impatience()],
        )


@hidden("no_information")
def coins_by_heart_without_validation(seed: int, callback: MonitorCallback) -> None:
    """Random labels of 150 samples, learned by heart, and no validation to tell."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(150, 40)).astype("float32"), rng.integers(0, 2, 150)
    model = classifier(40, 128, optimizer=optimizers.Adam(0.005))
    model.fit(x, y, batch_size=10, epochs=20, verbose=0, callbacks=[callback])


@hidden("leak")
def validated_on_what_it_has_seen(seed: int, callback: MonitorCallback) -> None:
    """The validation set is a part of the training set."""
    x, y = blobs(1_200, 16, 4, seed)
    model = softmax(16, 4, 32)
    model.fit(
        *(x, y), epochs=10, validation_data=(x[:300], y[:300]), verbose=0, callbacks=[callback]
    )


@hidden("noisy_labels")
def one_label_in_a_hundred_wrong(seed: int, callback: MonitorCallback) -> None:
    """A few labels of six classes are wrong: less than would be seen."""
    x, y = blobs(1_800, 16, 6, seed)
    rng = np.random.default_rng(seed + 3)
    y = np.where(rng.random(1_800) < 0.01, rng.integers(0, 6, 1_800), y)
    model = keras.Sequential([layers.Input((16,)), layers.Dense(24, "selu")])
    model.add(layers.Dense(6, "softmax"))
    model.compile(optimizers.Adamax(0.004), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=9, validation_split=0.2, verbose=0, callbacks=[callback])
