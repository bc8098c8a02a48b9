"""Several fits of one model, in the orders in which people do it."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.client.conformance import nets
from tests.client.conformance.experiment import dense_callback, state_of
from tests.client.conformance.nets import plain
from tests.client.models import LABELS, AtStep, Recording, X, compiled, crossentropy, fit


class Trainer:
    """Fits a model with callbacks of ours, or alone."""

    def __init__(self, folder: Path, *, watched: bool, make: Callable[[], Any] = plain) -> None:
        self.folder = folder
        self.watched = watched
        self.model = make()
        self.callback = dense_callback()
        self.others: list[Recording] = []
        self.seen: list[Any] = []

    def fit(self, *others: Any) -> None:
        """With the same callback object each time."""
        self._fit([self.callback], *others)

    def fit_new(self) -> None:
        """With a callback of its own."""
        self.others.append(dense_callback())
        self._fit([self.others[-1]])

    def fit_alone(self, *others: Any) -> None:
        """Without us."""
        self._fit([], *others)

    def _fit(self, ours: list[Any], *others: Any) -> None:
        history = fit(self.model, [*(ours if self.watched else []), *others], epochs=2)
        self.seen += [history, state_of(self.model)]

    def compile(self, **arguments: Any) -> None:
        """Compile anew, the optimizer starting again."""
        optimizer = arguments.pop("optimizer", keras.optimizers.Adam(0.01))
        self.model.compile(optimizer, loss=crossentropy(), **arguments)

    def freeze(self, *, trainable: bool = False) -> None:
        """Let the first layer learn or not."""
        self.model.layers[0].trainable = trainable

    def reload(self) -> None:
        """Go on with the model as it comes from the disk."""
        self.model.save(self.folder / "model.keras")
        self.model = keras.models.load_model(self.folder / "model.keras")

    def reload_weights(self) -> None:
        """Go on with a new model that has the weights."""
        self.model.save_weights(self.folder / "model.weights.h5")
        self.model = plain()
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.load_weights(self.folder / "model.weights.h5")

    def set_attribute(self, value: float) -> None:
        """Change what a traced function has read once and for all."""
        self.model.factor = value


class Scaling(nets.Subclassed):
    """Reads an attribute in its call: of a traced function, as it was at the trace."""

    factor = 1.0

    def call(self, x: Any) -> Any:
        return super().call(x) * self.factor


Script = list[Callable[[Trainer], None]]
FROZEN = "what the program's own function has read before we came is not known to us"
SCRIPTS: dict[str, Script] = {
    "same_callback": [Trainer.fit, Trainer.fit],
    "new_callback": [Trainer.fit, Trainer.fit_new],
    "without_callback": [Trainer.fit, Trainer.fit_alone, Trainer.fit],
    "callback_only_later": [Trainer.fit_alone, Trainer.fit],
    "recompile": [Trainer.fit, Trainer.compile, Trainer.fit],
    "recompile_to_eager": [
        Trainer.fit,
        lambda trainer: trainer.compile(run_eagerly=True),
        Trainer.fit,
    ],
    "recompile_several_steps": [
        Trainer.fit,
        lambda trainer: trainer.compile(steps_per_execution=2),
        Trainer.fit,
        Trainer.fit,
    ],
    "recompile_other_optimizer": [
        Trainer.fit,
        lambda trainer: trainer.compile(optimizer=keras.optimizers.SGD(0.1)),
        Trainer.fit,
    ],
    "freeze_and_recompile": [
        Trainer.fit,
        Trainer.freeze,
        Trainer.compile,
        Trainer.fit,
        lambda trainer: trainer.freeze(trainable=True),
        Trainer.compile,
        Trainer.fit,
    ],
    "freeze_without_recompile": [Trainer.fit, Trainer.freeze, Trainer.fit],
    "freeze_without_recompile_new_callback": [Trainer.fit, Trainer.freeze, Trainer.fit_new],
    "freeze_without_recompile_callback_only_later": [
        Trainer.fit_alone,
        Trainer.freeze,
        Trainer.fit,
    ],
    "freeze_in_mid_fit": [lambda trainer: trainer.fit(AtStep(0, freeze))],
    "load_model": [Trainer.fit, Trainer.reload, Trainer.fit],
    "load_weights": [Trainer.fit, Trainer.reload_weights, Trainer.fit_new],
    "evaluate_and_predict_between": [
        Trainer.fit,
        lambda trainer: trainer.model.evaluate(X, LABELS, verbose=0),
        lambda trainer: trainer.model.predict(X, verbose=0),
        Trainer.fit,
    ],
    "batch_trained_between": [
        Trainer.fit,
        lambda trainer: trainer.model.train_on_batch(X[:16], LABELS[:16]),
        Trainer.fit,
    ],
}
FAST = {
    *("same_callback", "without_callback", "freeze_and_recompile", "load_model"),
    *("freeze_without_recompile", "freeze_in_mid_fit", "recompile_several_steps"),
}
DEFECTS = {
    "freeze_without_recompile_callback_only_later": FROZEN,
}


def freeze(model: Any) -> None:
    model.layers[0].trainable = False


def scripts() -> list[Any]:
    """All scripts, with what is known of them."""
    return [
        pytest.param(
            name,
            id=name,
            marks=[
                *([] if name in FAST else [pytest.mark.long]),
                *([pytest.mark.xfail(reason=DEFECTS[name])] if name in DEFECTS else []),
            ],
        )
        for name in SCRIPTS
    ]


def assert_same(ours: list[Any], theirs: list[Any]) -> None:
    """Compare histories and states, bit for bit."""
    for watched, alone in itertools.zip_longest(ours, theirs):
        if isinstance(alone, dict):
            assert watched == alone
            continue
        for mine, expected in itertools.zip_longest(watched, alone):
            np.testing.assert_array_equal(mine, expected)


@pytest.mark.parametrize("name", scripts())
def test_several_fits_are_the_same_as_alone(name: str, tmp_path: Path) -> None:
    """After each fit, states and histories do not tell whether anybody watched."""
    alone, watched = Trainer(tmp_path, watched=False), Trainer(tmp_path, watched=True)
    for trainer in (alone, watched):
        for act in SCRIPTS[name]:
            act(trainer)

    assert_same(watched.seen, alone.seen)
    # A model that was changed without compile() is trained as before, and not measured.
    assert any(watched.callback.run.sampled_steps) == (name != "freeze_in_mid_fit")
    assert set(vars(watched.model)) == set(vars(alone.model))


def test_what_a_trace_has_read_once_is_not_read_again(tmp_path: Path) -> None:
    """An attribute that a callback changes has no effect on a traced step; watched neither."""
    alone = Trainer(tmp_path, watched=False, make=lambda: compiled(Scaling))
    watched = Trainer(tmp_path, watched=True, make=lambda: compiled(Scaling))
    for trainer in (alone, watched):
        trainer.fit(AtStep(0, lambda model: setattr(model, "factor", 3.0)))

    assert_same(watched.seen, alone.seen)


def test_frozen_variables_are_no_axis(tmp_path: Path) -> None:
    """Those that do not learn are not listed, and those that learn again are."""
    trainer = Trainer(tmp_path, watched=True)
    for act in SCRIPTS["freeze_and_recompile"]:
        act(trainer)

    run = trainer.callback.run
    assert [len(variables) for variables, _ in run.variables] == [4, 2, 4]
    widths = [rows.sampled["grad_norm"].shape[1] for rows in run.rows if rows.sampled]
    assert list(dict.fromkeys(widths)) == [4, 2]
    for rows in run.rows:
        if rows.sampled:
            listed = run.variables[rows.revision - 1][0]
            assert rows.sampled["grad_norm"].shape[1] == len(listed)
