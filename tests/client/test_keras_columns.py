"""Columns about the optimizer, the predictions and the labels are those of a training by hand."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from flatline.capture.statistics import zero_shares
from tests.client.models import (
    BATCH,
    BITS,
    CLASSES,
    FEATURES,
    LABELS,
    NUMBERS,
    SAMPLES,
    STEPS,
    TOKENS,
    Recorded,
    X,
    compiled,
    crossentropy,
    embedding,
    mlp,
)
from tests.client.reference import Reference, by_hand, norm, watch, zero_share

adam, layers = keras.optimizers.Adam, keras.layers
TIGHT = 1e-5


def seen_of(run: Recorded, reference: list[Reference]) -> list[Reference]:
    """Return the steps by hand that the run has sampled."""
    assert len(run.sampled_steps) >= STEPS - 1
    return [reference[step] for step in run.sampled_steps]


def both(make: Callable[[], Any], x: np.ndarray = X, y: np.ndarray = LABELS) -> Any:
    """Train a model and its twin; return what the run was given, and the same steps by hand."""
    run = watch(make(), x, y)
    return run, seen_of(run, by_hand(make(), x, y))


def assert_tight(seen: Any, expected: Any) -> None:
    np.testing.assert_allclose(seen, expected, rtol=TIGHT, atol=1e-7)


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores.astype(np.float64) - scores.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def sigmoid(scores: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-scores.astype(np.float64))))


def test_confidence_is_the_mean_of_the_largest_probabilities() -> None:
    """Of logits their softmax is taken, of probabilities nothing."""
    run, steps = both(compiled)
    assert_tight(run.sampled("confidence"), [softmax(s.prediction).max(1).mean() for s in steps])

    loss = "sparse_categorical_crossentropy"
    run, steps = both(lambda: compiled(lambda: mlp(CLASSES, "softmax"), loss=loss))
    assert_tight(run.sampled("confidence"), [s.prediction.max(1).mean() for s in steps])


@pytest.mark.parametrize("logits", [False, True])
def test_confidence_of_a_single_unit_is_that_of_its_likelier_class(*, logits: bool) -> None:
    """A probability of 0.1 is as sure as one of 0.9."""
    loss = keras.losses.BinaryCrossentropy(from_logits=logits)
    run, steps = both(
        lambda: compiled(lambda: mlp(1, None if logits else "sigmoid"), loss=loss), y=BITS
    )

    chances = [sigmoid(s.prediction) if logits else s.prediction for s in steps]
    assert_tight(run.sampled("confidence"), [np.maximum(p, 1 - p).mean() for p in chances])


def test_confidence_leaves_out_what_is_masked() -> None:
    """A padded position is no sample."""
    tokens = np.where(np.arange(7) < 2 + np.arange(SAMPLES)[:, None] % 5, TOKENS % 9 + 1, 0)
    tagger = lambda: keras.Sequential(  # noqa: E731
        [
            layers.Input((7,), dtype="int32"),
            layers.Embedding(10, 6, mask_zero=True),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    make = lambda: compiled(tagger, loss="sparse_categorical_crossentropy")  # noqa: E731
    run, steps = both(make, tokens.astype(np.int32), tokens % CLASSES)

    masks = tokens.reshape(STEPS, BATCH, 7)[run.sampled_steps] > 0
    expected = [s.prediction.max(-1)[mask].mean() for s, mask in zip(steps, masks, strict=True)]
    assert_tight(run.sampled("confidence"), expected)
    np.testing.assert_array_equal(run.sampled("label_count").sum(1), masks.sum((1, 2)))


def test_a_label_that_the_loss_ignores_is_no_sample() -> None:
    """`ignore_class` may be a class of its own, such as the padding of a text."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    run, steps = both(lambda: compiled(loss=loss))

    assert not run.sampled("label_count")[:, 0].any()
    for row, step in enumerate(steps):
        labels = LABELS.reshape(STEPS, BATCH)[run.sampled_steps[row]]
        guesses = np.bincount(step.prediction[labels > 0].argmax(1), minlength=CLASSES)
        np.testing.assert_array_equal(run.sampled("prediction_count")[row], guesses)
        chances = softmax(step.prediction[labels > 0]).max(-1)
        assert_tight(run.sampled("confidence")[row], chances.mean())


