"""A sampled step goes to a second trace of the program's own function; the others are its own."""

import copy
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import flatline
from flatline.tensorflow import watch
from tests.client.loops import STEPS, Loop, lines_of_watch, reference, rows, same
from tests.client.models import LABELS, X
from tests.client.peer import Peer
from tests.client.told import told


def test_between_sampled_steps_there_is_nothing_of_ours(peer: Peer) -> None:
    """The function runs the trace that it has without us."""
    loop = Loop("graph")
    function: Any = loop.step
    loop.optimizer.build(loop.model.trainable_variables)
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, every=2):
        loop.train(run)
        trace = function.get_concrete_function(tf.constant(X), tf.constant(LABELS))

        assert function.experimental_get_tracing_count() == 1
        assert not [op.name for op in trace.graph.get_operations() if "flatline" in op.name]
    assert list(told(peer.memory).columns) == rows("graph", 2)


def test_products_are_rounded_as_they_are_without_us(peer: Peer) -> None:
    """TensorFlow reorders `gradient * rate` of a product that nobody else uses: it still does."""

    def make() -> Any:
        hidden = [keras.layers.Dense(32), keras.layers.BatchNormalization()]
        last = [keras.layers.LayerNormalization(), keras.layers.Dense(5)]
        swish = keras.layers.Activation("swish")
        return keras.Sequential([keras.layers.Input((12,)), *hidden, swish, *last])

    def momentum() -> Any:
        return keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)

    alone, loop = Loop("graph", momentum, make), Loop("graph", momentum, make)
    alone.train(steps=12)
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, every=2):
        loop.train(run, steps=12)

    assert same(alone.state, loop.state)
    assert len(told(peer.memory).columns) == 6


@pytest.mark.parametrize("kind", ["method", "nested", "compiled within", "range"])
def test_however_the_functions_are_put_together(peer: Peer, kind: str) -> None:
    """A method, a function within another one, a loop within a function."""
    loops = Loop("eager"), Loop("eager")
    x, y = tf.constant(X), tf.constant(LABELS)

    def step_of(loop: Loop) -> Any:
        if kind == "method":

            class Trainer:
                @tf.function  # type: ignore[untyped-decorator]
                def step(self, x: Any, y: Any) -> Any:
                    return loop.train_step(x, y)

            trainer = Trainer()
            return lambda: trainer.step(x, y)
        inner = tf.function(loop.train_step, jit_compile=kind == "compiled within")

        @tf.function  # type: ignore[untyped-decorator]
        def outer() -> Any:
            loss = tf.constant(0.0)
            for _ in tf.range(2 if kind == "range" else 1):
                loss = inner(x, y)
            return loss

        return outer

    for loop in loops:
        loop.optimizer.build(loop.model.trainable_variables)
    alone, watched = map(step_of, loops)
    for _ in range(STEPS):
        alone()
    with flatline.Run(peer.target) as run, watch(loops[1].optimizer, run=run, every=2):
        for number in range(STEPS):
            run.log(number, loss=watched())

    assert same(loops[0].state, loops[1].state)
    heard = told(peer.memory)
    assert list(heard.columns) == rows("graph", 2)
    per_call = 2 if kind == "range" else 1
    right = reference(Loop("eager"), per_call * STEPS)
    for number, row in heard.columns.items():
        made = right[per_call * (number + 1) - 1]
        np.testing.assert_allclose(list(row["grad_norm"].values()), made["grad_norm"], rtol=1e-4)


