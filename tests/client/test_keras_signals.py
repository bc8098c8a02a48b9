"""What the callback sends is what happened."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from flatline.rows import EXACT
from tests.client.models import (
    BATCH,
    BITS,
    CLASSES,
    LABELS,
    MANY_BITS,
    NUMBERS,
    SAMPLES,
    STEPS,
    TOKENS,
    Custom,
    Gan,
    Recording,
    X,
    compiled,
    crossentropy,
    embedding,
    fit,
    mlp,
    two_outputs,
)
from tests.client.reference import assert_close, by_hand, norm, watch

adam = keras.optimizers.Adam


ALL: dict[str, tuple[Callable[[], Any], np.ndarray, np.ndarray]] = {
    "mlp": (compiled, X, LABELS),
    "clipped": (lambda: compiled(optimizer=lambda: adam(0.01, clipnorm=0.01)), X, LABELS),
    "embedding": (lambda: compiled(embedding, loss="binary_crossentropy"), TOKENS, BITS),
    "scaled": (
        lambda: compiled(
            optimizer=lambda: keras.optimizers.LossScaleOptimizer(adam(0.01), initial_scale=64.0)
        ),
        X,
        LABELS,
    ),
    "xla": (lambda: compiled(jit_compile=True), X, LABELS),
    "several_steps_per_call": (lambda: compiled(steps_per_execution=2), X, LABELS),
}


@pytest.mark.parametrize("name", ALL)
def test_norms_and_losses_are_those_of_a_training_by_hand(name: str) -> None:
    """Gradients are measured unscaled and before clipping, weights after the update."""
    make, x, y = ALL[name]

    run, reference = watch(make(), x, y), by_hand(make(), x, y)

    seen = [reference[step] for step in run.sampled_steps]
    assert len(seen) == STEPS - (2 if name == "several_steps_per_call" else 1)
    gradients = [step.gradients for step in seen]
    assert_close(run.sampled("grad_norm"), gradients)
    total = [norm(np.array(row)) for row in gradients]
    assert_close(run.sampled("global_grad_norm"), total)
    assert_close(run.sampled("weight_norm"), [s.weights for s in seen])
    assert_close(run.sampled("update_norm"), [s.updates for s in seen], 1e-3)
    losses = run.column("loss")[run.sampled_steps]
    assert_close(losses, [s.loss for s in seen])
    regularization = [s.regularization for s in seen]
    assert_close(run.sampled("regularization_loss"), regularization)
    data = [s.loss - s.regularization for s in seen]
    assert_close(run.sampled("data_loss"), data)
    assert set(run.column("loss_source")[run.sampled_steps]) == {EXACT}
    assert ("loss_scale" in run.names) == (name == "scaled")


def test_classes_are_counted_as_predicted() -> None:
    """Labels, predictions and hits are those of the step's own batch and weights."""
    run, reference = watch(compiled()), by_hand(compiled(), X, LABELS)

    for row, step in enumerate(run.sampled_steps):
        labels = LABELS[step * BATCH : (step + 1) * BATCH]
        guesses = reference[step].prediction.argmax(1)
        for name, values in (
            ("label_count", labels),
            ("prediction_count", guesses),
            ("correct_count", labels[labels == guesses]),
        ):
            expected = np.bincount(values, minlength=CLASSES)
            np.testing.assert_array_equal(run.sampled(name)[row], expected)
    assert run.sampled("label_count").dtype == np.uint32


