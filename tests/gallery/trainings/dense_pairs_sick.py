"""Dense classifiers with two faults each."""

import keras
import numpy as np
from keras import layers, optimizers, regularizers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import blobs, imbalanced, table
from tests.gallery.nets import classifier, softmax


@sick(
    *(
        "class_collapse",
        "no_skill",
        "dead_units",
        "divergence",
        "gradient_explosion",
        "loss_spike",
        "weight_growth",
        "update_spike",
    ),
    cause=("learning_rate_too_high", "class_imbalance"),
)
def high_rate_on_rare_events(seed: int, callback: MonitorCallback) -> None:
    """95 to 5 and Adam at .5: it flees to the commoner class and stays there."""
    x, y = imbalanced(1_500, 15, 0.05, seed)
    model = classifier(15, 32, 16, optimizer=optimizers.Adam(0.5))
    model.fit(x, y, epochs=10, verbose=0, callbacks=[callback])


@sick(
    *("vanishing_gradient", "stagnation", "no_skill", "class_collapse"),
    cause=("saturating_activations", "learning_rate_too_low"),
)
def deep_sigmoids_at_a_low_rate(seed: int, callback: MonitorCallback) -> None:
    """Eight layers of sigmoids, and SGD at .0001 as well."""
    x, y = blobs(640, 10, 4, seed)
    model = softmax(10, 4, *[16] * 8, activation="sigmoid", optimizer=optimizers.SGD(1e-4))
    model.fit(x, y, epochs=12, verbose=0, callbacks=[callback])


@sick(
    *("not_shuffled", "input_scale", "dead_units", "frozen_layer", "no_skill", "class_collapse"),
    cause=("not_shuffled", "inputs_not_scaled"),
)
def sorted_and_unscaled(seed: int, callback: MonitorCallback) -> None:
    """Breast cancer in its own units, first all of one kind and then all of the other."""
    del seed
    x, y = table("breast_cancer", scaled=False)
    order = np.argsort(y, kind="stable")
    model = classifier(30, 16, optimizer="sgd")
    model.fit(
        *(x[order], y[order]),
        batch_size=16,
        epochs=10,
        shuffle=False,
        verbose=0,
        callbacks=[callback],
    )


@sick(
    *("no_skill", "over_regularised"),
    cause=("no_information", "regularization_too_strong"),
)
def no_signal_and_much_decay(seed: int, callback: MonitorCallback) -> None:
    """Labels that belong to other rows, and L2 of a tenth with a dropout of one half."""
    x, y = blobs(800, 12, 3, seed)
    y = np.roll(y, 7)
    model = keras.Sequential([layers.Input((12,))])
    for _ in range(2):
        model.add(layers.Dense(24, activation="relu", kernel_regularizer=regularizers.L2(0.1)))
        model.add(layers.Dropout(0.5))
    model.add(layers.Dense(3, activation="softmax"))
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback])
