"""Dense classifiers whose labels are rare, noisy, many, weighed or softened; they learn."""

import keras
import numpy as np
from keras import layers, losses, optimizers, regularizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import blobs, imbalanced, linear, table
from tests.gallery.nets import classifier, dense, softmax


@healthy
def four_of_five_are_no(seed: int, callback: MonitorCallback) -> None:
    """80 to 20, learned without any weights."""
    x, y = imbalanced(1_500, 12, 0.2, seed)
    model = classifier(12, 24, optimizer=optimizers.Adam(0.003))
    model.fit(x, y, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def one_in_twenty_weighed(seed: int, callback: MonitorCallback) -> None:
    """95 to 5, and class weights that make up for it."""
    x, y = imbalanced(2_000, 10, 0.05, seed)
    model = classifier(10, 16, optimizer=optimizers.Adam(0.005))
    model.fit(*(x, y), epochs=10, class_weight={0: 0.53, 1: 10.0}, verbose=0, callbacks=[callback])


@healthy
def three_classes_80_15_5(seed: int, callback: MonitorCallback) -> None:
    """Three classes of very different size."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, 2_000, p=[0.8, 0.15, 0.05])
    x = (rng.normal(size=(2_000, 8)) + 1.5 * rng.normal(size=(3, 8))[y]).astype("float32")
    model = softmax(8, 3, 32)
    model.fit(x, y, epochs=9, validation_split=0.15, verbose=0, callbacks=[callback])


@healthy
def three_of_ten_labels_flipped(seed: int, callback: MonitorCallback) -> None:
    """Three of ten labels are wrong: accuracy cannot pass 70 %, and gets near it."""
    x, y = blobs(2_500, 10, 2, seed, apart=1.5)
    y = np.where(np.random.default_rng(seed + 1).random(2_500) < 0.3, 1 - y, y)
    decay = regularizers.L2(1e-3)
    model = classifier(10, 8, optimizer=optimizers.Adam(0.003), kernel_regularizer=decay)
    model.fit(
        *(x, y), batch_size=50, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@healthy
def two_of_five_labels_flipped(seed: int, callback: MonitorCallback) -> None:
    """Logistic regression on 60 % of truth: a skill of three hundredths is all there is."""
    x, y = blobs(5_000, 6, 2, seed, apart=2.0)
    y = np.where(np.random.default_rng(seed + 1).random(5_000) < 0.4, 1 - y, y)
    model = classifier(6, optimizer=optimizers.Adam(0.03))
    model.fit(
        *(x, y), batch_size=100, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@healthy
def a_fifth_of_seven_classes_wrong(seed: int, callback: MonitorCallback) -> None:
    """Seven classes, a fifth of the labels drawn at random, dropout against learning them."""
    x, y = blobs(2_000, 12, 7, seed)
    rng = np.random.default_rng(seed + 1)
    y = np.where(rng.random(2_000) < 0.2, rng.integers(0, 7, 2_000), y)
    model = keras.Sequential([layers.Input((12,))])
    model.add(layers.Dense(32, activation="relu"))
    model.add(layers.Dropout(0.3))
    model.add(layers.Dense(7, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def smoothed_labels(seed: int, callback: MonitorCallback) -> None:
    """Five classes with labels smoothed by a tenth: the loss has a floor above zero."""
    x, y = blobs(1_200, 15, 5, seed)
    model = dense(15, 40, out=5, last="softmax")
    model.compile(
        optimizers.AdamW(0.002),
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy"],
    )
    model.fit(x, keras.utils.to_categorical(y, 5), epochs=10, verbose=0, callbacks=[callback])


@healthy
def samples_weighed_by_age(seed: int, callback: MonitorCallback) -> None:
    """Weights from .02 to 1, as for samples that grow old; the loss is that much smaller."""
    x, y = blobs(1_000, 10, 3, seed)
    model = softmax(10, 3, 20, optimizer=optimizers.SGD(0.2, momentum=0.5))
    weight = np.geomspace(0.02, 1, 1_000)
    model.fit(x, y, sample_weight=weight, epochs=15, verbose=0, callbacks=[callback])


@healthy
def fifty_classes(seed: int, callback: MonitorCallback) -> None:
    """Fifty classes of sixty samples each: a slow beginning."""
    x, y = blobs(3_000, 30, 50, seed)
    model = softmax(30, 50, 96, optimizer=optimizers.Adam(0.002))
    model.fit(
        *(x, y), batch_size=64, epochs=12, validation_split=0.1, verbose=0, callbacks=[callback]
    )


@healthy
def eight_tags_at_once(seed: int, callback: MonitorCallback) -> None:
    """Eight independent labels, each true of a seventh of the samples."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2_000, 16)).astype("float32")
    y = (x @ rng.normal(size=(16, 8)) / 4 > 1).astype("float32")
    model = dense(16, 48, out=8)
    model.compile(optimizers.Adam(0.003), "binary_crossentropy", metrics=["binary_accuracy"])
    model.fit(x, y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def a_weak_signal(seed: int, callback: MonitorCallback) -> None:
    """Clicks that depend on one feature of ten, and on much else: little can be known."""
    x, _ = linear(5_000, 10, seed)
    chance = np.random.default_rng(seed + 1).random(5_000)
    y = (chance < 1 / (1 + np.exp(0.5 - 0.9 * x[:, 0]))).astype("float32")
    model = classifier(10, 8)
    model.fit(
        *(x, y), batch_size=64, epochs=6, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@healthy
def cancer_by_squared_hinge(seed: int, callback: MonitorCallback) -> None:
    """A linear output with labels of -1 and 1: a support vector machine of sorts."""
    del seed
    x, y = table("breast_cancer")
    model = dense(30, last=None)
    model.compile("adam", "squared_hinge")
    model.fit(x, 2.0 * y - 1, epochs=30, validation_split=0.2, verbose=0, callbacks=[callback])
