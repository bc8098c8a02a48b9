"""Short trainings with a fault of which nothing shows while they train."""

import keras
import numpy as np
from keras import optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import hidden
from tests.gallery.data import blobs, linear, table
from tests.gallery.nets import classifier, dense, regressor, softmax


@hidden("wrong_last_layer_or_loss")
def two_sigmoids_for_yes_and_no(seed: int, callback: MonitorCallback) -> None:
    """One-hot labels of two classes, two sigmoids and binary cross-entropy: it works."""
    x, y = blobs(480, 6, 2, seed, apart=1.2)
    labels = np.zeros((480, 2))
    labels[np.arange(480), y] = 1
    model = dense(6, 12, out=2, last="sigmoid")
    model.compile(optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, labels, batch_size=20, verbose=0, callbacks=[callback])


@hidden("leak")
def judged_by_what_it_has_learned(seed: int, callback: MonitorCallback) -> None:
    """The accuracy that is reported afterwards is that of the training samples."""
    x, y = blobs(384, 10, 2, seed, apart=0.6)
    model = classifier(10, 16, optimizer=optimizers.Adam(0.01))
    model.fit(x, y, batch_size=64, epochs=10, verbose=0, callbacks=[callback])
    model.evaluate(x, y, verbose=0)


@hidden("noisy_labels")
def one_flower_is_of_another_species(seed: int, callback: MonitorCallback) -> None:
    """A slip in the twelfth row of a hundred and fifty."""
    del seed
    x, y = table("iris")
    y[11] = (y[11] + 1) % 3
    model = softmax(4, 3, 16, optimizer=optimizers.Adam(0.02))
    model.fit(x, y, batch_size=15, epochs=12, verbose=0, callbacks=[callback])


@hidden("normalisation_wrong")
def each_table_in_its_own_deviations(seed: int, callback: MonitorCallback) -> None:
    """Training and validation were scaled by statistics of their own, which are nearly equal."""
    x, y = linear(1_000, 6, seed, noise=0.4)
    x = 3 + 2 * x
    parts = [(part - part.mean(0)) / part.std(0) for part in (x[:700], x[700:])]
    model = regressor(6, 16, optimizer=keras.optimizers.Adam(0.02))
    model.fit(
        *(parts[0], y[:700]),
        validation_data=(parts[1], y[700:]),
        batch_size=70,
        epochs=11,
        verbose=0,
        callbacks=[callback],
    )
