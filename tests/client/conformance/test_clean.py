"""What a program can see of its model, in mid-training and after it, is what it sees alone."""

import copy
import gc
import io
import pickle
import re
import weakref
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from flatline.keras import MonitorCallback
from tests.client.conformance import nets
from tests.client.conformance.experiment import Witness, dense_callback, state_of
from tests.client.conformance.nets import plain
from tests.client.models import (
    BATCH,
    CLASSES,
    FEATURES,
    LABELS,
    STEPS,
    AtStep,
    X,
    compiled,
    fit,
    layers,
)

OURS = {"make_train_function"}
"""What stands in the model's attributes while it is fitted, and is gone after it."""


def saved(model: Any, folder: Path) -> Any:
    """Files, configuration and weights of a saved model, and what is loaded of it."""
    path = folder / "model.keras"
    model.save(path)
    with zipfile.ZipFile(path) as file:
        # Objects that occur twice are numbered by their addresses.
        config = re.sub(r'"shared_object_id": \d+', "", file.read("config.json").decode())
        names = sorted(file.namelist())
    return names, config, numbers(keras.models.load_model(path))


def weights_saved(model: Any, folder: Path) -> Any:
    """Weights that another model takes."""
    path = folder / "model.weights.h5"
    model.save_weights(path)
    other = model_with_everything()
    other.optimizer.build(other.trainable_variables)
    other.load_weights(path)
    return numbers(other, optimizer=False)


def cloned(model: Any, folder: Path) -> Any:
    clone = keras.models.clone_model(model)
    return [v.path for v in clone.variables], sorted(vars(clone))


def pickled(model: Any, folder: Path) -> Any:
    return numbers(pickle.loads(pickle.dumps(model)))  # noqa: S301 - our own


def deep_copied(model: Any, folder: Path) -> Any:
    other = copy.deepcopy(model)
    return numbers(other), sorted(vars(other))


def summary(model: Any, folder: Path) -> Any:
    lines = io.StringIO()
    model.summary(print_fn=lambda line, **_: lines.write(line))
    return lines.getvalue()


def variables(model: Any, folder: Path) -> Any:
    listed = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    return [(v.path, v.trainable, v.dtype) for v in listed]


def config(model: Any, folder: Path) -> Any:
    return model.get_config(), model.get_compile_config()


def attributes(model: Any, folder: Path) -> Any:
    held = {"optimizer": model.optimizer, **{layer.name: layer for layer in model.layers}}
    mine = sorted(set(vars(model)) - OURS)
    return mine, {name: sorted(vars(each)) for name, each in held.items()}


def checkpointed(model: Any, folder: Path) -> Any:
    path = tf.train.Checkpoint(model=model, optimizer=model.optimizer).save(folder / "checkpoint")
    return tf.train.list_variables(path)


def exported(model: Any, folder: Path) -> Any:
    model.export(folder / "exported", verbose=False)
    loaded = tf.saved_model.load(str(folder / "exported"))
    return np.asarray(loaded.serve(X)).tolist(), len(loaded.variables)


def evaluated(model: Any, folder: Path) -> Any:
    """Not in mid-training: an evaluation resets the metrics."""
    return model.evaluate(X, LABELS, verbose=0), model.predict(X, verbose=0).tolist()


def numbers(model: Any, *, optimizer: bool = True) -> Any:
    """Weights, and the optimizer's numbers."""
    own = [array.tolist() for array in model.get_weights()]
    return own, [np.asarray(v).tolist() for v in model.optimizer.variables] if optimizer else ()


LOOKS: dict[str, Callable[[Any, Path], Any]] = {
    look.__name__: look
    for look in (
        *(saved, weights_saved, cloned, pickled, deep_copied, summary, variables, config),
        *(attributes, checkpointed, exported),
    )
}


