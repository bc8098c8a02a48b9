"""Classes of a validation are counted as NumPy counts them, and nothing else happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.client.models import (
    BATCH,
    BITS,
    CLASSES,
    LABELS,
    MANY_BITS,
    NUMBERS,
    Recording,
    X,
    compiled,
    fit,
    mlp,
    state,
    two_outputs,
)
from tests.client.validated import SEEN, VALIDATED, AtEnd, Counting, by_largest, expected

MANY = np.arange(64) % 20
"""Labels of more classes than are counted in one matrix."""
ONE_HOT = np.eye(CLASSES, dtype=np.float32)[LABELS]
IGNORED = np.where(LABELS == 2, -1, LABELS)


def by_half(model: Any, x: Any) -> np.ndarray:
    return np.asarray(model.predict(x, verbose=0) > 0.5).ravel().astype(int)


def by_sign(model: Any, x: Any) -> np.ndarray:
    return np.asarray(model.predict(x, verbose=0) > 0).ravel().astype(int)


@dataclass(frozen=True)
class Case:
    """A classification, and how a reader of its predictions would count."""

    make: Callable[[], Any] = compiled
    y: np.ndarray = field(default_factory=lambda: LABELS)
    labels: np.ndarray = field(default_factory=lambda: LABELS)
    reads: Callable[[Any, Any], np.ndarray] = by_largest
    classes: int = CLASSES
    fit: dict[str, Any] = field(default_factory=dict)


def case(**arguments: Any) -> Case:
    return Case(lambda: compiled(metrics=["accuracy"], **arguments))


def streamed() -> Any:
    """Data whose length Keras does not know."""
    data = tf.data.Dataset.from_tensor_slices((X[SEEN], LABELS[SEEN])).batch(BATCH)
    return data.filter(lambda *_: True)


def softmax() -> Any:
    return compiled(lambda: mlp(activation="softmax"), loss="categorical_crossentropy")


def binary(activation: str | None) -> Any:
    loss = keras.losses.BinaryCrossentropy(from_logits=activation is None)
    return lambda: compiled(lambda: mlp(1, activation), loss=loss)


def ignoring() -> Any:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    return compiled(loss=loss)


CASES = {
    "sparse": Case(),
    "one_hot": Case(softmax, ONE_HOT),
    "binary": Case(binary("sigmoid"), BITS, BITS.ravel().astype(int), by_half, 2),
    "binary_logits": Case(binary(None), BITS, BITS.ravel().astype(int), by_sign, 2),
    "subclassed": Case(lambda: compiled(Counting)),
    "many_classes": Case(lambda: compiled(lambda: mlp(20)), MANY, MANY, classes=20),
    "labels_of_no_class": Case(ignoring, IGNORED, IGNORED),
    "metrics": case(),
    "eager": case(run_eagerly=True),
    "xla": case(jit_compile=True),
    "two_steps_per_call": case(steps_per_execution=2),
    "one_call": case(steps_per_execution=3),
    "batches_of_another_size": Case(fit={"validation_batch_size": 24}),
    "weighted": Case(fit={"validation_data": (X[SEEN], LABELS[SEEN], np.arange(40.0))}),
    "stream": Case(fit={"validation_data": streamed()}),
}


LONG = {"xla", "many_classes", "one_call", "batches_of_another_size", "binary_logits", "metrics"}
"""Cases that are left to `make conformance`."""


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Keras says so of any stream
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in CASES],
)
def test_counts_are_those_of_numpy(name: str) -> None:
    """At the end of each of two passes; the rest is as it is alone, and the model as before."""
    it = CASES[name]
    alone, watched, callback = it.make(), it.make(), Recording()
    given = {"validation_data": (X[SEEN], it.y[SEEN]), **it.fit}
    told = []
    each = AtEnd(lambda model: told.append(it.reads(model, X[SEEN])))
    histories = [
        fit(model, [*ours, each], X, it.y, **given)
        for model, ours in ((watched, [callback]), (alone, []))
    ]

    assert callback.run.counts == [expected(it.labels[SEEN], g, it.classes) for g in told[:2]]
    assert histories[0] == histories[1]
    for ours, theirs in zip(state(watched), state(alone), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert set(vars(watched)) == set(vars(alone))
    assert type(watched.test_function) is type(alone.test_function)


def test_a_split_is_counted() -> None:
    """The last quarter of the data is what Keras holds back."""
    model, callback = compiled(), Recording()
    fit(model, [callback], validation_split=0.25)

    guess = by_largest(model, X[48:])
    assert callback.run.counts[-1] == expected(LABELS[48:], guess, CLASSES)


NONE: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "regression": (lambda: compiled(lambda: mlp(1), loss="mse"), X, NUMBERS),
    "multilabel": (
        lambda: compiled(lambda: mlp(6, "sigmoid"), loss="binary_crossentropy"),
        X,
        MANY_BITS,
    ),
    "more_than_256_classes": (lambda: compiled(lambda: mlp(257)), X, LABELS),
    "two_outputs": (
        lambda: compiled(two_outputs, loss={"c": "sparse_categorical_crossentropy", "r": "mse"}),
        {"one": X, "two": X},
        {"c": LABELS, "r": NUMBERS},
    ),
}


@pytest.mark.parametrize("name", NONE)
def test_what_is_not_counted_is_absent(name: str) -> None:
    """Its metrics are told all the same."""
    make, x, y = NONE[name]
    callback = Recording()
    fit(make(), [callback], x, y, validation_data=(x, y))

    assert callback.run.counts == [{}, {}]
    assert len(callback.run.evaluations) == 2


def test_replicas_are_not_counted() -> None:
    """Each would have to be asked."""
    callback = Recording()
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = compiled()
    fit(model, [callback], **VALIDATED)

    assert callback.run.counts == [{}, {}]


def test_xla_can_be_left_alone() -> None:
    """With xla_exact nothing is added to what XLA compiles."""
    callback = Recording(xla_exact=True)
    fit(compiled(jit_compile=True), [callback], **VALIDATED)

    assert callback.run.counts == [{}, {}]
