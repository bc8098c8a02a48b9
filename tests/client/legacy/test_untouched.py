"""The callback changes nothing about a training of Keras 2."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.client.legacy.models import (
    At,
    Custom,
    cnn,
    compiled,
    embedding,
    keras,
    mlp,
    state,
    two_outputs,
)
from tests.client.models import BITS, LABELS, NUMBERS, TOKENS, Recording, X, fit

adam = keras.optimizers.Adam


def scaled() -> Any:
    return keras.mixed_precision.LossScaleOptimizer(adam(0.01), initial_scale=2.0**40)


def mirrored() -> Any:
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
    with strategy.scope():
        return compiled()


def of_unknown_length() -> Any:
    data = tf.data.Dataset.from_tensor_slices((X, LABELS)).batch(16)
    return data.filter(lambda x, _: tf.reduce_all(tf.math.is_finite(x)))


pair: dict[str, Any] = {"loss": {"c": "sparse_categorical_crossentropy", "r": "mse"}}
CASES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "mlp": (lambda: compiled(metrics=["accuracy"]), {"validation_data": (X, LABELS)}),
    "partial_batch": (compiled, {"x": X[:55], "y": LABELS[:55]}),
    "unknown_length": (compiled, {"x": of_unknown_length(), "y": None, "batch_size": None}),
    "cnn": (lambda: compiled(cnn), {}),
    "embedding": (
        lambda: compiled(embedding, loss="binary_crossentropy"),
        {"x": TOKENS, "y": BITS},
    ),
    "branches": (lambda: compiled(Custom), {}),
    "clipnorm": (lambda: compiled(optimizer=lambda: adam(0.01, clipnorm=0.1)), {}),
    "older_optimizer": (lambda: compiled(optimizer=keras.optimizers.legacy.Adam), {}),
    "mixed_float16": (
        lambda: compiled(lambda: mlp(policy="mixed_float16"), optimizer=scaled),
        {},
    ),
    "several_steps_per_call": (lambda: compiled(steps_per_execution=3), {}),
    "eager": (lambda: compiled(run_eagerly=True), {}),
    "xla": (lambda: compiled(jit_compile=True), {}),
    "two_outputs": (
        lambda: compiled(two_outputs, **pair),
        {"x": {"one": X, "two": X + 1}, "y": {"c": LABELS, "r": NUMBERS}},
    ),
    "class_weight": (compiled, {"class_weight": {0: 1.0, 1: 2.0, 2: 3.0, 3: 1.0, 4: 0.5}}),
    "mirrored": (mirrored, {}),
}
NOT_SAMPLED = {
    "cnn": "draws random numbers",  # Dropout keeps its dice in the traced function; with a seed
    "mirrored": "under a strategy of this Keras",
}


@pytest.mark.parametrize("name", CASES)
def test_a_training_is_the_same_bit_for_bit(name: str) -> None:
    """Weights, optimizer state and history do not tell whether the callback was there."""
    make, data = CASES[name]
    data = {"x": X, "y": LABELS, **data}
    alone, watched, callback = make(), make(), Recording(allowance_seconds=1e6)

    keras.utils.set_random_seed(7)
    expected = fit(alone, [], **data)
    keras.utils.set_random_seed(7)
    history = fit(watched, [callback], **data)

    assert history == expected
    for ours, theirs in itertools.zip_longest(state(watched), state(alone)):
        np.testing.assert_array_equal(ours, theirs)
    assert callback.run.ends == [("finished", "", 8)]
    assert callback.run.steps == list(range(8))
    assert np.isfinite(callback.run.column("loss")[callback.run.column("loss_source") > 0]).all()
    assert len(callback.run.sampled_steps) >= 4 or name in NOT_SAMPLED


def test_nothing_is_left_on_the_model() -> None:
    """After a fit the model has no attribute that it would not have without us."""
    alone, watched = compiled(), compiled()
    fit(alone, [], X, LABELS)
    fit(watched, [Recording()], X, LABELS)

    assert set(vars(watched)) == set(vars(alone))
    assert set(vars(watched.optimizer)) == set(vars(alone.optimizer))
    assert type(watched.train_function) is type(alone.train_function)
    assert watched.train_tf_function is watched.train_function


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "folder"])
def test_a_model_is_saved_within_a_fit(name: str, tmp_path: Path) -> None:
    """What is saved is the model, in each of Keras 2's formats."""
    model, callback = compiled(), Recording()
    fit(model, [callback, At(3, lambda m: m.save(tmp_path / name))], X, LABELS, epochs=1)

    again = keras.models.load_model(tmp_path / name)

    for loaded, trained in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, trained)
    assert callback.run.ends == [("finished", "", 4)]


def test_it_is_not_called_slow(caplog: pytest.LogCaptureFixture) -> None:
    """Keras 2 times the hooks of batches and warns of slow ones; there is none of ours."""
    callback = Recording()
    fit(compiled(), [callback], X, LABELS, epochs=3)

    assert "is slow compared to" not in caplog.text
    assert not callback._implements_train_batch_hooks()
