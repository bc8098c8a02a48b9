"""Functions of which no second trace may be made: each step is the program's own."""

from typing import Any

import keras
import pytest
import tensorflow as tf

from tests.client.loops import STEPS, both, lines_of_watch
from tests.client.peer import Peer


def drawing(*, before: bool) -> Any:
    """Return a loop that draws from tf.random with a seed, before or after the update."""
    keras.utils.set_random_seed(5)
    optimizer, weight = keras.optimizers.AdamW(0.1), tf.Variable([1.0, 2.0], name="w")
    optimizer.build([weight])

    @tf.function  # type: ignore[untyped-decorator]
    def step(_: Any) -> Any:
        noise = tf.random.normal([2]) if before else tf.zeros([2])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((weight - noise) ** 2)
        optimizer.apply(tape.gradient(loss, [weight]), [weight])
        if not before:
            weight.assign_add(0.1 * tf.random.normal([2]))
        return loss

    return optimizer, [weight], lambda number: step(tf.constant(number))


@pytest.mark.parametrize("every", [1, 3])
def test_seeded_dice_are_thrown_once_for_each_step(peer: Peer, every: int) -> None:
    """Such a function is traced once, and measured all the same; the numbers drawn stay."""
    alike, heard = both(peer, lambda: drawing(before=True), every=every)

    assert alike
    assert list(heard.columns) == list(range(0, STEPS, every))
    assert heard.columns[3]["update_norm"]["w"] == pytest.approx(0.1 * 2**0.5, rel=0.6)


def test_dice_after_the_update_are_seen_too_late(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """Then nothing is measured, which is said; the training is the same."""
    with caplog.at_level("INFO"):
        alike, heard = both(peer, lambda: drawing(before=False), steps=20)

    assert alike
    assert heard.columns == {}
    assert ["draw the same" in line for line in lines_of_watch(caplog)] == [True]


def test_a_program_that_would_be_another_is_not_traced_anew(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """A number of Python's that is in the trace stays what it was when that was made."""

    def make() -> Any:
        optimizer, weight = keras.optimizers.SGD(0.1), tf.Variable([1.0, 2.0])
        optimizer.build([weight])
        calls: list[int] = []

        @tf.function  # type: ignore[untyped-decorator]
        def step(_: Any) -> Any:
            calls.append(0)
            with tf.GradientTape() as tape:
                loss = float(len(calls)) * tf.reduce_sum(weight**2)
            optimizer.apply(tape.gradient(loss, [weight]), [weight])
            return loss

        return optimizer, [weight], lambda number: step(tf.constant(number))

    with caplog.at_level("INFO"):
        alike, heard = both(peer, make, steps=20)

    assert alike
    assert heard.columns == {}
    assert ["another program" in line for line in lines_of_watch(caplog)] == [True]


def test_a_second_trace_that_fails_is_said(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    """Code that can only be run once is run once."""

    def make() -> Any:
        optimizer, weight = keras.optimizers.SGD(0.1), tf.Variable([1.0])
        optimizer.build([weight])
        once = iter([1.0])

        @tf.function  # type: ignore[untyped-decorator]
        def step(_: Any) -> Any:
            factor = next(once)
            with tf.GradientTape() as tape:
                loss = factor * tf.reduce_sum(weight**2)
            optimizer.apply(tape.gradient(loss, [weight]), [weight])
            return loss

        return optimizer, [weight], lambda number: step(tf.constant(number))

    with caplog.at_level("INFO"):
        alike, heard = both(peer, make)

    assert (alike, heard.columns) == (True, {})
    assert ["cannot be traced a second time" in line for line in lines_of_watch(caplog)] == [True]
