"""What a fit tells of itself before it has learned anything: model, loss, optimizer and data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from flatline.capture.given import read_arrays
from flatline.model import Layer, Loss, Model, Optimizer
from tests.client.models import BITS, FEATURES, LABELS, SAMPLES, Recording, X, compiled, fit

layers = keras.layers


def told(model: Any, x: Any = X, y: Any = BITS, **arguments: Any) -> Model:
    """The facts that a run is given of one short fit."""
    callback = Recording()
    fit(model, [callback], x, y, **{"epochs": 1, **arguments})
    (facts,) = callback.run.models
    return facts


def of(model: Any, loss: str = "binary_crossentropy", **arguments: Any) -> Model:
    return told(compiled(lambda: model, loss=loss, run_eagerly=True), **arguments)


def binary(*hidden: Any) -> Any:
    return keras.Sequential([*hidden, layers.Dense(1, activation="sigmoid")])


def test_layers_are_told_with_what_they_were_made_with() -> None:
    """Nonlinearity, width, first weights, penalties and dropout; the last one puts out."""
    facts = of(
        binary(
            layers.Dense(
                4,
                kernel_initializer=keras.initializers.RandomNormal(stddev=2.0),
                kernel_regularizer=keras.regularizers.L2(0.5),
            ),
            layers.ReLU(),
            layers.Dropout(0.75),
        )
    )

    dense, relu, dropout, last = facts.layers
    assert (dense.layer_class, dense.units, dense.activation) == ("Dense", 4, "linear")
    assert (dense.initializer, dense.initializer_scale) == ("RandomNormal", 2.0)
    assert (dense.l1, dense.l2) == (None, pytest.approx(0.5))
    assert (relu.activation, dropout.rate) == ("relu", 0.75)
    assert (last.activation, last.units, last.initializer) == ("sigmoid", 1, "GlorotUniform")
    assert [each.output for each in facts.layers] == [False, False, False, True]
    assert facts.chain


def binary_built() -> Any:
    return binary(keras.Input((FEATURES,)))


def branched() -> Any:
    x = keras.Input((FEATURES,))
    both = layers.Add()([layers.Dense(3)(x), layers.Dense(3)(x)])
    return keras.Model(x, layers.Dense(1, activation="sigmoid")(both))


def nested() -> Any:
    inner = keras.Sequential([keras.Input((FEATURES,)), layers.Dense(3, activation="tanh")])
    x = keras.Input((FEATURES,))
    return keras.Model(x, layers.Dense(1, activation="sigmoid")(inner(x)))


class Own(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.last, self.first = layers.Dense(1), layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.last(self.first(x))


@pytest.mark.parametrize(
    ("make", "chain", "output"),
    [(branched, False, "sigmoid"), (nested, True, "sigmoid"), (Own, False, None)],
)
def test_a_chain_and_a_last_layer_are_told_where_they_show(
    make: Callable[[], Any],
    *,
    chain: bool,
    output: str | None,
) -> None:
    """In a model with a `call` of its own, neither does."""
    facts = of(make())

    assert facts.chain == chain
    assert [each.activation for each in facts.layers if each.output] == ([output] if output else [])


def test_the_axis_of_a_softmax_is_told() -> None:
    """The usual one is the last."""
    stack = [layers.Dense(9), layers.Softmax(axis=0)]
    facts = of(keras.Sequential(stack), "sparse_categorical_crossentropy", y=LABELS)

    assert facts.layers[-1].axis == 0
    assert facts.layers[-1].output


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (lambda: keras.optimizers.SGD(0.5, momentum=0.9), Optimizer("SGD", 0.5, momentum=0.9)),
        (
            lambda: keras.optimizers.Adam(
                keras.optimizers.schedules.CosineDecay(0.25, 10**6), clipnorm=2.0
            ),
            Optimizer("Adam", 0.25, "CosineDecay", epsilon=1e-7, clipnorm=2.0),
        ),
    ],
)
def test_the_optimizer_is_told_with_its_numbers(optimizer: Any, expected: Optimizer) -> None:
    """Those of its wrapper apart."""
    seen = told(compiled(binary, loss="binary_crossentropy", optimizer=optimizer, run_eagerly=True))

    assert seen.optimizer is not None
    assert seen.optimizer.learning_rate == pytest.approx(expected.learning_rate)
    for name in ("name", "schedule", "momentum", "epsilon", "clipnorm", "clipvalue"):
        assert getattr(seen.optimizer, name) == getattr(expected, name), name


def test_the_rate_is_the_one_that_the_fit_begins_with() -> None:
    """A schedule has moved on when the first step is done; that is no other set-up."""
    falling = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    optimizer = lambda: keras.optimizers.SGD(falling)  # noqa: E731
    facts = told(compiled(binary_built, loss="mse", optimizer=optimizer, run_eagerly=True))

    assert facts.optimizer is not None
    assert (facts.optimizer.learning_rate, facts.optimizer.schedule) == (0.5, "ExponentialDecay")


def own(y: Any, y_pred: Any) -> Any:
    return tf.reduce_mean((tf.cast(y, tf.float32) - y_pred) ** 2)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (
            keras.losses.BinaryCrossentropy(label_smoothing=0.1),
            Loss(
                "binary_crossentropy",
                from_logits=False,
                label_smoothing=0.1,
                reduction="sum_over_batch_size",
            ),
        ),
        ("mse", Loss("mean_squared_error")),
        (own, Loss("own", own=True)),
    ],
)
def test_the_loss_is_told(loss: Any, expected: Loss) -> None:
    """Whether it takes logits, and whether the program wrote it."""
    assert of(binary(), loss).loss == expected


def test_arrays_are_told_by_their_features() -> None:
    """Range, spread, whole numbers and how many different ones, of each column."""
    x = np.stack([np.arange(SAMPLES) % 3, np.linspace(-1, 1, SAMPLES)], 1).astype("float32")
    x[0, 1] = np.nan
    facts = of(binary(), x=x, class_weight={0: 1.0, 1: 3.0})

    (array,), (target,) = facts.inputs, facts.targets
    assert (array.name, array.shape, array.dtype, array.samples) == ("x", (2,), "float32", SAMPLES)
    first, second = array.features
    assert (first.minimum, first.maximum, first.whole, first.distinct) == (0, 2, True, 3)
    assert (second.whole, second.nonfinite_share) == (False, pytest.approx(1 / SAMPLES))
    assert second.std == pytest.approx(np.nanstd(x[:, 1]), rel=1e-5)
    assert target.features[0].distinct == 2
    assert not target.one_hot
    assert facts.feeding.class_weight == {0: 1.0, 1: 3.0}
    assert (facts.feeding.shuffle, facts.feeding.source) == (False, "ndarray")


def test_images_and_one_hot_labels_are_told_as_such() -> None:
    """An image has no features of its own: all its elements are one."""
    x = np.random.default_rng(0).integers(0, 256, (SAMPLES, 9, 9, 1))
    stack = [layers.Flatten(), layers.Dense(4, activation="softmax")]
    y = np.eye(4)[np.arange(SAMPLES) % 4]
    facts = of(keras.Sequential(stack), "categorical_crossentropy", x=x, y=y)

    assert facts.inputs[0].shape == (9, 9, 1)
    assert [each.whole for each in facts.inputs[0].features] == [True]
    assert facts.targets[0].one_hot


def test_of_an_array_that_is_a_file_only_the_first_samples_are_read(tmp_path: Path) -> None:
    """Samples spread over it would keep a disk busy before the training begins."""
    file = np.memmap(tmp_path / "x", "float32", "w+", shape=(200, 2))
    file[:64], file[64:] = 1.0, 9.0

    for value in (file, file[:].reshape(200, 2)):
        (array,) = read_arrays(value, "x")
        assert (array.samples, array.features[0].maximum) == (200, 1.0)


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (tf.ragged.constant([[1.0], [2.0, 3.0]]), 0),
        (tf.sparse.from_dense([[0.0, 1.0]]), 1),
        (np.array([["a", "b"]]), 1),
        (np.zeros((0, 3)), 0),
        (np.float32(3.0), 0),
        (iter([1]), 0),
        ({"a": X, "b": None}, 1),
    ],
)
def test_what_cannot_be_looked_at_is_left_alone(given: Any, count: int) -> None:
    """Of an array whose samples cannot be read, shape and type are told."""
    arrays = read_arrays(given, "x")

    assert len(arrays) == count
    assert all(array.features == () for array in arrays if array.name == "x")


def test_of_a_dataset_only_the_model_is_told() -> None:
    """To look at its samples would be to take them."""
    data = tf.data.Dataset.from_tensor_slices((X, BITS)).batch(16)
    callback = Recording()
    model = compiled(binary, loss="binary_crossentropy")
    model.fit(data, shuffle=False, verbose=0, callbacks=[callback])

    (facts,) = callback.run.models
    assert (facts.inputs, facts.targets, facts.feeding.shuffle) == ((), (), None)
    assert [each.layer_class for each in facts.layers] == ["Dense"]


def test_metrics_callbacks_and_the_types_of_numbers_are_told() -> None:
    """By the names that a person would use."""
    model = binary()
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy", own, keras.metrics.AUC()])
    callback = Recording()
    stop = keras.callbacks.EarlyStopping("loss")
    fit(model, [stop, callback], y=BITS, epochs=1)

    facts = callback.run.models[0]
    assert facts.metrics == ("accuracy", "own", "AUC")
    assert facts.callbacks == ("EarlyStopping", "Recording")
    assert facts.dtype_policy == "float32"


def test_what_was_told_is_told_again_only_when_it_differs() -> None:
    """A further fit with other data, a frozen layer."""
    callback, model = (
        Recording(),
        compiled(lambda: binary(layers.Dense(3)), loss="mse", run_eagerly=True),
    )
    for _ in range(2):
        fit(model, [callback], y=BITS, epochs=1)
    fit(model, [callback], x=2 * X, y=BITS, epochs=1)

    assert len(callback.run.models) == 2


def test_the_rows_of_an_embedding_are_told() -> None:
    """So that tokens beyond them can be named before the first step fails."""
    x = np.ones((SAMPLES, 5), "int32")
    facts = of(binary(layers.Embedding(7, 3), layers.Flatten()), x=x)

    assert [each.vocabulary for each in facts.layers] == [7, None, None]


def test_the_cell_of_a_recurrent_layer_is_the_layer() -> None:
    """With its nonlinearity and its dropout."""
    x = np.ones((SAMPLES, 5, 2), "float32")
    facts = of(binary(layers.Bidirectional(layers.LSTM(3, dropout=0.5))), x=x)

    cells = [each for each in facts.layers if each.layer_class == "LSTMCell"]
    assert [(each.activation, each.units, each.rate) for each in cells] == [("tanh", 3, 0.5)] * 2
    assert isinstance(cells[0], Layer)
