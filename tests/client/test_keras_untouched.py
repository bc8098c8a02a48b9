"""The callback changes nothing about a training."""

import itertools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.client.models import (
    BITS,
    LABELS,
    NUMBERS,
    TOKENS,
    Custom,
    Gan,
    Recording,
    X,
    cnn,
    compiled,
    embedding,
    fit,
    mlp,
    state,
    two_outputs,
)

adam = keras.optimizers.Adam


def scaled() -> Any:
    return keras.optimizers.LossScaleOptimizer(adam(0.01), initial_scale=2.0**40)


def mirrored() -> Any:
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
    with strategy.scope():
        return compiled()


pair: dict[str, Any] = {"loss": {"c": "sparse_categorical_crossentropy", "r": "mse"}}
CASES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "mlp": (lambda: compiled(metrics=["accuracy"]), {"validation_data": (X, LABELS)}),
    "partial_batch": (compiled, {"x": X[:55], "y": LABELS[:55]}),
    "cnn": (lambda: compiled(cnn), {}),
    "embedding": (
        lambda: compiled(embedding, loss="binary_crossentropy"),
        {"x": TOKENS, "y": BITS},
    ),
    "custom_train_step": (lambda: compiled(Custom), {}),
    "clipnorm": (lambda: compiled(optimizer=lambda: adam(0.01, clipnorm=0.1)), {}),
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
    "accumulation": (
        lambda: compiled(optimizer=lambda: adam(0.01, gradient_accumulation_steps=3)),
        {},
    ),
    "gan": (lambda: compiled(Gan, loss=None), {"y": None}),
    "mirrored": (mirrored, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_training_is_the_same_bit_for_bit(name: str) -> None:
    """Weights, optimizer state and history do not tell whether the callback was there."""
    make, data = CASES[name]
    alone, watched, callback = make(), make(), Recording(allowance_seconds=1e6)

    expected, history = fit(alone, [], **data), fit(watched, [callback], **data)

    assert history == expected
    for ours, theirs in itertools.zip_longest(state(watched), state(alone)):
        np.testing.assert_array_equal(ours, theirs)
    assert len(callback.run.sampled_steps) >= 4
    assert callback.run.ends[0][0] == "finished"


def test_nothing_is_left_on_the_model() -> None:
    """After a fit the model has no attribute that it would not have without us."""
    alone, watched = compiled(), compiled()
    fit(alone, [])
    fit(watched, [Recording()])

    assert set(vars(watched)) == set(vars(alone))
    assert set(vars(watched.optimizer)) == set(vars(alone.optimizer))
    assert type(watched.train_function) is type(alone.train_function)


def test_a_disabled_callback_does_nothing() -> None:
    """With mode="disabled" not even the train function is replaced."""
    model, callback = compiled(), Recording(mode="disabled")
    fit(model, [callback])

    assert callback.runs == []
