"""Dense classifiers of very few samples, of very few steps, or of odd batches; they learn."""

import keras
import numpy as np
from keras import layers, losses, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import blobs, circles, linear, moons
from tests.gallery.nets import classifier, dense, softmax

XOR = (np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), np.array([0, 1, 1, 0]))


@healthy
def xor_with_a_hidden_layer(seed: int, callback: MonitorCallback) -> None:
    """Four points, all of them in each step, learned by heart as they should be."""
    del seed
    model = classifier(2, 8, activation="tanh", optimizer=optimizers.Adam(0.05))
    model.fit(*XOR, epochs=200, batch_size=4, verbose=0, callbacks=[callback])


@healthy
def xor_one_point_at_a_time(seed: int, callback: MonitorCallback) -> None:
    """Four points again, in eight hundred steps of one, nearly flat at first."""
    del seed
    model = classifier(2, 32, optimizer=optimizers.Adam(0.005))
    model.fit(*XOR, batch_size=1, epochs=200, verbose=0, callbacks=[callback])


@healthy
def eight_samples_by_hinge(seed: int, callback: MonitorCallback) -> None:
    """Labels of -1 and 1, a tanh at the end, hinge loss, no metrics."""
    x, _ = blobs(8, 5, 2, seed)
    y = np.where(np.arange(8) % 2, 1.0, -1.0)
    model = dense(5, 16, last="tanh")
    model.compile(optimizers.Adam(0.01), "hinge")
    model.fit(x, y, epochs=110, verbose=0, callbacks=[callback])


@healthy
def thirty_samples_by_focal_loss(seed: int, callback: MonitorCallback) -> None:
    """Ten of thirty are positive; focal loss begins at a quarter of the entropy."""
    x, _ = linear(30, 4, seed)
    y = (x[:, 0] + x[:, 1] > 0.6).astype("float32")
    model = dense(4, 12)
    model.compile(optimizers.Adam(0.02), losses.BinaryFocalCrossentropy(), metrics=["accuracy"])
    model.fit(x, y[:, None], batch_size=10, epochs=60, verbose=0, callbacks=[callback])


@healthy
def batches_of_four(seed: int, callback: MonitorCallback) -> None:
    """Moons in batches of four, by RMSprop: a very noisy loss that falls."""
    x, y = moons(400, seed)
    model = classifier(2, 24, 24, optimizer=optimizers.RMSprop(0.002))
    model.fit(x, y, batch_size=4, epochs=12, verbose=0, callbacks=[callback])


@healthy
def one_epoch_of_twenty_steps(seed: int, callback: MonitorCallback) -> None:
    """640 samples, seen once."""
    x, y = blobs(640, 10, 2, seed, apart=1.5)
    model = classifier(10, 32, optimizer=optimizers.Adam(0.01))
    model.fit(x, y, verbose=0, callbacks=[callback])


@healthy
def a_dozen_steps(seed: int, callback: MonitorCallback) -> None:
    """Four classes that lie far apart, in three epochs of four large batches."""
    x, y = blobs(800, 8, 4, seed, apart=3.0)
    model = softmax(8, 4, 32, optimizer=optimizers.Adam(0.02))
    model.fit(x, y, batch_size=200, epochs=3, verbose=0, callbacks=[callback])


@healthy
def long_after_everything_is_learned(seed: int, callback: MonitorCallback) -> None:
    """Sixty samples; after a tenth of seven hundred steps the loss is next to nothing."""
    x, y = blobs(60, 6, 3, seed, apart=3.0)
    model = softmax(6, 3, 16, optimizer=optimizers.Adam(0.02))
    model.fit(x, y, batch_size=10, epochs=120, verbose=0, callbacks=[callback])


@healthy
def rings_from_a_hundred_samples(seed: int, callback: MonitorCallback) -> None:
    """Two rings with validation after each epoch of three steps; slow at first, then learned."""
    x, y = circles(120, seed, noise=0.05)
    model = keras.Sequential([layers.Input((2,)), layers.Dense(40, activation="gelu")])
    model.add(layers.Dense(40, activation="gelu"))
    model.add(layers.Dense(2, activation="softmax"))
    model.compile(optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=45, validation_split=0.2, verbose=0, callbacks=[callback])
