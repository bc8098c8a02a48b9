"""What kinds of variables a custom loop may train, each measured as what it is."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import flatline
from flatline.tensorflow import watch
from tests.client.loops import Loop, reference, same
from tests.client.models import LABELS, X
from tests.client.peer import Peer
from tests.client.told import told


def test_variables_without_a_gradient_are_not_told(peer: Peer) -> None:
    """What the loss does not depend on has no norm, not one of zero."""
    loop = Loop("graph")
    spare = tf.Variable([1.0], name="spare")
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, every=1):
        pairs = [*loop.model.trainable_variables, keras.Variable([1.0])]
        loop.optimizer.build(pairs)

        @tf.function  # type: ignore[untyped-decorator]
        def train_step() -> Any:
            with tf.GradientTape() as tape:
                loss = loop.loss(LABELS, loop.model(X)) + 0.0 * tf.stop_gradient(spare[0])
            gradients = tape.gradient(loss, pairs)
            loop.optimizer.apply(gradients, pairs)
            return loss

        with pytest.warns(UserWarning, match="Gradients do not exist"):
            run.log(0, loss=train_step())
        with pytest.warns(UserWarning, match="Gradients do not exist"):  # in the second trace
            run.log(1, loss=train_step())

    assert told(peer.memory).revisions == [loop.names]


def test_sparse_gradients_are_summed(peer: Peer) -> None:
    """Rows that a batch looks up twice count as one row."""

    def make() -> Any:
        layers = keras.layers
        body = [layers.Embedding(40, 6), layers.GlobalAveragePooling1D(), layers.Dense(5)]
        return keras.Sequential([layers.Input((3,), dtype="int32"), *body])

    tokens = np.array([[1, 1, 2], [2, 3, 3]] * 8, np.int32)
    loop, other = Loop("xla", make=make), Loop("eager", make=make)
    other.train(None, 1, tokens, LABELS[:16])
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, every=1):
        loop.train(run, 2, tokens, LABELS[:16])
    with tf.GradientTape() as tape:
        loss = other.loss(LABELS[:16], other.model(tf.constant(tokens)))
    gradient = tf.convert_to_tensor(tape.gradient(loss, other.model.trainable_variables)[0])

    row = told(peer.memory).columns[1]["grad_norm"]
    assert row[loop.names[0]] == pytest.approx(np.linalg.norm(gradient.numpy()), rel=1e-5)


def test_large_variables_are_measured_too(peer: Peer) -> None:
    """Their norms may be estimated from some rows, and their training is the same."""

    def make() -> Any:
        wide = keras.layers.Dense(2**17, activation="relu")
        return keras.Sequential([keras.layers.Input((12,)), wide, keras.layers.Dense(5)])

    alone, loop = Loop("graph", make=make), Loop("graph", make=make)
    alone.train(steps=2)
    with flatline.Run(peer.target) as run, watch(loop.optimizer, run=run, every=1):
        loop.train(run, 2)
    heard = told(peer.memory)
    assert same(alone.state, loop.state)
    right = reference(Loop("eager", make=make), 2)
    assert list(heard.columns) == [1]
    for row, made in zip(heard.columns.values(), right[1:], strict=True):
        np.testing.assert_allclose(list(row["grad_norm"].values()), made["grad_norm"], rtol=1e-4)
        found = list(row["weight_norm"].values())
        np.testing.assert_allclose(found, made["weight_norm"], rtol=0.2)


def test_a_module_of_plain_variables_is_measured(peer: Peer) -> None:
    """Their names are told as they are, each once."""
    first, second = tf.Variable([3.0, 4.0], name="w"), tf.Variable(2.0, name="w")
    optimizer = keras.optimizers.SGD(0.5)

    with flatline.Run(peer.target) as run, watch(optimizer, run=run, every=1):

        @tf.function  # type: ignore[untyped-decorator]
        def train_step() -> Any:
            with tf.GradientTape() as tape:
                loss = 0.5 * (tf.reduce_sum(first**2) + second**2)
            optimizer.apply(tape.gradient(loss, [first, second]), [first, second])
            return loss

        run.log(0, loss=train_step())
        run.log(1, loss=train_step())

    row = told(peer.memory).columns[1]
    assert row["grad_norm"] == {"w": 2.5, "w_1": 1.0}
    assert row["weight_norm"] == {"w": 1.25, "w_1": 0.5}
    assert row["update_norm"] == {"w": 1.25, "w_1": 0.5}
