"""The axes and a model's arrays, large ones among them; metrics and time between the steps."""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.client.models import (
    BITS,
    CLASSES,
    FEATURES,
    SAMPLES,
    STEPS,
    Recording,
    compiled,
    fit,
    mlp,
)
from tests.client.reference import by_hand, watch, zero_share

layers = keras.layers
ROWS, WIDTH, LENGTH = 2**14, 2**6, 256
"""A table of 2**20 elements, and how many of its rows a sample looks up."""
MANY_TOKENS = np.random.default_rng(4).integers(0, ROWS, (SAMPLES, LENGTH)).astype(np.int32)


class Idle(keras.layers.Layer):  # type: ignore[misc]
    """Has an array that should be trained and is not used."""

    def build(self, _: Any) -> None:
        self.used = self.add_weight(shape=(FEATURES,), initializer="ones", name="used")
        self.idle = self.add_weight(shape=(3,), initializer="ones", name="idle")

    def call(self, x: Any) -> Any:
        return x * self.used


def partly_trained() -> Any:
    """A layer with an idle array, a frozen layer, statistics of a batch, and a layer as usual."""
    frozen = layers.Dense(8, activation="relu", name="frozen", trainable=False)
    return keras.Sequential(
        [
            layers.Input((FEATURES,)),
            Idle(name="mine"),
            frozen,
            layers.BatchNormalization(name="norm"),
            layers.Dense(CLASSES, name="out"),
        ]
    )


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_arrays_that_are_not_trained_are_named_apart() -> None:
    """Frozen ones, and those that have no gradient; statistics are not there to be trained."""
    axes = watch(compiled(partly_trained)).axes[0]

    seen = {"/".join(each.path.split("/")[-2:]): each.trainable for each in axes.untrained}
    assert seen == {"mine/idle": True, "frozen/kernel": False, "frozen/bias": False}
    trained = ["/".join(each.path.split("/")[-2:]) for each in axes.variables]
    assert trained == ["mine/used", "norm/gamma", "norm/beta", "out/kernel", "out/bias"]


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_variables_know_the_class_of_their_layer() -> None:
    """As the program calls it, for layers of its own too."""
    axes = watch(compiled(lambda: keras.Sequential([layers.Input((FEATURES,)), mlp()]))).axes[0]
    assert {each.layer_class for each in axes.variables} == {"Dense"}
    assert axes.untrained == ()

    thawed = compiled(partly_trained)
    thawed.get_layer("frozen").trainable = True
    thawed.compile(optimizer="sgd", loss=thawed.loss)
    classes = {each.layer: each.layer_class for each in watch(thawed).axes[0].variables}
    assert classes == {
        "mine": "Idle",
        "frozen": "Dense",
        "norm": "BatchNormalization",
        "out": "Dense",
    }


