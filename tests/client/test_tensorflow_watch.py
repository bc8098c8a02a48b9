"""flatline.tensorflow.watch measures the updates of a custom loop, and leaves the loop alone."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import flatline
from flatline.tensorflow import watch
from tests.client.loops import STEPS, Loop, reference, rows, same
from tests.client.models import LABELS, X
from tests.client.peer import Peer
from tests.client.told import Told, told

MODES = pytest.mark.parametrize("mode", ["eager", "graph", "xla"])


def watched(peer: Peer, loop: Loop, steps: int = STEPS, **arguments: Any) -> Told:
    """Train with the optimizer watched, and return what the monitor heard."""
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, **arguments):
        loop.train(run, steps)
    return told(peer.memory)


@MODES
def test_norms_are_those_computed_by_hand(peer: Peer, mode: str) -> None:
    """Each logged step has its own gradients, weights and updates, and the rate it was made at."""
    loop = Loop(mode)
    heard = watched(peer, loop, every=1)

    assert heard.revisions == [loop.names]
    assert list(heard.columns) == rows(mode)
    made = reference(Loop("eager"))
    for step, row in heard.columns.items():
        right = made[step]
        for name, norms in right.items():
            # An update is the difference of float32 weights a thousand times its size.
            bound = 1e-3 if name == "update_norm" else 1e-5
            np.testing.assert_allclose(list(row[name].values()), norms, rtol=bound)
        whole = np.linalg.norm(right["grad_norm"])
        assert row["global_grad_norm"] == pytest.approx(whole, rel=1e-5)
    assert heard.rates == {rows(mode)[0]: pytest.approx(0.01)}


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=0.01),
    "adamw": lambda: keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.1, 9)),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
    "accumulated": lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=2),
    "averaged": lambda: keras.optimizers.RMSprop(use_ema=True, ema_overwrite_frequency=2),
}


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_training_is_the_same_bit_for_bit(
    peer: Peer, mode: str, optimizer: Any, every: int
) -> None:
    """Weights and the optimizer's own variables are those of the loop that nobody watches."""
    alone, loop = Loop(mode, optimizer), Loop(mode, optimizer)
    alone.train()
    heard = watched(peer, loop, every=every)

    assert same(alone.state, loop.state)
    assert list(heard.columns) == rows(mode, every)


