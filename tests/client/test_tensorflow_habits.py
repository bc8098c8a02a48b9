"""What else programs do with an optimizer that is watched, and what may go wrong."""

import copy
import pickle
from typing import Any

import keras
import pytest
import tensorflow as tf

import flatline
from flatline.capture import meter
from flatline.tensorflow import watch
from tests.client.loops import Loop, same
from tests.client.models import LABELS, X
from tests.client.peer import Peer
from tests.client.told import told
from tests.system.service import Service


def lines(caplog: pytest.LogCaptureFixture, start: str) -> list[str]:
    """Return what was said in the training's log, from a word on."""
    return [line for line in caplog.messages if line.startswith(f"flatline: {start}")]


def test_what_is_left_is_as_it_was(peer: Peer) -> None:
    """Leaving the block, unwatch, an exception or the end of the run each put back the method."""
    optimizer = keras.optimizers.SGD(0.1)
    before = dict(vars(optimizer))
    run = flatline.Run(peer.target)
    with pytest.raises(ZeroDivisionError), watch(optimizer, run=run):
        _ = 1 / (vars(optimizer) == before)
    assert vars(optimizer) == before
    watched = watch(optimizer, run=run)
    watched.unwatch()
    watched.unwatch()
    assert vars(optimizer) == before
    watch(optimizer, run=run)
    run.finish()
    assert vars(optimizer) == before


def test_a_traced_function_goes_on_unmeasured(peer: Peer) -> None:
    """After unwatch, and after the run, it trains as ever; watched again it is measured again."""
    alone, loop = Loop("graph"), Loop("graph")
    alone.train(steps=9)
    x, y = tf.constant(X), tf.constant(LABELS)
    function: Any = loop.step
    kind = type(function)
    with flatline.Run(peer.target) as run:
        with watch(loop.optimizer, run=run, every=1):
            for step in range(3):
                run.log(step, loss=loop.step(x, y))
        assert type(function) is kind
        for step in range(3, 5):
            run.log(step, loss=loop.step(x, y))
    loop.train(steps=2)
    with Peer() as other:
        with flatline.Run(other.target) as run, watch(loop.optimizer, run=run, every=1):
            loop.train(run, 2)

        assert list(told(other.memory).columns) == [0, 1]
    assert same(alone.state, loop.state)
    assert list(told(peer.memory).columns) == [1, 2]
    assert function.experimental_get_tracing_count() == 2  # once more for its variables


def test_the_order_of_leaving_does_not_matter(peer: Peer) -> None:
    """Two runs watch one optimizer, and the first one ends first."""
    loop = Loop("eager")
    with Peer() as other:
        one, two = flatline.Run(peer.target), flatline.Run(other.target)
        first = watch(loop.optimizer, run=one, every=1)
        second = watch(loop.optimizer, run=two, every=1)
        loop.step(tf.constant(X), tf.constant(LABELS))
        one.log(0)
        two.log(0)
        first.unwatch()
        loop.step(tf.constant(X), tf.constant(LABELS))
        one.log(1)
        two.log(1)
        second.unwatch()
        loop.step(tf.constant(X), tf.constant(LABELS))
        one.finish()
        two.finish()

        assert list(told(peer.memory).columns) == [0]
        assert list(told(other.memory).columns) == [0, 1]


def test_a_copy_is_not_watched(peer: Peer) -> None:
    """Copied, pickled or serialized, it is an optimizer of its own."""
    optimizer = keras.optimizers.SGD(0.1)
    with flatline.Run(peer.target) as run, watch(optimizer, run=run):
        for other in (
            copy.deepcopy(optimizer),
            pickle.loads(pickle.dumps(optimizer)),  # noqa: S301 - our own bytes
            keras.optimizers.deserialize(keras.optimizers.serialize(optimizer)),
        ):
            assert other.apply.__self__ is other


