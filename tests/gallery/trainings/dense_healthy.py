"""Dense classifiers that learn as they should, on data of many kinds."""

import keras

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import blobs, imbalanced, moons
from tests.gallery.nets import classifier, softmax


@healthy
def blobs_by_adam(seed: int, callback: MonitorCallback) -> None:
    """Two separable classes, a small network, Adam at its default."""
    x, y = blobs(1_000, 20, 2, seed)
    model = classifier(20, 32, 16)
    model.fit(x, y, epochs=20, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def blobs_by_plain_descent(seed: int, callback: MonitorCallback) -> None:
    """Twenty classes by SGD at .01: slow, but steadily."""
    x, y = blobs(4_000, 30, 20, seed)
    model = softmax(30, 20, 64, 64, optimizer=keras.optimizers.SGD(0.01))
    model.fit(x, y, epochs=15, verbose=0, callbacks=[callback])


@healthy
def moons_in_full_batches(seed: int, callback: MonitorCallback) -> None:
    """Three hundred epochs of one step each."""
    x, y = moons(200, seed)
    model = classifier(2, 32, 32, optimizer=keras.optimizers.Adam(0.01))
    model.fit(x, y, epochs=300, batch_size=200, verbose=0, callbacks=[callback])


@healthy
def one_in_twenty(seed: int, callback: MonitorCallback) -> None:
    """A rare class that is learned nevertheless."""
    x, y = imbalanced(4_000, 20, 0.05, seed)
    model = classifier(20, 32)
    model.fit(x, y, epochs=25, verbose=0, callbacks=[callback])
