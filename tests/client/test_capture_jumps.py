"""A jump of the loss and the wish of a monitor have more steps sampled."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

import keras
import numpy as np
import pytest

from flatline.capture.jumps import FACTOR, Jumps
from flatline.capture.sampler import FIRST
from tests.client.models import BATCH, LABELS, AtStep, Recorded, Recording, X, compiled, fit

CALM, LONG = 100, 400
CLOSER = 16
"""Steps that are sampled after a jump."""
AT_MOST = 64
"""Steps after which a jump or a wish is seen, where fewer lie between two sampled ones."""
SHARE = 1.0
"""Overhead that is allowed, so that no busy machine makes a sampled step too dear for that."""


def jumps(losses: list[float], group: int = 1) -> list[int]:
    """Return the steps at which a jump is seen, when losses come in groups."""
    seen = Jumps()
    groups = {i: losses[i : i + group] for i in range(0, len(losses), group)}
    return [i for i, some in groups.items() if seen.seen(max(some), len(some))]


@pytest.mark.parametrize("group", [1, 8, 32])
def test_a_loss_far_above_the_recent_ones_is_a_jump(group: int) -> None:
    """However the steps are grouped; a little above is none."""
    for factor, found in ((FACTOR * 1.01, [CALM // group * group]), (FACTOR * 0.99, [])):
        losses = [1.0] * LONG
        losses[CALM] = factor
        assert jumps(losses, group) == found


def test_the_largest_of_the_past_counts() -> None:
    """A loss that is noisy anyway does not jump."""
    noisy = list(np.random.default_rng(0).lognormal(0, 1, LONG).clip(0.1, 10))
    noisy[40] = 10.0

    assert not [step for step in jumps(noisy) if 40 < step < 160]


def test_the_first_losses_are_no_measure() -> None:
    """Before 32 steps nothing is a jump."""
    assert jumps([1.0] * 31 + [9.0] + [1.0] * 60) == []
    assert jumps([1.0] * 32 + [9.0] + [1.0] * 60) == [32]


def test_jumps_are_not_reported_in_a_row() -> None:
    """A loss that climbs jumps once in two hundred steps."""
    climbing = [1.0] * CALM + [2.0**i for i in range(1, 301)]

    assert jumps(climbing) == [100, 300]


def test_a_loss_below_zero_never_jumps() -> None:
    """A factor says nothing about it."""
    assert jumps([-1.0] * CALM + [-0.1, 50.0]) == []


def still() -> Any:
    """A model that keeps its weights, so that the loss is that of the batch alone."""
    return compiled(optimizer=lambda: keras.optimizers.SGD(0.0))


def tiled(spoiled: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Return a long training's data, with batches a hundred times too large."""
    x = np.tile(X, (LONG * BATCH // len(X), 1))
    for step in spoiled:
        x[step * BATCH : (step + 1) * BATCH] *= 100
    return x, np.tile(LABELS, len(x) // len(LABELS))


def long_run(
    spoiled: tuple[int, ...] = (), action: Callable[[Recorded], None] | None = None
) -> Any:
    """Train, every second step sampled at most; return the run and its stretches of such steps."""
    callback = Recording(overhead=SHARE, allowance_seconds=0)
    callbacks: list[Any] = [callback]
    if action is not None:
        callbacks.append(AtStep(2 * CALM, lambda _: action(callback.run)))
    x, y = tiled(spoiled)
    fit(still(), callbacks, x, y, epochs=1)
    return callback.run, stretches(callback.run.sampled_steps)


def stretches(steps: list[int]) -> list[tuple[int, int]]:
    """Return the first step and the length of each stretch of consecutive steps."""
    groups = groupby(enumerate(steps), lambda pair: pair[1] - pair[0])
    runs = [[step for _, step in group] for _, group in groups]
    return [(each[0], len(each)) for each in runs]


def long_ones(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the stretches as long as a closer look, the first steps of a run apart."""
    return [(first, length) for first, length in found if length >= CLOSER and first > FIRST]


def check_closer_look(found: list[tuple[int, int]]) -> None:
    """Fail unless there is one, as long as it should be, as soon as step 2 * CALM is seen."""
    [(first, length)] = long_ones(found)
    assert 2 * CALM <= first <= 2 * CALM + AT_MOST + 1
    # An ordinary one may lie before it; before the next one its cost is saved again.
    assert length in {CLOSER, CLOSER + 1}


def test_a_calm_training_is_not_looked_at_more_closely() -> None:
    """What the other tests here see is not there without a reason."""
    assert long_ones(long_run()[1]) == []


def test_after_a_jump_the_next_steps_are_sampled() -> None:
    """Sixteen of them, as soon as the jump is seen, and not as many again for the next one."""
    for spoiled in ((2 * CALM,), (2 * CALM, 2 * CALM + 90)):
        run, found = long_run(spoiled)

        assert run.column("loss")[2 * CALM] > 5 * run.column("loss")[CALM]
        check_closer_look(found)


def test_the_steps_that_the_monitor_wishes_for_are_sampled() -> None:
    """Though the budget would not have them now."""

    def wish(run: Recorded) -> None:
        run.wish = CLOSER

    run, found = long_run(action=wish)

    check_closer_look(found)
    assert run.wish == 0


@pytest.mark.parametrize("reason", ["jump", "wish"])
def test_a_loop_of_the_program_is_looked_at_more_closely_too(reason: str) -> None:
    """`train_on_batch` is a training as `fit` is one."""
    x, y = tiled((2 * CALM,) if reason == "jump" else ())
    callback, model = Recording(overhead=SHARE, allowance_seconds=0), still()
    with callback.watch(model, steps=LONG):
        for step in range(LONG):
            if step == 2 * CALM and reason == "wish":
                callback.run.wish = CLOSER
            batch = slice(step * BATCH, (step + 1) * BATCH)
            model.train_on_batch(x[batch], y[batch])

    check_closer_look(stretches(callback.run.sampled_steps))