def model_with_everything() -> Any:
    """Weights, states, seeds, metrics and an optimizer with slots."""
    return compiled(nets.normalised, metrics=["accuracy"])


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What is seen in mid-training and afterwards, alone and watched: name -> (watched, alone)."""
    found: dict[bool, dict[str, Any]] = {}
    for watched in (False, True):
        keras.utils.clear_session()  # names begin at 0 again
        model, seen = model_with_everything(), found.setdefault(watched, {})
        folder = tmp_path_factory.mktemp("watched" if watched else "alone")

        def look(model: Any, seen: Any = seen, folder: Path = folder, when: str = "during") -> None:
            folder = folder / when
            folder.mkdir(exist_ok=True)
            seen |= {f"{name}-{when}": each(model, folder) for name, each in LOOKS.items()}

        ours = [dense_callback()] if watched else []
        fit(model, [*ours, AtStep(2, look)], epochs=1)
        look(model, when="after")
        seen["states"] = state_of(model)
    return {name: (found[True][name], found[False][name]) for name in found[False]}


@pytest.mark.parametrize("when", ["during", "after"])
@pytest.mark.parametrize("name", LOOKS)
def test_a_look_at_the_model_shows_nothing_of_us(views: Any, name: str, when: str) -> None:
    """Whatever a program asks of its model is as it is alone."""
    watched, alone = views[f"{name}-{when}"]

    assert watched == alone


def test_looking_changes_nothing(views: Any) -> None:
    """Saving, copying and exporting in mid-training lead to the same weights."""
    for watched, alone in zip(*views["states"], strict=True):
        np.testing.assert_array_equal(watched, alone)


def test_a_callback_can_be_copied_at_any_time() -> None:
    """Pickled and deep-copied before, in and after a training; a copy has the same settings."""
    callback = MonitorCallback("127.0.0.1:1", name="first")
    copies: list[MonitorCallback] = []

    def both(model: Any = None) -> None:
        copies.extend((copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))))  # noqa: S301 - our own

    both()
    fit(plain(), [callback, AtStep(2, both)], epochs=1)
    both()

    assert len(copies) == 6
    assert all(other.settings == callback.settings for other in copies)
    assert all(other.run_id is None for other in copies)


def test_a_copied_list_of_callbacks_can_train() -> None:
    """As tuners do it: each trial has copies of the callbacks."""
    first = dense_callback()
    for _ in range(2):
        fit(plain(), [copy.deepcopy(first)], epochs=1)
    assert first.runs == []


class Fragile(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Ends the training by an error of TensorFlow when it sees a large number."""

    def call(self, x: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_less(tf.reduce_max(x), 100.0)]):
            return tf.identity(x)


def interrupt(_: Any) -> None:
    raise KeyboardInterrupt


def fail(_: Any) -> None:
    raise ValueError


class Breaking(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Data that break off with an error."""

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, i: int) -> Any:
        if i == 2:
            raise ValueError
        return X[i * BATCH : (i + 1) * BATCH], LABELS[i * BATCH : (i + 1) * BATCH]


def exploding() -> np.ndarray:
    x = X.copy()
    x[2 * BATCH] = 1000
    return x


TROUBLES: dict[str, tuple[type[BaseException], Callable[[Any, list[Any]], Any]]] = {
    "step": (tf.errors.InvalidArgumentError, lambda model, ours: fit(model, ours, exploding())),
    "callback": (ValueError, lambda model, ours: fit(model, [*ours, AtStep(2, fail)])),
    "callback_before_ours": (
        ValueError,
        lambda model, ours: fit(model, [AtStep(2, fail), *ours]),
    ),
    "data": (
        Exception,
        lambda model, ours: model.fit(Breaking(), shuffle=False, verbose=0, callbacks=ours),
    ),
    "interrupt": (KeyboardInterrupt, lambda model, ours: fit(model, [*ours, AtStep(2, interrupt)])),
    "validation": (
        tf.errors.InvalidArgumentError,
        lambda model, ours: fit(model, ours, validation_data=(exploding(), LABELS)),
    ),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_training_that_breaks_off_leaves_the_model_as_it_would_alone(name: str) -> None:
    """States and attributes are those of the same trouble alone; so is the training after it."""
    error, trouble = TROUBLES[name]
    alone, watched, callback = compiled(fragile), compiled(fragile), dense_callback()
    for model, ours in ((alone, []), (watched, [callback])):
        with pytest.raises(error):
            trouble(model, ours)
    gc.collect()

    assert set(vars(watched)) == set(vars(alone))
    assert type(watched.train_function) is type(alone.train_function)
    assert type(watched.test_function) is type(alone.test_function)
    assert_same_state(watched, alone)
    assert fit(watched, []) == fit(alone, [])
    assert fit(watched, [callback]) == fit(alone, [])
    assert_same_state(watched, alone)
    assert [end[0] for end in callback.run.ends][1:] == ["finished"]


def assert_same_state(watched: Any, alone: Any) -> None:
    for ours, theirs in zip(state_of(watched), state_of(alone), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def fragile() -> Any:
    return keras.Sequential([keras.Input((FEATURES,)), Fragile(), layers.Dense(CLASSES)])


@pytest.mark.parametrize("ending", ["whole", "left"])
def test_a_model_is_collected_while_the_callback_lives(ending: str) -> None:
    """Neither the callback nor what we traced keeps a model alive."""
    model, callback = plain(), dense_callback()
    if ending == "left":
        with pytest.raises(ValueError, match=r"^$"):
            fit(model, [callback, AtStep(2, fail)])
    else:
        fit(model, [callback], epochs=1)
    seen = weakref.ref(model)
    callback.set_model(None)  # Keras's own reference
    del model
    gc.collect()

    assert seen() is None


def test_logs_are_what_keras_gives() -> None:
    """A callback after us and one before us see the same dictionary entries, floats."""
    before, after = Witness(), Witness()
    fit(plain(metrics=["accuracy"]), [before, dense_callback(), after])

    assert before.logs == after.logs
    assert {entry[1] for logs in after.logs for entry in logs} == {float}
