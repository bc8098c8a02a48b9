"""Short trainings in other ways than by one plain call of fit, or that do not end as planned."""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np
from keras import callbacks, layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import Pair, blobs, circles, images, table, waves
from tests.gallery.nets import classifier, cnn, dense, softmax


@healthy
def two_dozen_batches_from_a_generator(seed: int, callback: MonitorCallback) -> None:
    """steps_per_epoch of eight, three epochs, of a generator that never ends."""
    x, y = blobs(500, 8, 3, seed, apart=1.5)

    def draw() -> Iterator[Pair]:
        rng = np.random.default_rng(seed)
        while True:
            rows = rng.integers(0, 500, 25)
            yield x[rows], keras.utils.to_categorical(y[rows], num_classes=3)

    model = dense(8, 16, out=3, last="softmax")
    model.compile(
        loss="categorical_crossentropy", optimizer=optimizers.Adam(0.02), metrics=["accuracy"]
    )
    model.fit(draw(), steps_per_epoch=8, epochs=3, verbose=0, callbacks=[callback])


@healthy
def forty_fits_of_one_step(seed: int, callback: MonitorCallback) -> None:
    """A loop around fit, whose only epoch is one step, with a list of losses."""
    x, y = blobs(60, 4, 2, seed, apart=1.2)
    model = classifier(4, 8, optimizer=optimizers.Adam(0.03))
    losses = []
    for _ in range(40):
        fit = model.fit(x, y, batch_size=60, epochs=1, verbose=0, callbacks=[callback])
        losses.append(fit.history["loss"][0])


@healthy
def until_the_loss_is_small(seed: int, callback: MonitorCallback) -> None:
    """train_on_batch in a while loop: nobody knows how many there will be."""
    rng = np.random.default_rng(seed)
    x, y = circles(300, seed, noise=0.05)
    model = classifier(2, 32, 16, optimizer=optimizers.Adam(0.02))
    recent = [1.0] * 5
    with callback.watch(model):
        while np.mean(recent[-5:]) > 0.1 and len(recent) < 150:
            rows = rng.choice(300, 50, replace=False)
            recent.append(float(model.train_on_batch(x[rows], y[rows])[0]))


class Impatient(callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Presses Ctrl-C after fifty steps."""

    def __init__(self):
        super().__init__()
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == 50:
            raise KeyboardInterrupt


@healthy
def good_enough_after_fifty(seed: int, callback: MonitorCallback) -> None:
    """Bars at three angles, one epoch of eighty batches of four, and Ctrl-C."""
    x, y = images(320, 10, 3, seed, noise=0.1)
    model = cnn(10, 3, 8, optimizer=optimizers.Adam(0.005))
    with contextlib.suppress(KeyboardInterrupt):
        model.fit(x, y, batch_size=4, verbose=0, callbacks=[callback, Impatient()])


class Upload(callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Sends the model away after the tenth epoch, and cannot."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 9:
            message = "could not connect"
            raise ConnectionError(message)


@healthy
def learned_but_not_delivered(seed: int, callback: MonitorCallback) -> None:
    """Wine in batches of fourteen; after a hundred and ten steps an upload raises an error."""
    del seed
    x, y = table("wine")
    model = softmax(13, 3, 24, optimizer=optimizers.RMSprop(0.003))
    model.fit(
        *(x, y),
        batch_size=14,
        epochs=12,
        validation_split=0.15,
        verbose=0,
        callbacks=[callback, Upload()],
    )


@healthy
def waves_by_a_small_gru(seed: int, callback: MonitorCallback) -> None:
    """Ten epochs of thirteen steps, with validation on the last fifth."""
    x, y = waves(500, 10, seed)
    model = keras.Sequential([layers.Input((10, 1)), layers.GRU(8), layers.Dense(1)])
    model.compile("adam", "mse")
    model.optimizer.learning_rate = 0.01
    model.fit(x, y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])
