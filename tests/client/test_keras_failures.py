"""Trainings that go wrong, and faults of our own."""

from typing import Any

import keras
import numpy as np
import pytest

from flatline.capture import sampler, updates
from flatline.rows import EXACT, RECONSTRUCTED, UNKNOWN
from tests.client.models import (
    BATCH,
    CLASSES,
    FEATURES,
    LABELS,
    STEPS,
    AtStep,
    Recording,
    X,
    compiled,
    fit,
    state,
)


def spoiled(step: int) -> np.ndarray:
    """The inputs, with one element of one batch that is not a number."""
    x = X.copy()
    x[step * BATCH] = np.nan
    return x


def linear() -> Any:
    """A model through which a nan comes; TensorFlow's relu may swallow it."""
    return keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(CLASSES)])


class Forgetful(keras.optimizers.SGD):  # type: ignore[misc]
    """Updates nothing at all, so that a bad batch leaves no trace in the weights."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        pass


@pytest.fixture
def sparse_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first steps are sampled like all others."""
    monkeypatch.setattr(sampler, "FIRST", 0)


@pytest.mark.usefixtures("sparse_from_the_beginning")
def test_losses_between_sampled_steps_are_taken_out_of_the_running_mean() -> None:
    """They are those of the same training with every step sampled, a smaller last batch too."""
    data = {"x": X[:55], "y": LABELS[:55], "epochs": 3}
    dense, sparse = Recording(allowance_seconds=1e6), Recording(allowance_seconds=0)

    fit(compiled(), [dense], **data)
    fit(compiled(), [sparse], **data)

    assert sparse.run.steps == list(range(3 * STEPS))
    sources = sparse.run.column("loss_source")
    assert sparse.run.sampled_steps[:2] == [1, 4]
    assert [sources[0], sources[1], sources[2], sources[3]] == [
        EXACT,
        EXACT,
        RECONSTRUCTED,
        RECONSTRUCTED,
    ]
    np.testing.assert_allclose(sparse.run.column("loss"), dense.run.column("loss"), rtol=1e-4)
    assert sparse.run.column("epoch").tolist() == [e for e in range(3) for _ in range(STEPS)]


@pytest.mark.usefixtures("sparse_from_the_beginning")
def test_soon_after_a_nan_every_step_is_sampled_until_the_epoch_ends() -> None:
    """Within eight steps; the running mean says nothing more, and what came is reported at once."""
    callback = Recording(allowance_seconds=0)
    model = compiled(linear, optimizer=Forgetful)
    x = np.concatenate([spoiled(2), *[X] * 7])
    fit(model, [callback], x, np.tile(LABELS, 8), epochs=2)

    run, length = callback.run, 8 * STEPS
    sampled = [s for s in run.sampled_steps if s < length]
    assert sampled[-(length - 11) :] == list(range(11, length))
    losses, sources = run.column("loss"), run.column("loss_source")
    unknown = {step for step in run.steps if sources[step] == UNKNOWN or np.isnan(losses[step])}
    unsampled = set(range(3, 11)) - set(sampled)
    for epoch in (0, length):
        of_epoch = {step - epoch for step in unknown if 0 <= step - epoch < length}
        assert {2} <= of_epoch <= {2} | unsampled
    assert any(2 < rows.first_step <= 11 for rows in run.rows)
    bad = dict(zip(run.sampled_steps, run.sampled("input_nonfinite_count")[:, 0], strict=True))
    assert bad[11] == 0
    assert bad.get(length + 2, FEATURES) == FEATURES


def test_a_step_that_raises_fails_the_run() -> None:
    """The exception reaches the program, the steps before it and its type the monitor."""
    model, callback = compiled(), Recording()
    with pytest.raises(TypeError, match="spoiled"):
        fit(model, [callback, AtStep(1, spoil)])

    assert callback.run.ends == [("failed", "TypeError", 2)]
    assert callback.run.texts == ["spoiled"]
    assert callback.run.steps == [0, 1]
    assert "make_train_function" not in vars(model)


def spoil(model: Any) -> None:
    """Let the train functions of the program and of the callback raise."""

    def raises(iterator: Any) -> Any:
        message = "spoiled"
        raise TypeError(message)

    dispatcher = model.train_function
    dispatcher.bare = dispatcher._tracer._function = raises


def test_an_interrupt_within_a_step_interrupts_the_run() -> None:
    """Ctrl-C reaches the program, and the monitor is told."""

    class Interrupted(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            raise KeyboardInterrupt

    model = compiled(lambda: keras.Sequential([Interrupted()]), run_eagerly=True)
    model.built = True
    callback = Recording()
    with pytest.raises(KeyboardInterrupt):
        fit(model, [callback])

    assert callback.run.ends == [("interrupted", "KeyboardInterrupt", 0)]


def test_a_fit_that_was_left_in_between_is_noticed_by_the_next() -> None:
    """Keras calls no hook then; the next fit trains by the program's own function."""

    def interrupt(model: Any) -> None:
        raise KeyboardInterrupt

    model, callback = compiled(), Recording()
    with pytest.raises(KeyboardInterrupt):
        fit(model, [callback, AtStep(2, interrupt)])
    fit(model, [], epochs=1)

    assert callback.run.ends == [("interrupted", "", 3)]
    assert callback.run.steps == [0, 1, 2]
    assert "make_train_function" not in vars(model)


def test_a_fault_of_ours_leaves_the_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statistic that raises is left out; everything else goes on, the training first of all."""
    alone, watched, callback = compiled(), compiled(), Recording()
    fit(alone, [])

    def raises(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(updates, "square_sums", raises)
    fit(watched, [callback])

    for ours, theirs in zip(state(watched), state(alone), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert "grad_norm" not in callback.run.names
    assert {"label_count", "input_mean", "data_loss"} <= callback.run.names
    assert callback.run.steps == list(range(2 * STEPS))
