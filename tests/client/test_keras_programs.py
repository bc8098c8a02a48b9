"""What programs do with a model and its callback: fit again, freeze, copy, save, forget."""

import copy
import gc
import math
import pickle
import weakref
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from flatline.keras import MonitorCallback
from tests.client.models import (
    BATCH,
    CLASSES,
    LABELS,
    SAMPLES,
    STEPS,
    AtStep,
    Gan,
    Recording,
    X,
    compiled,
    fit,
    state,
)


def test_fitting_again_goes_on_with_the_run() -> None:
    """Steps and epochs go on, nothing is traced again, and the weights are as without us."""
    alone, watched, callback = compiled(), compiled(), Recording()
    for first in (0, 2):
        fit(alone, [], initial_epoch=first, epochs=first + 2)
        fit(watched, [callback], initial_epoch=first, epochs=first + 2)

    assert len(callback.runs) == 1
    run = callback.run
    assert run.steps == list(range(4 * STEPS))
    assert run.column("epoch").tolist() == [e for e in range(4) for _ in range(STEPS)]
    assert [d.plan_steps for d in run.description] == [2 * STEPS, 4 * STEPS]
    assert [d.plan_epochs for d in run.description] == [2, 4]
    assert len(run.ends) == 2
    assert len(run.variables) == 1
    for ours, theirs in zip(state(watched), state(alone), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_model_that_was_frozen_has_other_variables() -> None:
    """A compiled-anew model is traced anew, and its list of variables has a new revision."""
    model, callback = compiled(), Recording()
    fit(model, [callback], epochs=1)
    model.layers[0].trainable = False
    model.compile("sgd", model.loss)
    fit(model, [callback], epochs=1)

    run = callback.run
    assert [len(variables) for variables, _ in run.variables] == [4, 2]
    assert {rows.revision: rows.sampled["grad_norm"].shape[1] for rows in run.rows if rows.sampled}


def test_another_model_is_another_run() -> None:
    """One callback object may serve several models, one after the other."""
    callback = Recording()
    for _ in range(2):
        fit(compiled(), [callback], epochs=1)

    assert [run.steps for run in callback.runs] == [list(range(STEPS))] * 2
    assert [len(run.ends) for run in callback.runs] == [1, 1]


def test_validations_are_told_with_their_size() -> None:
    """Those of the fit, under their epoch, and no other."""
    model, callback = compiled(metrics=["accuracy"]), Recording()
    history = fit(model, [callback], validation_data=(X[:40], LABELS[:40]))
    model.evaluate(X, LABELS, verbose=0, callbacks=[callback])

    assert [e[:3] for e in callback.run.evaluations] == [(STEPS, 0, 40), (2 * STEPS, 1, 40)]
    assert [e[3]["loss"] for e in callback.run.evaluations] == history["val_loss"]
    assert set(callback.run.evaluations[0][3]) == {"loss", "accuracy"}


def test_a_callback_can_be_copied_in_mid_training() -> None:
    """A copy has the settings, and a run of its own."""
    callback = Recording(name="first", overhead=0.02)
    copies: list[MonitorCallback] = []

    def both(model: Any) -> None:
        copies.extend((copy.deepcopy(callback), copy.copy(callback)))
        pickle.dumps(callback.settings)

    fit(compiled(), [callback, AtStep(1, both)], epochs=1)
    plain = pickle.loads(pickle.dumps(MonitorCallback(name="first", overhead=0.02)))  # noqa: S301

    assert all(other.settings == callback.settings for other in [*copies, plain])
    other = copies[0]
    fit(compiled(), [other], epochs=1)
    assert len(callback.runs) == 1


def test_a_model_can_be_saved_in_mid_training(tmp_path: Path) -> None:
    """What is saved has the model's own variables and nothing of ours."""
    path = tmp_path / "model.keras"
    model = compiled()
    fit(model, [Recording(), AtStep(2, lambda model: model.save(path))], epochs=1)

    loaded = keras.models.load_model(path)
    assert len(loaded.variables) == len(model.variables)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)


