"""The line between a run that is thrown to and fro and one that is only noisy."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.contract import Abstain, Clear, Finding, Reason, Severity
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.oscillation import Oscillation
from flatline_monitor.runs.records import Evaluation
from tests.signals import HELLO, STEPS, flat, run, swinging
from tests.views import last_view

QUIET = last_view(run(loss=flat(0.3)))
LN_2 = float(np.log(2))


def validated(values, n=1_000, name="accuracy", view=QUIET):
    told = tuple(Evaluation(20 * i, i, n, {name: float(x)}) for i, x in enumerate(values))
    return dataclasses.replace(view, evaluations=told)


def fires(*args, **more):
    return Oscillation().check(validated(*args, **more)) is not None


def zigzag(by, count=20, middle=0.8):
    return middle + by * (np.arange(count) % 2 - 0.5)


@pytest.mark.parametrize(("by", "expected"), [(0.02, False), (0.1, True)])
def test_an_accuracy_that_swings(by, expected):
    """By three hundredths and more, among a thousand samples."""
    assert fires(zigzag(by)) == expected


@pytest.mark.parametrize(("n", "expected"), [(60, False), (1_000, True), (None, False)])
def test_small_validation_sets_are_noisy(n, expected):
    """A tenth is within the noise of sixty samples, and of nobody knows how many."""
    assert fires(zigzag(0.1), n=n) == expected


def test_noise_by_chance_is_none():
    """Each validation draws its samples anew."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert not fires(rng.binomial(200, 0.7, 20) / 200, n=200)


@pytest.mark.parametrize("curve", [[0.1] * 6 + [0.95] * 6, np.linspace(0, 1, 20) ** 3])
def test_a_learning_curve_is_none(curve):
    """However steep: it does not turn."""
    assert not fires(curve, n=100_000)


def test_a_fifth_must_fall():
    """One of the last twenty values does not make a swing, four do."""
    values = np.full(40, 0.9)
    values[25] = 0.5
    assert not fires(values)

    values[[22, 28, 31, 34]] = 0.5
    assert fires(values)


def test_a_swing_may_take_several_evaluations():
    """Two falls in a row and the way back, as in digits at a high rate."""
    assert fires([0.84, 0.85, 0.77, 0.61, 0.75, 0.8, 0.78, 0.79], n=719)


def test_what_falls_and_does_not_come_back_is_no_swing():
    """It is lost, which others tell."""
    assert not fires([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])


@pytest.mark.parametrize(("count", "expected"), [(7, Abstain), (8, Finding)])
def test_eight_evaluations_are_the_fewest(count, expected):
    """Where nobody knows the epochs."""
    hello = dataclasses.replace(HELLO, plan_epochs=None)
    view = validated(zigzag(0.2, count), view=last_view(run(hello=hello)))

    assert isinstance(judge(Oscillation(), view), expected)


@pytest.mark.parametrize(("by", "expected"), [(0.06, False), (0.08, True)])
def test_a_training_loss_that_swings_from_epoch_to_epoch(by, expected):
    """By a tenth of what a constant answer loses, 0.069."""
    view = last_view(run(loss=swinging(by)))

    assert (Oscillation().check(view) is not None) == expected


def test_batches_may_differ():
    """Within an epoch they are other samples."""
    loss = flat(0.3) + 0.5 * (np.arange(STEPS) % 2)

    assert judge(Oscillation(), last_view(run(loss=loss))) == Clear()


@pytest.mark.parametrize(("by", "expected"), [(0.06, False), (0.08, True)])
def test_without_an_accuracy_the_validation_loss_is_looked_at(by, expected):
    """In the same units."""
    assert fires(zigzag(by, middle=0.4), name="loss") == expected


def test_epochs_longer_than_what_is_kept_are_taken_from_blocks():
    """Twelve epochs of two hundred steps, of which rows hold two."""
    steps = 2_400
    hello = dataclasses.replace(HELLO, plan_steps=steps, plan_epochs=12)
    for by, expected in ((0.0, None), (0.3, Severity.WARNING)):
        loss = flat(0.3, steps) + by * (np.arange(steps) // 200 % 2)
        finding = Oscillation().check(last_view(run(loss=loss, hello=hello, steps=steps)))
        assert (finding and finding.severity) == expected


def test_a_full_batch_that_swings_with_each_step():
    """An epoch is a step: a rate beyond what the curvature allows."""
    hello = dataclasses.replace(HELLO, plan_epochs=STEPS)
    loss = flat(0.3) + 0.3 * (np.arange(STEPS) % 2)

    assert Oscillation().check(last_view(run(loss=loss, hello=hello))) is not None


def test_a_rate_that_goes_up_and_down_excuses_it():
    """A cyclical schedule swings by itself."""
    view = last_view(run(loss=swinging()))
    cycles = {step: 0.01 * (1 + step // 20 % 2) for step in range(0, STEPS, 20)}

    assert Oscillation().check(dataclasses.replace(view, learning_rate=cycles)) is None


def test_early_in_the_plan_it_is_information():
    """First epochs are rough: before thirty hundredths."""
    hello = dataclasses.replace(HELLO, plan_epochs=STEPS // 4)
    loss = flat(0.3) + 0.3 * (np.arange(STEPS) // 4 % 2)
    signals = run(loss=loss, hello=hello)

    for steps, expected in ((116, Severity.INFO), (120, Severity.WARNING)):
        assert Oscillation().check(last_view(signals, steps=steps)).severity is expected


@pytest.mark.parametrize(
    ("count", "final", "expected"),
    [(11, False, Severity.INFO), (11, True, Severity.WARNING), (12, False, Severity.WARNING)],
)
def test_few_epochs_are_mostly_the_beginning(count, final, expected):
    """The first ones find their way; at the end they are all that there is."""
    view = dataclasses.replace(QUIET, final=final)

    assert Oscillation().check(validated(zigzag(0.2, count), view=view)).severity is expected


def test_without_epochs_and_evaluations_nobody_can_tell():
    """A run without a plan, and without a validation."""
    view = last_view(run(hello=dataclasses.replace(HELLO, plan_epochs=None)))

    assert judge(Oscillation(), view) == Abstain(Reason.TOO_FEW_POINTS)
