"""Counting the classes of validations changes nothing of them, whatever happens in them."""

import gc
import logging
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from flatline.capture import batch
from tests.client.models import (
    BATCH,
    CLASSES,
    FEATURES,
    LABELS,
    AtStep,
    Recording,
    X,
    compiled,
    fit,
    layers,
    state,
)
from tests.client.validated import VALIDATED, AtEnd, Counting, InTest, counted


class Noisy(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Noise from TensorFlow's own dice, in tests too."""

    def call(self, x: Any) -> Any:
        return x + 0.1 * tf.random.normal(tf.shape(x))


class Fragile(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Ends whatever it is called in by an error when it sees a large number."""

    def call(self, x: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_less(tf.reduce_max(x), 100.0)]):
            return tf.identity(x)


def behind(layer: type) -> Callable[[], Any]:
    return lambda: keras.Sequential([keras.Input((FEATURES,)), layer(), layers.Dense(CLASSES)])


def evaluate(model: Any) -> None:
    model.evaluate(X, LABELS, verbose=0)


def raises(*_: Any) -> Any:
    raise ZeroDivisionError


def interrupt(_: Any) -> None:
    raise KeyboardInterrupt


def exploding() -> np.ndarray:
    x = X.copy()
    x[2 * BATCH] = 1000
    return x


def test_a_validation_is_traced_once() -> None:
    """As often as alone: in several passes, in several fits, with several callbacks."""
    alone, watched, first = compiled(Counting), compiled(Counting), Recording()
    for callback in (first, first, Recording()):
        fit(alone, [], **VALIDATED)
        fit(watched, [callback], **VALIDATED)

    assert watched.tested == alone.tested
    assert len(first.run.counts) == 4
    assert all(first.run.counts)


def test_what_is_evaluated_elsewhere_is_left_alone() -> None:
    """After a fit, and by another callback in it: results as alone, and none of it counted."""
    alone, watched, callback = compiled(), compiled(), Recording()
    results: dict[int, list[float]] = {}

    def evaluate(model: Any) -> None:
        results.setdefault(id(model), []).append(model.evaluate(X, LABELS, verbose=0))

    for model, ours in ((alone, []), (watched, [callback])):
        fit(model, [*ours, AtEnd(evaluate), AtStep(1, evaluate)], epochs=2, **VALIDATED)
        evaluate(model)

    assert results[id(watched)] == results[id(alone)]
    assert len(callback.run.evaluations) == 2


def test_a_pass_within_a_pass_is_no_count() -> None:
    """It begins the metrics anew, and so no count would be of what they are of; the next is."""
    alone, watched, callback = compiled(), compiled(), Recording()
    histories = [
        fit(model, [*ours, InTest(evaluate)], **VALIDATED)
        for model, ours in ((watched, [callback]), (alone, []))
    ]

    assert histories[0] == histories[1]
    assert callback.run.counts == [{}, counted(watched)]


def test_a_model_that_was_evaluated_before_is_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Its test function is traced already; that is said once, and a new compile ends it."""
    model, callback = compiled(Counting), Recording()
    model.evaluate(X, LABELS, verbose=0)
    traced = model.tested
    with caplog.at_level(logging.INFO, "flatline"):
        fit(model, [callback], **VALIDATED)

    assert callback.run.counts == [{}, {}]
    assert model.tested <= traced + 1  # a last batch of another size
    assert [text for text in caplog.messages if "evaluated before this fit" in text] != []
    assert len([text for text in caplog.messages if "not counted" in text]) == 1
    model.compile("sgd", model.loss)
    fit(model, [callback], **VALIDATED)
    assert callback.run.counts[-1] == counted(model)


def test_a_fault_of_ours_leaves_the_validation_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The metrics are as alone, the counts are absent, and it is said once."""
    alone, watched, callback = compiled(), compiled(), Recording()
    history = fit(alone, [], **VALIDATED)
    monkeypatch.setattr(batch, "target_columns", raises)
    with caplog.at_level(logging.INFO, "flatline"):
        watched_history = fit(watched, [callback], **VALIDATED)

    assert watched_history == history
    assert callback.run.counts == [{}, {}]
    assert len([text for text in caplog.messages if "classes in validations failed" in text]) == 1


def test_dice_of_the_program_are_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """Another traced function would draw other numbers, now and in later evaluations."""
    results = []
    for ours in ([], [Recording()]):
        model = compiled(behind(Noisy))
        keras.utils.set_random_seed(1)
        with caplog.at_level(logging.INFO, "flatline"):
            history = fit(model, ours, **VALIDATED)
        results.append((history, model.evaluate(X, LABELS, verbose=0), state(model)[0].tolist()))

    assert results[0] == results[1]
    assert ours[0].run.counts == [{}, {}]
    assert len([text for text in caplog.messages if "not counted" in text]) == 1


TROUBLES: dict[str, tuple[type[BaseException], Callable[[Any, list[Any]], Any]]] = {
    "data": (
        tf.errors.InvalidArgumentError,
        lambda model, ours: fit(model, ours, validation_data=(exploding(), LABELS)),
    ),
    "shape": (
        Exception,
        lambda model, ours: fit(model, ours, validation_data=(X[:, :3], LABELS)),
    ),
    "callback": (
        KeyboardInterrupt,
        lambda model, ours: fit(model, [*ours, InTest(interrupt)], **VALIDATED),
    ),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_validation_that_breaks_off_leaves_the_model_as_it_would_alone(name: str) -> None:
    """So are the evaluations after it, and the next fit, which is counted."""
    error, trouble = TROUBLES[name]
    alone, watched = (compiled(behind(Fragile)) for _ in range(2))
    callback = Recording()
    for model, ours in ((alone, []), (watched, [callback])):
        with pytest.raises(error):
            trouble(model, ours)
    gc.collect()

    assert set(vars(watched)) == set(vars(alone))
    assert type(watched.test_function) is type(alone.test_function)
    assert watched.evaluate(X, LABELS, verbose=0) == alone.evaluate(X, LABELS, verbose=0)
    watched.compile("sgd", watched.loss)
    fit(watched, [callback], **VALIDATED)
    assert callback.run.counts[-1] == counted(watched)
    assert callback.run.ends[-1][0] == "finished"


def test_a_model_is_collected_after_a_validation() -> None:
    """Neither the callback nor what we traced keeps it alive."""
    model, callback = compiled(), Recording()
    fit(model, [callback], **VALIDATED)
    seen = weakref.ref(model)
    callback.set_model(None)  # Keras's own reference
    del model
    keras.backend.clear_session()
    gc.collect()

    assert seen() is None