def _by_norm(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [a * min(1, LIMIT / norm(a)) for a in arrays]


def _by_global_norm(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [a * min(1, LIMIT / whole(arrays)) for a in arrays]


def _by_value(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [a.clip(-LIMIT / 5, LIMIT / 5) for a in arrays]


def whole(arrays: list[np.ndarray]) -> float:
    """Return the norm of several arrays together."""
    return norm(np.concatenate([a.ravel() for a in arrays]))


LIMIT = 0.2
CLIPPED: dict[str, tuple[float, Callable[[list[np.ndarray]], list[np.ndarray]]]] = {
    "clipnorm": (LIMIT, _by_norm),
    "global_clipnorm": (LIMIT, _by_global_norm),
    "clipvalue": (LIMIT / 5, _by_value),
}


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("name", CLIPPED)
def test_clip_ratio_is_the_norm_after_over_the_norm_before(name: str, *, scaled: bool) -> None:
    """It is taken on the unscaled gradient, whichever way the optimizer clips."""
    limit, clip = CLIPPED[name]

    def optimizer() -> Any:
        inner = adam(0.01, **{name: limit})
        wrap = keras.optimizers.LossScaleOptimizer
        return wrap(inner, initial_scale=64.0) if scaled else inner

    run, steps = both(lambda: compiled(optimizer=optimizer))

    expected = [whole(clip(s.arrays)) / whole(s.arrays) for s in steps]
    assert min(expected) < 0.9
    assert_tight(run.sampled("clip_ratio"), expected)


def test_a_gradient_within_the_limit_is_not_clipped() -> None:
    """The ratio is 1 then, and there is none where nothing can be clipped in the step."""
    run = watch(compiled(optimizer=lambda: adam(0.01, global_clipnorm=1e3)))
    assert set(run.sampled("clip_ratio")) == {1.0}

    assert "clip_ratio" not in watch(compiled()).names
    later = adam(0.01, global_clipnorm=LIMIT, gradient_accumulation_steps=3)
    assert "clip_ratio" not in watch(compiled(optimizer=lambda: later)).names


def test_a_step_that_accumulates_says_so() -> None:
    """Of three accumulated steps two are skipped, and the third moves the variables."""
    run = watch(compiled(optimizer=lambda: adam(0.01, gradient_accumulation_steps=3)), epochs=3)
    expected = [2, 2, 0] * STEPS
    assert run.sampled("skipped").tolist() == [expected[step] for step in run.sampled_steps]


@pytest.mark.parametrize(("exponent", "reason"), [(6.0, 0), (40.0, 1)])
def test_an_overflow_is_a_reason(exponent: float, reason: int) -> None:
    """A scale that half precision cannot hold overflows, a moderate one does not."""
    scale = keras.optimizers.LossScaleOptimizer(adam(0.01), initial_scale=2.0**exponent)
    run = watch(compiled(lambda: mlp(policy="mixed_float16"), optimizer=lambda: scale))

    assert run.sampled("skipped").tolist() == [reason] * len(run.sampled_steps)
    assert run.sampled("skipped").dtype == np.uint32
    assert (run.sampled("update_norm").sum(1) > 0).tolist() == [reason == 0] * (STEPS - 1)


def test_a_plain_optimizer_skips_nothing() -> None:
    """It has no reason, and so no column."""
    assert "skipped" not in watch(compiled()).names


def test_a_large_loss_scale_in_float32_is_no_overflow() -> None:
    """A gradient that is finite was applied, however large its square is."""
    make = lambda: compiled(  # noqa: E731
        optimizer=lambda: keras.optimizers.LossScaleOptimizer(adam(0.01), initial_scale=2.0**80)
    )
    run, steps = both(make)

    assert (run.sampled("update_norm") > 0).all()
    assert not run.sampled("skipped").any()
    assert_tight(run.sampled("global_grad_norm"), [whole(s.arrays) for s in steps])


def regularised(regularizer: Any) -> Any:
    hidden = layers.Dense(16, "relu", kernel_regularizer=regularizer)
    out = layers.Dense(CLASSES, kernel_regularizer=keras.regularizers.L2(0.02))
    return keras.Sequential([layers.Input((FEATURES,)), hidden, out])


def test_the_regularisers_gradient_is_that_of_the_weights_after_the_update() -> None:
    """It sums over all regularised variables, and leaves the others out."""
    run, steps = both(lambda: compiled(lambda: regularised(keras.regularizers.L2(0.01))))

    expected = [whole([2 * 0.01 * s.values[0], 2 * 0.02 * s.values[2]]) for s in steps]
    assert_tight(run.sampled("regularization_grad_norm"), expected)


@pytest.mark.parametrize("other", [keras.regularizers.L1(0.02), keras.regularizers.L1L2(0.1, 0.1)])
def test_beside_another_kind_of_regulariser_there_is_no_such_gradient(other: Any) -> None:
    """Absent, and not a part of it."""
    run = watch(compiled(lambda: regularised(other)))

    assert "regularization_grad_norm" not in run.names
    assert "regularization_loss" in run.names


def test_without_a_regulariser_it_has_no_gradient() -> None:
    """Absent, and not 0."""
    run = watch(compiled(embedding, loss="binary_crossentropy"), TOKENS, BITS)

    assert "regularization_grad_norm" not in run.names


def half_dead() -> Any:
    """A net five of whose sixteen hidden units are never active."""
    model = mlp()
    model.layers[0].bias.assign([-1e3] * 5 + [0.0] * 11)
    return model


def test_elements_of_the_gradient_that_are_0_are_counted() -> None:
    """Dead units and tokens that do not occur have none; of vectors nobody counts."""
    plain = lambda: compiled(half_dead, loss=crossentropy())  # noqa: E731
    for make, x, y in (
        (plain, X, LABELS),
        (lambda: compiled(embedding, loss="binary_crossentropy"), TOKENS % 11, BITS),
    ):
        run, steps = both(make, x, y)
        expected = [[zero_share(array) for array in s.arrays] for s in steps]
        assert np.nanmax(expected) > 0.3
        assert_tight(run.sampled("grad_zero_share"), expected)


def test_of_many_matrices_every_so_many_th_is_looked_at_for_zeros() -> None:
    """At most 24, spread over the depth of the net."""
    half = tf.constant([[0.0, 1.0]])
    shares = zero_shares([half, half[0]] * 30, [2, 2] * 30).numpy()

    assert np.isfinite(shares).tolist() == [True, False, False, False] * 15
    assert set(shares[np.isfinite(shares)]) == {0.5}


def test_a_bad_gradient_has_no_share_of_zeros() -> None:
    """It is nan: neither 0 nor 1."""
    # No rectifier: TensorFlow's fused one makes 0 of nan.
    linear = compiled(lambda: keras.Sequential([layers.Dense(8), layers.Dense(CLASSES)]))
    run = watch(linear, np.full_like(X, np.nan))

    assert np.isnan(run.sampled("grad_zero_share")).all()


def test_under_an_absolute_error_targets_have_a_deviation() -> None:
    """Their mean distance from the median is the loss of the best constant."""
    run = watch(compiled(lambda: mlp(1), loss="mae"), y=NUMBERS)

    batches = NUMBERS.astype(np.float64).reshape(STEPS, BATCH)[run.sampled_steps]
    expected = np.abs(batches - np.median(batches, 1, keepdims=True)).mean(1)
    assert_tight(run.sampled("target_deviation")[:, 0], expected)
    assert "target_deviation" not in watch(compiled(lambda: mlp(1), loss="mse"), y=NUMBERS).names


def test_many_classes_are_counted_in_buckets() -> None:
    """Class c lies in bucket c % 256, and a sample whose label is ignored lies in none."""
    labels = (np.arange(SAMPLES) * 37) % 300
    labels[::4] = -1
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    run, steps = both(lambda: compiled(lambda: mlp(300), loss=loss), y=labels)

    assert "label_count" not in run.names
    for row, step in enumerate(steps):
        mine = labels.reshape(STEPS, BATCH)[run.sampled_steps[row]]
        expected = np.bincount(mine[mine >= 0] % 256, minlength=256)
        np.testing.assert_array_equal(run.sampled("label_bucket_count")[row], expected)
        guesses = np.bincount(step.prediction[mine >= 0].argmax(1) % 256, minlength=256)
        np.testing.assert_array_equal(run.sampled("prediction_bucket_count")[row], guesses)