@pytest.mark.parametrize("compiled", [False, True])
def test_what_a_step_raises_is_raised(peer: Peer, *, compiled: bool) -> None:
    """An error of a sampled step is the program's own, and the step is not made twice."""
    optimizer, weight = keras.optimizers.SGD(0.1), tf.Variable([1.0])
    count = tf.Variable(0)
    optimizer.build([weight])

    @tf.function(jit_compile=compiled)  # type: ignore[untyped-decorator]
    def update(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(x * weight)
        optimizer.apply(tape.gradient(loss, [weight]), [weight])
        return loss

    @tf.function  # type: ignore[untyped-decorator]
    def step(x: Any) -> Any:
        loss = update(x)
        count.assign_add(1)
        with tf.control_dependencies([count]):
            tf.debugging.assert_less(x, 3.0)
        return loss

    with flatline.Run(peer.target) as run, watch(optimizer, run=run, every=1):
        for number in range(3):
            run.log(number, loss=step(tf.constant([float(number)])))
        with pytest.raises(tf.errors.InvalidArgumentError):
            step(tf.constant([3.0]))
        run.log(3)

    assert int(count) in {3, 4}
    assert list(told(peer.memory).columns)[:2] == [1, 2]


def test_batches_of_any_size_are_measured(peer: Peer) -> None:
    """With `reduce_retracing` a trace serves all sizes, once there were two."""
    loop, alone = Loop("eager"), Loop("eager")
    sizes = [64, 40, 64, 24, 16, 33, 64, 40]
    for each in (loop, alone):
        each.optimizer.build(each.model.trainable_variables)
        each.step = tf.function(each.train_step, reduce_retracing=True)
    for size in sizes:
        alone.step(tf.constant(X[:size]), tf.constant(LABELS[:size]))
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, every=1):
        for number, size in enumerate(sizes):
            run.log(number, loss=loop.step(tf.constant(X[:size]), tf.constant(LABELS[:size])))

    assert same(alone.state, loop.state)
    assert list(told(peer.memory).columns) == [3, 4, 5]


def test_two_runs_may_watch_one_function(peer: Peer) -> None:
    """Each is told of its own sampled steps, and the last to leave restores the function."""
    loop = Loop("graph")
    kind = type(loop.step)
    x, y = tf.constant(X), tf.constant(LABELS)
    with Peer() as other:
        one, two = flatline.Run(peer.target), flatline.Run(other.target)
        watch(loop.optimizer, run=one, every=1)
        watch(loop.optimizer, run=two, every=2)
        for number in range(STEPS):
            loss = loop.step(x, y)
            one.log(number, loss=loss)
            two.log(number, loss=loss)
        one.finish()
        for number in range(STEPS, STEPS + 2):
            two.log(number, loss=loop.step(x, y))
        assert type(loop.step) is not kind
        two.finish()

        assert type(loop.step) is kind
        assert list(told(peer.memory).columns) == rows("graph")
        assert list(told(other.memory).columns) == rows("graph", 2, STEPS + 2)


def test_what_only_xla_refuses_of_ours_is_said(
    peer: Peer, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    """A twin that cannot be compiled costs the training nothing."""

    def uncompilable(arrays: Any) -> Any:
        lengths = [tf.strings.length(tf.as_string(tf.reduce_sum(array))) for array in arrays]
        return tf.cast(tf.stack(lengths), tf.float32)

    alone, loop = Loop("xla"), Loop("xla")
    alone.train()
    monkeypatch.setattr("flatline.capture.updates.square_sums", uncompilable)
    with (
        caplog.at_level("INFO"),
        flatline.Run(peer.target) as run,
        watch(loop.optimizer, run=run, every=1),
    ):
        loop.train(run)

    assert same(alone.state, loop.state)
    assert told(peer.memory).columns == {}
    assert len(lines_of_watch(caplog)) == 1


def test_a_copy_of_a_function_is_its_own(peer: Peer) -> None:
    """Whoever copies or binds a watched function has a tf.function."""
    loop = Loop("graph")
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, every=1):
        loop.train(run, 2)
        other = copy.copy(loop.step)

        assert isinstance(loop.step, tf.types.experimental.PolymorphicFunction)
        assert "_flatline_pair" not in vars(other)
        assert np.isfinite(float(other(tf.constant(X), tf.constant(LABELS))))