def test_labels_that_are_ignored_count_nowhere() -> None:
    """A label out of range is no class, and its prediction is not counted either."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    labels = np.where(np.arange(SAMPLES) % 4 == 0, -1, LABELS)
    run = watch(compiled(loss=loss), y=labels)

    assert set(run.sampled("label_count").sum(1)) == {BATCH * 3 // 4}
    assert set(run.sampled("prediction_count").sum(1)) == {BATCH * 3 // 4}


def test_a_single_unit_counts_two_classes() -> None:
    """Probabilities are compared with one half, logits with zero."""
    run = watch(compiled(embedding, loss="binary_crossentropy"), TOKENS, BITS)

    ones = BITS.reshape(STEPS, BATCH).sum(1)[run.sampled_steps]
    np.testing.assert_array_equal(run.sampled("label_count"), np.stack([BATCH - ones, ones], 1))
    assert run.description[0].class_count == 2


def test_labels_of_a_multilabel_task_are_counted_one_by_one() -> None:
    """Positives of each label, and no classes."""
    run = watch(compiled(lambda: mlp(6, "sigmoid"), loss="binary_crossentropy"), y=MANY_BITS)

    positives = MANY_BITS.reshape(STEPS, BATCH, 6).sum(1)[run.sampled_steps]
    np.testing.assert_array_equal(run.sampled("positive_count"), positives)
    assert "label_count" not in run.names


def test_targets_of_a_regression_are_summarised() -> None:
    """Mean and population variance, with precision to spare for a large mean."""
    targets = NUMBERS + 10_000
    run = watch(compiled(lambda: mlp(1), loss="mse"), y=targets)

    batches = targets.astype(np.float64).reshape(STEPS, BATCH)[run.sampled_steps]
    np.testing.assert_allclose(run.sampled("target_mean")[:, 0], batches.mean(1), rtol=1e-6)
    np.testing.assert_allclose(run.sampled("target_variance")[:, 0], batches.var(1), rtol=1e-3)


def test_targets_that_are_no_numbers_are_counted() -> None:
    """And left out of the moments of the others."""
    targets = NUMBERS.copy()
    targets[BATCH : BATCH + 2, 0] = np.nan, -np.inf
    run = watch(compiled(lambda: mlp(1), loss="mse"), y=targets)

    assert run.sampled("target_nonfinite_count")[:, 0].tolist() == [2, 0, 0]
    batch = targets[BATCH : 2 * BATCH].astype(np.float64)
    expected = batch[np.isfinite(batch)].mean()
    np.testing.assert_allclose(run.sampled("target_mean")[0, 0], expected, rtol=1e-5)


def test_inputs_are_summarised_over_their_finite_elements() -> None:
    """Each input has its name; nan and infinities are counted and left out of the rest."""
    one, two = X.copy(), (X * 10).astype(np.float32)
    one[BATCH + 1, :3] = np.nan, np.inf, -np.inf
    model = compiled(two_outputs, loss={"c": crossentropy(), "r": "mse"})
    run = watch(model, {"one": one, "two": two}, {"c": LABELS, "r": NUMBERS})

    assert run.variables[0][1] == ("one", "two")
    assert run.sampled("input_nonfinite_count")[0].tolist() == [3, 0]
    for column, values in enumerate((one, two)):
        batch = values[BATCH : 2 * BATCH].astype(np.float64)
        finite = batch[np.isfinite(batch)]
        expected = [finite.mean(), finite.std(), finite.min(), finite.max()]
        names = ("input_mean", "input_std", "input_min", "input_max")
        seen = [run.sampled(name)[0, column] for name in names]
        np.testing.assert_allclose(seen, expected, rtol=1e-4)
    assert "data_loss" in run.names
    assert "label_count" not in run.names


@pytest.mark.parametrize("weights", ["class_weight", "sample_weight"])
def test_the_data_loss_knows_no_weights(weights: str) -> None:
    """The loss is the weighted one, the data loss the unweighted one."""
    value = {i: 2.0 + i for i in range(CLASSES)}
    given = value if weights == "class_weight" else np.arange(SAMPLES, dtype=np.float32)
    model = compiled(optimizer=lambda: keras.optimizers.SGD(0.0))
    run = watch(model, **{weights: given})
    plain = by_hand(compiled(optimizer=lambda: keras.optimizers.SGD(0.0)), X, LABELS)

    expected = [plain[step].loss - plain[step].regularization for step in run.sampled_steps]
    np.testing.assert_allclose(run.sampled("data_loss"), expected, rtol=1e-4)
    assert not np.allclose(run.column("loss")[run.sampled_steps], expected, rtol=0.1)


def test_a_skipped_update_moves_nothing() -> None:
    """Under accumulation and after an overflow of the loss scale the update norm is 0."""
    run = watch(compiled(optimizer=lambda: adam(0.01, gradient_accumulation_steps=3)))
    assert (run.sampled("update_norm").sum(1) > 0).tolist() == [False, True, False]

    huge = keras.optimizers.LossScaleOptimizer(adam(0.01), initial_scale=2.0**40)
    run = watch(compiled(lambda: mlp(policy="mixed_float16"), optimizer=lambda: huge))
    assert run.sampled("update_norm").sum() == 0
    assert run.sampled("loss_scale").tolist() == [2.0**39, 2.0**38, 2.0**37]
    assert run.sampled("skipped").tolist() == [1, 1, 1]
    assert not np.isfinite(run.sampled("global_grad_norm")).any()


def test_several_optimizers_are_reported_together() -> None:
    """One axis over the variables of both networks, in the order of the model."""
    run = watch(compiled(Gan, loss=None), y=None)

    assert [v.shape for v in run.variables[0][0]] == [(4, 12), (12,), (12, 1), (1,)]
    assert (run.sampled("grad_norm") > 0).all()
    assert np.isnan(run.column("loss")).all()
    assert "data_loss" not in run.names


def test_variables_have_layers_and_roles() -> None:
    """An own train step and a model that is built by its first batch change nothing."""
    run = watch(compiled(Custom))

    variables = run.variables[0][0]
    assert [v.role for v in variables] == ["kernel", "bias", "kernel", "bias"]
    assert [v.layer for v in variables] == [v.path.split("/")[-2] for v in variables]
    assert variables[0].layer == variables[1].layer != variables[2].layer


def test_the_learning_rate_is_told_when_it_changes() -> None:
    """At once for a callback that sets it between epochs; schedules by the step."""
    plan = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / 2**epoch)
    callback = Recording(allowance_seconds=0)
    fit(compiled(optimizer=lambda: keras.optimizers.SGD(0.1)), [plan, callback], epochs=3)
    expected = {STEPS * epoch: pytest.approx(0.1 / 2**epoch) for epoch in range(3)}
    assert callback.run.rates == expected

    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    run = watch(compiled(optimizer=lambda: keras.optimizers.SGD(decay)))
    assert run.rates == {step: pytest.approx(0.1 * 0.5**step) for step in range(STEPS)}


def test_replicas_are_merged_to_the_whole_batch() -> None:
    """Under a strategy the numbers are those of one device with the same batch."""
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
    with strategy.scope():
        model = compiled()
    several, one = watch(model), watch(compiled())

    assert several.names == one.names
    for name in sorted(one.names):
        np.testing.assert_allclose(several.sampled(name), one.sampled(name), rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(several.column("loss"), one.column("loss"), rtol=1e-4)
