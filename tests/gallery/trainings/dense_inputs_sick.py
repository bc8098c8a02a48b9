"""Dense classifiers whose inputs are at fault."""

import keras
import numpy as np
from keras import layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import blobs, imbalanced, linear, table
from tests.gallery.nets import classifier, dense, softmax


@sick(*("input_scale", "init_loss", "no_skill", "divergence"), cause="inputs_not_scaled")
def one_feature_in_millions(seed: int, callback: MonitorCallback) -> None:
    """Nine useful features, and an account number beside them."""
    x, y = blobs(1_000, 9, 2, seed)
    number = np.random.default_rng(seed).uniform(1e6, 9e6, (1_000, 1))
    x = np.hstack([x, number]).astype("float32")
    model = classifier(10, 24)
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    *("input_scale", "dead_units", "frozen_layer", "no_skill", "class_collapse"),
    cause="inputs_not_scaled",
)
def wine_in_its_own_units(seed: int, callback: MonitorCallback) -> None:
    """Columns from .1 to 1,700, straight into plain descent."""
    del seed
    x, y = table("wine", scaled=False)
    model = softmax(13, 3, 16, optimizer="sgd")
    model.fit(x, y, epochs=30, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(*("input_scale", "saturated_activations", "vanishing_gradient"), cause="inputs_not_scaled")
def incomes_up_to_ten_thousand(seed: int, callback: MonitorCallback) -> None:
    """Six columns up to ten thousand in a network of sigmoids."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10_000, (600, 6)).astype("float32")
    y = (x[:, 0] + x[:, 1] > x[:, 2] + x[:, 3]).astype(int)
    model = classifier(6, 16, 8, activation="sigmoid")
    model.fit(x, y, batch_size=20, epochs=15, verbose=0, callbacks=[callback])


@sick(*("no_skill", "stagnation", "class_collapse"), cause="no_information")
def the_same_row_everywhere(seed: int, callback: MonitorCallback) -> None:
    """A slip in the loop that fills the table: each row is the first."""
    source, y = blobs(640, 6, 3, seed)
    x = np.zeros_like(source)
    for row in range(len(x)):
        x[row] = source[0]
    model = softmax(6, 3, 16)
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("non_finite", cause="bad_values_in_data")
def a_ratio_with_nothing_below(seed: int, callback: MonitorCallback) -> None:
    """A feature is a ratio, and in three rows it is one by nothing."""
    x, y = blobs(600, 8, 2, seed)
    below = np.ones(600, "float32")
    below[[50, 300, 420]] = 0
    with np.errstate(divide="ignore"):
        x[:, 2] = np.abs(x[:, 2]) / below
    model = classifier(8, 16)
    model.fit(x, y, epochs=6, verbose=0, callbacks=[callback])


@sick("non_finite", cause="bad_values_in_data", onset=0.3)
def a_label_that_is_missing(seed: int, callback: MonitorCallback) -> None:
    """Labels read as floats, one of them empty, in the order of the file."""
    x, y = imbalanced(2_000, 10, 0.4, seed)
    labels = y.astype("float32")
    labels[600] = np.nan
    model = dense(10, 24)
    model.compile(optimizers.Adam(0.003), "binary_crossentropy")
    model.fit(x, labels, batch_size=20, shuffle=False, epochs=1, verbose=0, callbacks=[callback])


@sick(
    *("no_skill", "input_scale", "init_loss", "dead_units", "plateau"),
    cause="categories_as_numbers",
)
def codes_without_an_order(seed: int, callback: MonitorCallback) -> None:
    """Two hundred codes, each with its own answer, as one number from 0 to 199."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 200, 3_000)
    y = rng.integers(0, 2, 200)[code]
    model = classifier(1, 32)
    model.fit(
        code[:, None].astype("float32"),
        y,
        batch_size=50,
        epochs=10,
        validation_split=0.2,
        verbose=0,
        callbacks=[callback],
    )


@sick("not_shuffled", cause="not_shuffled")
def sorted_by_class(seed: int, callback: MonitorCallback) -> None:
    """Eight classes one after the other, never shuffled: it forgets each for the next."""
    x, y = blobs(2_000, 12, 8, seed)
    order = np.argsort(y[:1_600])
    model = softmax(12, 8, 32, optimizer=optimizers.SGD(0.5))
    model.fit(
        *(x[order], y[order]),
        epochs=10,
        shuffle=False,
        validation_data=(x[1_600:], y[1_600:]),
        verbose=0,
        callbacks=[callback],
    )


@sick(
    *(
        "loss_spike",
        "divergence",
        "gradient_explosion",
        "weight_growth",
        "update_spike",
        "input_scale",
        "no_skill",
        "loss_accuracy_inconsistency",
    ),
    cause="bad_values_in_data",
    onset=0.5,
)
def an_outlier_half_way(seed: int, callback: MonitorCallback) -> None:
    """One value of a billion in the middle of the file ends what had been learned."""
    x, y = linear(4_000, 10, seed)
    labels = (y > 0).astype("float32")
    x[2_000, 4] = 1e9
    model = keras.Sequential(
        [layers.Input((10,)), layers.Dense(24, "relu"), layers.Dense(1, "sigmoid")]
    )
    model.compile(optimizers.SGD(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.fit(*(x, labels), batch_size=20, shuffle=False, epochs=1, verbose=0, callbacks=[callback])