def test_a_model_is_collected_after_its_training() -> None:
    """Neither traced function nor variable of ours keeps a model alive."""
    model = compiled()
    fit(model, [Recording()], epochs=1)
    seen = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()

    assert seen() is None


def test_a_batch_trained_within_a_fit_does_not_end_it() -> None:
    """`train_on_batch` in a callback makes a train function too."""
    callback = Recording()
    inner = AtStep(1, lambda model: model.train_on_batch(X[:BATCH], LABELS[:BATCH]))
    fit(compiled(), [callback, inner], epochs=1)

    assert callback.run.ends == [("finished", "", STEPS + 1)]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Keras says so of any such
def test_a_training_without_known_length_has_no_plan() -> None:
    """Steps are counted as they come; the call that finds no more data is none."""
    data = tf.data.Dataset.from_tensor_slices((X[:55], LABELS[:55])).batch(BATCH)
    dataset = data.filter(lambda *_: True)
    callback = Recording(allowance_seconds=0)
    compiled().fit(dataset, epochs=2, verbose=0, shuffle=False, callbacks=[callback])

    run = callback.run
    assert run.description[0].plan_steps is None
    assert run.steps == list(range(2 * STEPS))
    assert not any(math.isnan(loss) for loss in run.column("loss"))


def test_full_batches_are_sampled_although_each_ends_an_epoch() -> None:
    """Epochs of one step have no last batch of another size."""
    callback = Recording()
    fit(compiled(), [callback], batch_size=SAMPLES, epochs=5)

    assert callback.run.sampled_steps == [1, 2, 3, 4]


def test_steps_that_log_no_loss_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """In one line, with what they log and what would be right: most detectors go by the loss."""
    model, callback = Gan(), Recording()
    model.compile()
    with caplog.at_level("INFO", "flatline"):
        model.fit(X, batch_size=BATCH, epochs=2, verbose=0, callbacks=[callback])

    assert caplog.text.count("critic_loss, generator_loss but no 'loss'") == 1
    assert np.isnan(callback.run.column("loss")).all()


class SameLogs(keras.Sequential):  # type: ignore[misc]
    """Gives out one dict again and again, with the loss of each step written into it."""

    told: dict[str, Any] = {}  # noqa: RUF012 - that it is shared is the point

    train_function: Any

    def make_train_function(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - Keras's
        super().make_train_function(force)
        train = self.train_function

        def function(iterator: Any) -> dict[str, Any]:
            self.told.update(train(iterator))
            return self.told

        self.train_function = function


def test_logs_that_are_written_over_are_read_in_time() -> None:
    """Each step has its own loss, not that of the last one that waited to be read."""
    usual, same = Recording(allowance_seconds=0), Recording(allowance_seconds=0)
    fit(compiled(lambda: keras.Sequential([keras.layers.Dense(CLASSES)])), [usual], epochs=9)
    fit(compiled(lambda: SameLogs([keras.layers.Dense(CLASSES)])), [same], epochs=9)

    np.testing.assert_array_equal(same.run.column("loss"), usual.run.column("loss"))


def test_a_wrong_argument_says_what_would_be_right() -> None:
    """The user's code is wrong, so the user's code raises."""
    with pytest.raises(ValueError, match="overhead"):
        MonitorCallback(overhead=-1)


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where it is the default; a default does not win."""
    monkeypatch.setenv("FLATLINE_TARGET", "elsewhere:1")
    monkeypatch.setenv("FLATLINE_OVERHEAD", "0.5")

    assert MonitorCallback().settings.target == "elsewhere:1"
    assert MonitorCallback().settings.overhead == 0.5
    assert MonitorCallback("127.0.0.1:7511").settings.target == "127.0.0.1:7511"
    assert MonitorCallback(overhead=0.01).settings.overhead == 0.01