def table() -> Any:
    return keras.Sequential(
        [
            layers.Input((LENGTH,), dtype="int32"),
            layers.Embedding(ROWS, WIDTH),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def trained_table(optimizer: Callable[[], Any], **arguments: Any) -> Any:
    """Return what a run was given of a large table, and the same steps by hand."""

    def make() -> Any:
        return compiled(table, optimizer=optimizer, loss="binary_crossentropy", **arguments)

    run, reference = watch(make(), MANY_TOKENS, BITS), by_hand(make(), MANY_TOKENS, BITS)
    return run, [reference[step] for step in run.sampled_steps]


def test_norms_of_a_large_table_are_estimated() -> None:
    """Those of the weight and of the update, within 5 %; the others are exact."""
    run, steps = trained_table(lambda: keras.optimizers.Adam(0.01))

    assert [each.estimated for each in run.axes[0].variables] == [True, False, False]
    for name, expected in (
        ("weight_norm", [s.weights for s in steps]),
        ("update_norm", [s.updates for s in steps]),
    ):
        np.testing.assert_allclose(run.sampled(name)[:, 0], np.array(expected)[:, 0], rtol=0.05)
        # An update by hand is a difference of float32 numbers a hundred times as large.
        np.testing.assert_allclose(run.sampled(name)[:, 1:], np.array(expected)[:, 1:], rtol=1e-3)
    gradients = [s.gradients for s in steps]
    np.testing.assert_allclose(run.sampled("grad_norm"), gradients, rtol=1e-5)
    zeros = [[zero_share(a) for a in s.arrays] for s in steps]
    np.testing.assert_allclose(run.sampled("grad_zero_share"), zeros, rtol=1e-5)


def test_the_update_of_few_rows_of_a_large_table_is_exact() -> None:
    """SGD moves the rows of the batch alone, by the learning rate times the gradient."""
    run, steps = trained_table(lambda: keras.optimizers.SGD(0.5))

    expected = [0.5 * np.array(s.gradients) for s in steps]
    np.testing.assert_allclose(run.sampled("update_norm"), expected, rtol=1e-5)
    np.testing.assert_allclose(
        run.sampled("weight_norm")[:, 0], [s.weights[0] for s in steps], rtol=0.05
    )


def test_a_smaller_table_is_measured_whole() -> None:
    """One row less than the limit."""

    def smaller() -> Any:
        inputs = layers.Input((LENGTH,), dtype="int32")
        looked_up = layers.GlobalAveragePooling1D()(layers.Embedding(ROWS - 1, WIDTH)(inputs))
        return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(looked_up))

    def make() -> Any:
        return compiled(smaller, loss="binary_crossentropy")

    tokens = np.minimum(MANY_TOKENS, ROWS - 2)
    run, reference = watch(make(), tokens, BITS), by_hand(make(), tokens, BITS)

    assert not any(each.estimated for each in run.axes[0].variables)
    expected = [reference[step].weights for step in run.sampled_steps]
    np.testing.assert_allclose(run.sampled("weight_norm"), expected, rtol=1e-5)


def test_running_metrics_are_those_that_another_callback_is_told() -> None:
    """On every step, sampled or not, and the loss is not among them."""
    told: list[float] = []

    class Other(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            told.append(logs["accuracy"])

    callback = Recording(allowance_seconds=0)
    fit(compiled(metrics=["accuracy"]), [callback, Other()], epochs=6)

    run = callback.run
    points = [
        (rows.first_step + i, value)
        for rows in run.rows
        for i, value in rows.scalars.get("accuracy", [])
    ]
    assert [step for step, _ in points] == list(range(6 * STEPS))
    np.testing.assert_allclose([value for _, value in points], told, rtol=1e-6)
    assert {name for rows in run.rows for name in rows.scalars} == {"accuracy"}


PAUSE_SECONDS = 0.05


class Sleeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Takes its time between the steps."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        time.sleep(PAUSE_SECONDS)


class Slow(keras.layers.Layer):  # type: ignore[misc]
    """Takes its time within the step."""

    def call(self, x: Any) -> Any:
        def slowly(values: Any) -> Any:
            time.sleep(PAUSE_SECONDS)
            return values

        waited = tf.py_function(slowly, [tf.stop_gradient(x)], tf.float32)
        return x + 0.0 * tf.ensure_shape(waited, x.shape)


def seconds(model: Any, *callbacks: Any) -> tuple[float, float]:
    """Train for three epochs; return the seconds of all steps and those outside of them."""
    callback = Recording(allowance_seconds=0)
    fit(model, [callback, *callbacks], epochs=3)
    outside = sum(rows.outside_seconds or 0.0 for rows in callback.run.rows)
    return float(callback.run.column("step_seconds").sum()), outside


def test_time_that_callbacks_take_is_outside_of_the_steps() -> None:
    """What a callback sleeps after a step lies before the end of the next one."""
    everything, outside = seconds(compiled(), Sleeper())

    assert (3 * STEPS - 1) * PAUSE_SECONDS <= outside <= everything


def test_time_within_the_step_is_not_outside() -> None:
    """A slow layer is the training's own."""
    slow = keras.Sequential([layers.Input((FEATURES,)), Slow(), layers.Dense(CLASSES)])
    everything, outside = seconds(compiled(lambda: slow))

    assert everything - outside >= 3 * STEPS * PAUSE_SECONDS
