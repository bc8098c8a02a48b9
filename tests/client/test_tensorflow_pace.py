"""Which steps of a loop are measured: by the budget, and when something is to be looked at."""

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

import flatline
from flatline.tensorflow import watch
from tests.client.loops import Loop
from tests.client.models import LABELS, X
from tests.client.peer import Peer
from tests.client.told import told

CLOSER = 16
"""Steps that are looked at after something that is not finite."""
STEPS = 60


class Wishing(flatline.Run):
    """A run whose monitor makes a wish when the test says so."""

    wish = 0

    def wished(self) -> int:
        wish, self.wish = self.wish, 0
        return wish


def sampled(
    peer: Peer, step: Callable[[int], Any], optimizer: Any, wish_at: int = -1, **arguments: Any
) -> list[int]:
    """Train, with a wish for four steps at one; return the steps that were measured."""
    with Wishing(peer.target) as run, watch(optimizer, run=run, **arguments):
        for number in range(STEPS):
            loss = step(number)
            run.wish = 4 if number == wish_at else 0
            run.log(number, loss=loss)
    return list(told(peer.memory).columns)


def plain(mode: str) -> tuple[Callable[[int], Any], Any]:
    """Return a step of an ordinary training, and its optimizer."""
    loop, x, y = Loop(mode), tf.constant(X), tf.constant(LABELS)
    return lambda _: loop.step(x, y), loop.optimizer


def sparse(**more: float) -> dict[str, Any]:
    """Arguments with which next to no step is measured after the first ten."""
    return {"overhead": 1e-9, "allowance_seconds": 0.0} | more


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_the_steps_that_the_monitor_wishes_for_are_measured(peer: Peer, mode: str) -> None:
    """The next four after it, where only each fortieth would be."""
    found = sampled(peer, *plain(mode), wish_at=20, every=40)

    first = 0 if mode == "eager" else 1
    assert found == [first, 21, 22, 23, 24, first + 40]


def test_a_wish_is_granted_within_the_budget_too(peer: Peer) -> None:
    """Without one these steps are left out."""
    calm = sampled(peer, *plain("graph"), **sparse())
    with Peer() as other:
        found = sampled(other, *plain("graph"), wish_at=50, **sparse())

    wished = {51, 52, 53, 54}
    assert wished <= set(found)
    assert not wished <= set(calm)


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_after_a_gradient_that_is_not_finite_the_next_steps_are_measured(
    peer: Peer, mode: str
) -> None:
    """Sixteen, where only each twentieth would be: whether it stays so."""
    weight, optimizer = tf.Variable([1.0, 1.0]), keras.optimizers.SGD(0.0)
    optimizer.build([weight])

    def train_step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sqrt(tf.stop_gradient(weight) * x + 0.0 * weight))
        gradient = tape.gradient(loss, weight)
        optimizer.apply([gradient], [weight])
        weight.assign([1.0, 1.0])
        return loss

    step = tf.function(train_step) if mode == "graph" else train_step
    first = 0 if mode == "eager" else 1
    bad = first + 20
    found = sampled(peer, lambda n: step(tf.constant(float(n != bad))), optimizer, every=20)

    assert found == [first, *range(bad, bad + CLOSER + 1), bad + 20]


def test_the_budget_is_that_of_the_environment(peer: Peer, monkeypatch: Any) -> None:
    """As for the callback; an argument wins."""
    monkeypatch.setenv("FLATLINE_OVERHEAD", "1e-9")
    monkeypatch.setenv("FLATLINE_ALLOWANCE_SECONDS", "0")
    few = sampled(peer, *plain("graph"))
    with Peer() as other:
        all_of_them = sampled(other, *plain("graph"), allowance_seconds=60.0)

    assert len(few) < STEPS / 2
    assert all_of_them == list(range(1, STEPS))


def test_xla_exact_leaves_alone_what_xla_compiles(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """As for the callback."""
    with caplog.at_level("INFO"):
        assert sampled(peer, *plain("xla"), xla_exact=True) == []
    assert [line for line in caplog.messages if "as xla_exact asks for" in line]
    with Peer() as other:
        assert sampled(other, *plain("graph"), xla_exact=True, every=STEPS) == [1]


def test_the_last_line_says_how_many_steps_were_measured(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """And what that took of the time, since most steps are not."""
    with caplog.at_level("INFO"):
        found = sampled(peer, *plain("graph"), every=5)

    [line] = [line for line in caplog.messages if " finished: " in line]
    assert f"{STEPS} steps sent, {len(found)} of them sampled" in line
    assert " %" in line
