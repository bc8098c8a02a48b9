"""Short trainings, of 13 to 144 steps, whose data are at fault."""

from collections.abc import Iterator

import keras
import numpy as np
from keras import callbacks, layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import Pair, blobs, digits, images, table, waves
from tests.gallery.nets import cnn, dense, regressor, softmax


@sick("non_finite", cause="bad_values_in_data")
def twelve_rows_and_a_gap(seed: int, callback: MonitorCallback) -> None:
    """A dozen rows in batches of four, one of them without an age."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(20, 60, 12)
    age[7] = float("nan")
    income = rng.uniform(1, 5, 12)
    x = np.stack([age / 60, income / 5], axis=1)
    y = (income > 3).astype(int)
    model = dense(2, 8)
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=4, epochs=10, verbose=0, callbacks=[callback])


@sick("non_finite", "input_scale", "init_loss", cause="inputs_not_scaled")
def gave_up_when_the_loss_was_nan(seed: int, callback: MonitorCallback) -> None:
    """Altitudes in the thousands by plain descent, batch by batch, until it raises an error."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 4_000, (400, 5)).astype("float32")
    y = (x[:, 0] - x[:, 1]) / 4_000 + 0.05 * rng.normal(size=400)
    model = regressor(5, 16, optimizer=optimizers.SGD(0.01))
    with callback.watch(model):
        for i in range(0, 400, 10):
            loss = model.train_on_batch(x[i : i + 10], y[i : i + 10])
            if i >= 120 and not np.isfinite(loss):
                message = f"loss is {loss}"
                raise ValueError(message)


@sick("no_skill", cause="no_information")
def labels_one_row_too_late(seed: int, callback: MonitorCallback) -> None:
    """The header was skipped in the labels only: each flower has the species of the next."""
    del seed
    x, y = table("iris")
    model = softmax(4, 3, 10, optimizer=optimizers.Adam(0.01))
    model.fit(x[:-1], y[1:], batch_size=50, epochs=14, verbose=0, callbacks=[callback])


@sick(
    *("input_scale", "init_loss", "no_skill", "class_collapse", "weight_growth"),
    *("dead_units", "frozen_layer"),
    cause="inputs_not_scaled",
)
def pictures_of_sixteen_bits(seed: int, callback: MonitorCallback) -> None:
    """One epoch of pictures from 0 to 65,535, as the microscope has saved them."""
    x, y = images(960, 12, 3, seed)
    model = cnn(12, 3, 8, 16, optimizer=optimizers.SGD(0.05))
    model.fit(x * 65_535, y, batch_size=20, epochs=1, verbose=0, callbacks=[callback])


@sick("no_skill", cause="no_information")
def reshaped_when_it_should_be_transposed(seed: int, callback: MonitorCallback) -> None:
    """A row for each feature became a row for each sample by reshape: all is mixed up."""
    x, y = blobs(2_000, 10, 4, seed)
    columns = np.ascontiguousarray(x.T)
    x = columns.reshape(2_000, 10)
    model = softmax(10, 4, 16, optimizer=optimizers.Adam(0.005))
    model.fit(
        *(x, y), batch_size=160, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@sick("not_shuffled", cause="not_shuffled")
def a_generator_that_goes_by_class(seed: int, callback: MonitorCallback) -> None:
    """steps_per_epoch and a generator that reads one folder after the other."""
    x, y = blobs(800, 12, 4, seed, apart=0.6)
    order = np.argsort(y, kind="stable")

    def batches() -> Iterator[Pair]:
        while True:
            for i in range(0, 800, 20):
                rows = order[i : i + 20]
                yield x[rows], y[rows]

    model = softmax(12, 4, 24, optimizer=optimizers.SGD(1.0))
    model.fit(batches(), steps_per_epoch=40, epochs=3, verbose=0, callbacks=[callback])


@sick("input_scale", "init_loss", "no_skill", cause="inputs_not_scaled")
def the_year_as_it_is(seed: int, callback: MonitorCallback) -> None:
    """Seventy years from 1950 on, and how much warmer each was: in batches of ten."""
    rng = np.random.default_rng(seed)
    year = np.arange(1950, 2020, dtype="float32")
    warmer = 0.3 * ((year - 1985) / 20) + 0.05 * rng.normal(size=70)
    model = keras.Sequential([layers.Input((1,)), layers.Dense(10), layers.Dense(1)])
    model.compile(optimizer=optimizers.Adam(0.01), loss="mse")
    model.fit(year, warmer, batch_size=10, epochs=15, verbose=0, callbacks=[callback])


@sick("no_skill", cause="no_information")
def waves_and_what_follows_others(seed: int, callback: MonitorCallback) -> None:
    """An LSTM whose windows were shuffled, and whose targets were not."""
    x, y = waves(400, 12, seed)
    np.random.default_rng(seed).shuffle(x)
    model = keras.Sequential([layers.Input((12, 1)), layers.LSTM(12), layers.Dense(1)])
    model.compile(loss="mean_squared_error", optimizer=optimizers.Adam(0.01))
    model.fit(
        *(x, y), batch_size=32, epochs=12, validation_split=0.25, verbose=0, callbacks=[callback]
    )


class DiskFullError(Exception):
    """Nothing can be saved."""


class Save(callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Saves after each epoch, which goes well six times."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 6:
            message = "No space left on device"
            raise DiskFullError(message)


@sick("input_scale", "saturated_activations", cause=("inputs_not_scaled", "saturating_activations"))
def bytes_into_a_tanh(seed: int, callback: MonitorCallback) -> None:
    """Pixels to 255 in two layers of tanh, until the disk is full."""
    del seed
    x, y = digits(pixels=True)
    x = x.reshape(-1, 64) * 15.9375
    model = softmax(64, 10, 32, 32, activation="tanh")
    model.fit(x, y, batch_size=90, epochs=7, verbose=0, callbacks=[callback, Save()])