def test_a_function_that_was_traced_before_is_said(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody has to wonder why there are no norms."""
    loop = Loop("graph")
    loop.train(steps=1)
    with (
        caplog.at_level("INFO"),
        flatline.Run(peer.target) as run,
        watch(loop.optimizer, run=run),
    ):
        loop.train(run, 30)

    assert lines(caplog, "watch() has measured nothing in 10 steps: a tf.function")
    assert len(lines(caplog, "watch()")) == 1
    assert (told(peer.memory).columns, peer.memory.steps) == ({}, list(range(30)))


@pytest.mark.parametrize("mode", ["eager", "graph"])
@pytest.mark.parametrize("broken", ["before_apply", "after_apply", "pack"])
def test_a_fault_of_ours_is_said_and_the_training_goes_on(
    peer: Peer, caplog: pytest.LogCaptureFixture, monkeypatch: Any, broken: str, mode: str
) -> None:
    """Whatever of the measuring fails, the step is made, and the loss is told."""

    def fail(*_: Any) -> None:
        raise RuntimeError("ours")  # noqa: EM101 - as short as a fault

    alone, loop = Loop(mode), Loop(mode)
    alone.train()
    monkeypatch.setattr(meter, broken, fail)
    with (
        caplog.at_level("INFO"),
        flatline.Run(peer.target) as run,
        watch(loop.optimizer, run=run),
    ):
        loop.train(run)

    assert same(alone.state, loop.state)
    assert peer.memory.steps == list(range(6))
    assert len(lines(caplog, "the watching of updates failed and is off")) == 1


def test_what_the_optimizer_raises_is_raised(peer: Peer) -> None:
    """A mistake of the program looks as it does without us."""
    optimizer = keras.optimizers.SGD(0.1)
    one, two = keras.Variable([1.0]), keras.Variable([1.0])
    with flatline.Run(peer.target) as run, watch(optimizer, run=run):
        with pytest.raises(ValueError, match="must already be built"):
            optimizer.apply([tf.constant([1.0])])
        optimizer.apply([tf.constant([1.0])], [one])
        with pytest.raises(ValueError, match="Unknown variable"):
            optimizer.apply([tf.constant([1.0])], [two])
        optimizer.apply([], [one])


def test_a_disabled_run_leaves_the_optimizer_alone() -> None:
    """Nothing is added to a graph that nobody reports of."""
    optimizer, tape = keras.optimizers.SGD(0.1), tf.GradientTape()
    with flatline.Run(mode="disabled") as run, watch(optimizer, run=run):
        assert "apply" not in vars(optimizer)
        assert watch(tape, run=run) is tape
        assert "gradient" not in vars(tape)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"what": 3}, "watch is 3; it must be an optimizer of Keras 3 or a tf.GradientTape"),
        ({"every": 0}, "every is 0; it must be a whole number"),
        ({"overhead": 0}, "overhead is 0; it must be"),
        ({"run": "x"}, "run is 'x'; it must be a flatline.Run"),
    ],
)
def test_a_wrong_argument_raises(wrong: dict[str, Any], sentence: str) -> None:
    """The training has not begun."""
    right = {"what": keras.optimizers.SGD(), "run": flatline.Run(mode="disabled")}
    with pytest.raises(ValueError, match=sentence):
        watch(**(right | wrong))


def test_the_monitor_sees_what_a_loss_alone_does_not_show(tmp_path: Any) -> None:
    """A gradient becomes nan where the loss is fine: the real service finds it, and names it."""
    with Service(tmp_path) as service:
        weight = tf.Variable([1.0, 1.0], name="weight")
        optimizer = keras.optimizers.SGD(1e-3)

        @tf.function  # type: ignore[untyped-decorator]
        def train_step(x: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.sqrt(weight * x))  # its slope at 0 is infinite
            optimizer.apply(tape.gradient(loss, [weight]), [weight])
            return loss

        with flatline.Run(service.grpc, plan_steps=20) as run, watch(optimizer, run=run):
            for step in range(20):
                run.log(step, loss=train_step(tf.constant(1.0 if step < 5 else 0.0)))

        assert [found.detector for found in run.findings] == ["non_finite"]
        assert "gradient" in run.findings[0].summary
