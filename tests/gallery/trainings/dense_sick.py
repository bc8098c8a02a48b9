"""Dense classifiers with one fault each."""

import keras
import numpy as np

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import blobs
from tests.gallery.nets import classifier


@sick(
    "vanishing_gradient",
    "stagnation",
    "no_skill",
    "class_collapse",
    cause="saturating_activations",
)
def twelve_sigmoids(seed: int, callback: MonitorCallback) -> None:
    """Separable classes behind twelve layers of sigmoids."""
    x, y = blobs(1_000, 20, 2, seed)
    model = classifier(20, *[16] * 12, activation="sigmoid")
    model.fit(x, y, epochs=20, verbose=0, callbacks=[callback])


@sick("update_ratio", "stagnation", "no_skill", cause="learning_rate_too_low")
def rate_of_a_millionth(seed: int, callback: MonitorCallback) -> None:
    """SGD at a rate of 0.000001."""
    x, y = blobs(800, 10, 2, seed)
    model = classifier(10, 32, optimizer=keras.optimizers.SGD(1e-6))
    model.fit(x, y, epochs=15, verbose=0, callbacks=[callback])


@sick("non_finite", cause="bad_values_in_data", onset=0.5)
def a_gap_in_the_table(seed: int, callback: MonitorCallback) -> None:
    """One value is missing, and is met half way through an unshuffled epoch."""
    x, y = blobs(3_200, 10, 2, seed)
    x[1_600, 3] = np.nan
    model = classifier(10, 32)
    model.fit(x, y, epochs=1, shuffle=False, verbose=0, callbacks=[callback])
