"""What people do with callbacks and models, and what it must not come to."""

import gc
import itertools
import random
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from flatline.capture.dispatch import Dispatcher
from flatline.keras import MonitorCallback
from tests.client.models import (
    BITS,
    CLASSES,
    FEATURES,
    LABELS,
    STEPS,
    AtStep,
    Custom,
    Recording,
    X,
    compiled,
    crossentropy,
    fit,
    state,
)

SIZES = [16, 16, 8, 16] * 6
"""Batches of a loop; a bigger one may follow a smaller one."""


class Noisy(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Noise from TensorFlow's own dice, whose state is in the traced function."""

    def call(self, x: Any) -> Any:
        return x + 0.1 * tf.random.normal(tf.shape(x))


def noisy() -> Any:
    return keras.Sequential([keras.Input((FEATURES,)), Noisy(), keras.layers.Dense(CLASSES)])


def unbuilt() -> Any:
    """As people write it who leave the input's shape to Keras."""
    hidden = keras.layers.Dense(8, activation="relu")
    return keras.Sequential([hidden, keras.layers.Dense(1, activation="sigmoid")])


def fail(_: Any) -> None:
    raise ValueError


def test_a_step_that_draws_from_tf_random_is_never_sampled() -> None:
    """A second trace would draw other numbers: the weights are those of the training alone."""
    bare, watched, callback = compiled(noisy), compiled(noisy), Recording()
    keras.utils.set_random_seed(1)
    fit(bare, [])
    keras.utils.set_random_seed(1)
    fit(watched, [callback])

    for ours, theirs in zip(state(watched), state(bare), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert callback.run.sampled_steps == []
    assert np.isfinite(callback.run.column("loss")).all()


def test_the_dice_of_the_program_are_left_alone() -> None:
    """Augmentation draws from the global random numbers; with no monitor there are reconnects."""
    model = compiled()
    before = random.getstate()
    fit(model, [MonitorCallback("127.0.0.1:1")])

    assert random.getstate() == before


@pytest.mark.parametrize("twice", [True, False])
def test_a_second_callback_on_the_same_model_does_nothing(twice: bool) -> None:  # noqa: FBT001 - a case
    """The first one measures, no step is counted twice, and the model is left as it was."""
    first, model = Recording(), compiled()
    second = first if twice else Recording()
    fit(model, [first, second], epochs=2)

    assert first.run.steps == list(range(2 * STEPS))
    assert len(first.runs) + (0 if twice else len(second.runs)) == 1
    assert not isinstance(model.train_function, Dispatcher)


@pytest.mark.parametrize("reset", [True, False])
def test_a_loop_of_train_on_batch_is_measured(reset: bool) -> None:  # noqa: FBT001 - a case
    """Each loss is that of its own batch, whether or not the metrics go on over batches."""
    alone, model, callback = compiled(), compiled(), Recording(overhead=1.0, allowance_seconds=0)
    expected = [float(alone.train_on_batch(X[:size], LABELS[:size])) for size in SIZES]
    callbacks = keras.callbacks.CallbackList([callback], model=model)
    callbacks.on_train_begin()
    for size in SIZES:
        if reset:
            model.reset_metrics()
        model.train_on_batch(X[:size], LABELS[:size])
    callbacks.on_train_end()

    run = callback.run
    assert run.steps == list(range(len(SIZES)))
    np.testing.assert_allclose(run.column("loss"), expected, rtol=1e-5)
    assert 0 < len(run.sampled_steps) < len(SIZES)
    assert run.ends == [("finished", "", len(SIZES))]
    for ours, theirs in zip(state(model), state(alone), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not isinstance(model.train_function, Dispatcher)


def test_xla_can_be_left_alone() -> None:
    """With xla_exact no step that XLA compiles is sampled; others are."""
    compiled_by_xla, other = Recording(xla_exact=True), Recording(xla_exact=True)
    fit(compiled(jit_compile=True), [compiled_by_xla])
    fit(compiled(), [other])

    assert compiled_by_xla.run.steps == list(range(2 * STEPS))
    assert compiled_by_xla.run.sampled_steps == []
    assert other.run.sampled_steps != []


def test_a_loop_can_be_watched_with_its_plan() -> None:
    """From the beginning to the end of the block, or to its exception."""
    model, callback = compiled(), Recording()
    with callback.watch(model, steps=4):
        for _ in range(4):
            model.train_on_batch(X, LABELS)
    with pytest.raises(AttributeError), callback.watch(model):
        model.train_on_batches(X)
    model.train_on_batch(X, LABELS)

    assert callback.run.description[0].plan_steps == 4
    assert callback.run.ends == [("finished", "", 4), ("failed", "AttributeError", 4)]


@pytest.mark.parametrize("before", [True, False])
def test_the_learning_rate_of_an_epoch_is_that_of_its_first_step(before: bool) -> None:  # noqa: FBT001 - a case
    """Whether the scheduler stands before us in the list of callbacks or after us."""
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    callback = Recording(allowance_seconds=0)
    fit(compiled(), [rates, callback] if before else [callback, rates], epochs=3)

    assert callback.run.rates == pytest.approx({0: 0.1, STEPS: 0.05, 2 * STEPS: 0.1 / 3})


def test_a_fit_that_another_callback_ended_is_told_of() -> None:
    """Its steps are sent when nobody can come back to it, and the model is left as it was."""
    model, callback = compiled(), Recording()
    with pytest.raises(ValueError, match=r"^$"):
        fit(model, [callback, AtStep(2, fail)])
    gc.collect()

    assert callback.run.steps == [0, 1, 2]
    assert callback.run.ends == [("interrupted", "", 3)]
    assert not isinstance(model.train_function, Dispatcher)


def test_a_model_that_was_not_built_is_described_after_its_first_step() -> None:
    """Only then are its outputs known: one unit, two classes."""
    callback = Recording()
    model = compiled(unbuilt, loss="binary_crossentropy")
    fit(model, [callback], y=BITS)

    last = callback.run.description[-1]
    assert (last.task, last.loss_kind, last.class_count) == ("classification", "cross_entropy", 2)
    assert callback.run.sampled("label_count").shape == (len(callback.run.sampled_steps), 2)


@pytest.mark.parametrize("loss", [["binary_crossentropy"], {"o": "binary_crossentropy"}])
def test_a_loss_in_a_list_of_one_is_that_loss(loss: Any) -> None:
    """One output, however its loss is wrapped up."""
    x = keras.Input((FEATURES,))
    out = keras.layers.Dense(1, activation="sigmoid", name="o")(x)
    outputs = {"o": out} if isinstance(loss, dict) else out
    callback = Recording()
    y = {"o": BITS} if isinstance(loss, dict) else BITS
    fit(compiled(lambda: keras.Model(x, outputs), loss=loss), [callback], y=y)

    assert callback.run.description[0].class_count == 2
    assert "correct_count" in callback.run.names


def test_batches_of_another_shape_turn_measuring_off_without_a_word_too_many(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is measured would be something else: the loss goes on, and so does the next fit."""

    def lengths() -> Any:
        for length in (5, 5, 7, 7):
            yield np.ones((4, length, 2), "float32"), np.ones((4, length, 1), "float32")

    model = compiled(lambda: keras.Sequential([keras.layers.Dense(1)]), loss="mse")
    callback, fresh = Recording(), Recording()
    data = tf.data.Dataset.from_generator(
        lengths,
        output_signature=(
            tf.TensorSpec((4, None, 2), tf.float32),
            tf.TensorSpec((4, None, 1), tf.float32),
        ),
    )
    data = data.apply(tf.data.experimental.assert_cardinality(4))
    with caplog.at_level("INFO", "flatline"):
        model.fit(data, shuffle=False, verbose=0, callbacks=[callback])
        model.fit(np.ones((8, 3, 2)), np.ones((8, 3, 1)), verbose=0, callbacks=[fresh], epochs=3)

    assert callback.run.steps == [0, 1, 2, 3]
    assert len(fresh.run.sampled_steps) > 0
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("habit", ["sizes", "reset"])
def test_a_running_mean_over_other_samples_gives_no_losses(habit: str) -> None:
    """Batches of changing sizes, metrics reset in mid-epoch: unknown, and not made up."""
    sizes = (16, 4, 9, 16, 2, 11) if habit == "sizes" else (16,) * 6
    at = np.cumsum((0, *sizes))
    parts = [(X[a - 9 : b - 9] if a > 60 else X[a:b], b - a) for a, b in itertools.pairwise(at)]
    batches = [(np.resize(x, (n, FEATURES)), np.resize(LABELS, n)) for x, n in parts]

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, i: int) -> Any:
            return batches[i]

    truth, callback = Recording(allowance_seconds=1e6), Recording(allowance_seconds=0)
    reset = AtStep(2, lambda model: model.reset_metrics())
    extra = [reset] if habit == "reset" else []
    for each in (truth, callback):
        compiled().fit(Batches(), shuffle=False, verbose=0, epochs=4, callbacks=[each, *extra])

    losses, exact = callback.run.column("loss"), truth.run.column("loss")
    known = np.isfinite(losses)
    assert known.any()
    np.testing.assert_allclose(losses[known], exact[known], rtol=1e-3)


@pytest.mark.parametrize(
    "schedule",
    [
        keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5),
        keras.optimizers.schedules.CosineDecay(0.1, 20, warmup_target=0.2, warmup_steps=4),
        keras.optimizers.schedules.PiecewiseConstantDecay([3, 9], [0.1, 0.01, 0.001]),
    ],
    ids=["exponential", "cosine", "piecewise"],
)
def test_a_schedule_is_followed_step_by_step(schedule: Any) -> None:
    """Also between sampled steps; a rate that stays is not sent again."""
    callback = Recording(allowance_seconds=0)
    fit(compiled(optimizer=lambda: keras.optimizers.SGD(schedule)), [callback], epochs=5)

    rate, seen = None, []
    for step in callback.run.steps:
        rate = callback.run.rates.get(step, rate)
        seen.append(rate)
    assert seen == pytest.approx([float(schedule(step)) for step in callback.run.steps], rel=1e-5)


def test_a_validation_after_each_step_leaves_the_model_as_it_was() -> None:
    """An epoch of one step is validated before the second step: no reason not to measure that."""
    callback = Recording()
    fit(compiled(), [callback], epochs=5, batch_size=len(X), validation_data=(X, LABELS))

    assert len(callback.run.sampled_steps) == 4


class OwnOptimizer(Custom):
    """Compiled with nothing, which makes an optimizer that stays idle."""

    def compile(self, **_: Any) -> None:
        super().compile()
        self.mine = keras.optimizers.SGD(0.05)

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = crossentropy()(y, self(x, training=True))
        weights = self.trainable_weights
        self.mine.apply(tape.gradient(loss, weights), weights)
        return {"loss": loss}


def test_the_rate_is_that_of_the_optimizer_at_work() -> None:
    """Also on steps that are not sampled, such as the first."""
    callback = Recording()
    model = OwnOptimizer()
    model.compile()
    fit(model, [callback])

    rates = [rate for rows in callback.run.rows for _, rate in rows.learning_rate]
    assert rates == pytest.approx([0.05])