@pytest.mark.parametrize("every", [1, 3])
def test_under_xla_training_is_the_same_to_the_last_bit(peer: Peer, every: int) -> None:
    """Another fusion of the same arithmetic may round the last bit of a float32 differently."""
    alone, loop = Loop("xla"), Loop("xla")
    alone.train()
    watched(peer, loop, every=every)

    for one, other in zip(alone.state, loop.state, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_a_schedule_is_read_before_the_step(peer: Peer) -> None:
    """The learning rate of a step is the one that it was made with."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1, 3], [0.5, 0.25, 0.125])
    heard = watched(peer, Loop("graph", lambda: keras.optimizers.SGD(schedule)), every=1)

    assert heard.rates == {1: 0.5, 2: 0.25, 4: 0.125}


def test_gradients_are_unscaled(peer: Peer) -> None:
    """Under loss scaling norms are those of the loss itself, and the scale stands beside them."""
    heard = watched(peer, Loop("graph", OPTIMIZERS["scaled"]), every=1)
    plain = reference(Loop("eager", lambda: keras.optimizers.SGD(0.1)), 2)[1]

    first = heard.columns[1]
    np.testing.assert_allclose(list(first["grad_norm"].values()), plain["grad_norm"], rtol=1e-5)
    assert first["loss_scale"] == 2.0**15


def test_what_is_clipped_is_said(peer: Peer) -> None:
    """Norms are those before clipping; how much of them is left has a number of its own."""
    clipping = Loop("graph", lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.01))
    row = watched(peer, clipping, every=1).columns[1]

    assert row["clip_ratio"] == pytest.approx(0.01 / row["global_grad_norm"], rel=1e-4)


def test_every_k_steps_may_be_logged(peer: Peer) -> None:
    """A row is that of the step that was made just before it was logged."""
    loop, right = Loop("graph"), reference(Loop("eager"), 12)
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, every=2):
        for step in range(12):
            loss = loop.step(tf.constant(X), tf.constant(LABELS))
            if step % 2 == 1:
                run.log(step, loss=loss)

    heard = told(peer.memory)
    assert list(heard.columns) == [1, 5, 9]
    for step, row in heard.columns.items():
        found = list(row["grad_norm"].values())
        np.testing.assert_allclose(found, right[step]["grad_norm"], rtol=1e-4)


def test_a_loop_that_logs_more_rarely_than_before_is_followed(peer: Peer) -> None:
    """The pace of the calls is only expected: a row is always the latest."""
    loop, calls = Loop("graph"), [1, 1, 1, 1, 3, 1, 1, 3, 1, 1]
    right = reference(Loop("eager"), sum(calls))
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, every=2):
        for step, count in enumerate(calls):
            for _ in range(count):
                loss = loop.step(tf.constant(X), tf.constant(LABELS))
            run.log(step, loss=loss)

    heard = told(peer.memory)
    assert len(heard.columns) >= 4
    for step, row in heard.columns.items():
        made = right[sum(calls[: step + 1]) - 1]
        np.testing.assert_allclose(list(row["grad_norm"].values()), made["grad_norm"], rtol=1e-4)


def test_two_optimizers_make_one_row(peer: Peer) -> None:
    """A GAN: the variables of both, though they have the same names."""
    one, two = Loop("graph"), Loop("graph", lambda: keras.optimizers.SGD(0.5))
    x, y = tf.constant(X), tf.constant(LABELS)
    with (
        flatline.Run(peer.target) as run,
        watch(one.optimizer, run=run, every=1),
        watch(two.optimizer, run=run),
    ):
        for step in range(STEPS):
            two.step(x, y)
            run.log(step, loss=one.step(x, y))

    heard = told(peer.memory)
    assert [sorted(names) for names in heard.revisions] == [sorted([*one.names, *two.names])]
    assert list(heard.columns) == rows("graph")
    row = heard.columns[1]["grad_norm"]
    assert len(row) == 8
    assert heard.columns[1]["global_grad_norm"] == pytest.approx(
        np.linalg.norm(list(row.values())), rel=1e-5
    )


def test_optimizers_that_take_turns_wait_for_each_other(peer: Peer) -> None:
    """A critic that is trained three times as often: a row holds the latest of each."""
    critic, maker = Loop("graph"), Loop("graph")
    x, y = tf.constant(X), tf.constant(LABELS)
    with (
        flatline.Run(peer.target) as run,
        watch(critic.optimizer, run=run, every=1),
        watch(maker.optimizer, run=run),
    ):
        for step in range(10):
            loss = critic.step(x, y)
            if step % 3 == 0:
                maker.step(x, y)
            run.log(step, loss=loss)

    heard = told(peer.memory)
    assert list(heard.columns) == [3, 6, 9]
    assert [len(row["grad_norm"]) for row in heard.columns.values()] == [8] * 3


@MODES
def test_a_tape_tells_of_gradients(peer: Peer, mode: str) -> None:
    """What is made of them, by whatever optimizer, is not known."""
    loop = Loop("eager")

    with flatline.Run(peer.target) as run:

        def train_step(x: Any, y: Any) -> Any:
            with watch(tf.GradientTape(), run=run, every=1) as tape:
                loss = loop.loss(y, loop.model(x, training=True))
            gradients = tape.gradient(loss, loop.model.trainable_variables)
            for gradient, variable in zip(gradients, loop.model.trainable_variables, strict=True):
                variable.assign_sub(0.1 * gradient)
            return loss

        if mode != "eager":
            train_step = tf.function(train_step, jit_compile=mode == "xla")
        for step in range(STEPS):
            run.log(step, loss=train_step(tf.constant(X), tf.constant(LABELS)))

    heard = told(peer.memory)
    right = reference(Loop("eager", lambda: keras.optimizers.SGD(0.1)))
    assert list(heard.columns) == rows(mode)
    for step, row in heard.columns.items():
        assert row.keys() == {"grad_norm", "global_grad_norm"}
        found = list(row["grad_norm"].values())
        np.testing.assert_allclose(found, right[step]["grad_norm"], rtol=1e-4)


def test_half_a_batch_is_measured_like_a_whole_one(peer: Peer) -> None:
    """A function that is traced again for another shape goes on with the same rows."""
    loop = Loop("graph")
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, every=1):
        for step, size in enumerate([64, 40, 64, 24]):
            run.log(step, loss=loop.step(tf.constant(X[:size]), tf.constant(LABELS[:size])))

    heard = told(peer.memory)
    assert (list(heard.columns), len(heard.revisions)) == ([1, 2, 3], 1)


def test_without_every_the_budget_decides(peer: Peer) -> None:
    """A short run is measured on every step; without an allowance steps are left out."""
    assert list(watched(peer, Loop()).columns) == rows("graph")
    with Peer() as other:
        spare = watched(other, Loop(), 150, overhead=1e-6, allowance_seconds=0.0)

    assert 1 in spare.columns
    assert len(spare.columns) < 100
