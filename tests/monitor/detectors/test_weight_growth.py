"""The line between weights that grow because they learn and weights that only grow."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.contract import Abstain, Reason, Severity
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.weight_growth import WeightGrowth
from flatline_monitor.runs.firsts import glorot_norm
from flatline_monitor.runs.records import Role, Task
from tests.columns import PATHS
from tests.signals import HELLO, STEPS, flat, growing, run
from tests.views import last_view

LN_2 = float(np.log(2))
USUAL = glorot_norm((16, 16))


def view_of(first, last, *, of=slice(None), loss=None):
    """A run whose weights grow from one norm to the other, in these variables."""
    weights = np.full((STEPS, len(PATHS)), USUAL, np.float32)
    weights[:, of] = np.geomspace(first, last, STEPS)[:, None]
    updates = np.zeros((STEPS, len(PATHS)), np.float32)
    signals = run(loss=flat(LN_2) if loss is None else loss)
    return last_view(signals.with_columns(weight_norm=weights, update_norm=updates))


def severity(view):
    finding = WeightGrowth().check(view)
    return None if finding is None else finding.severity


@pytest.mark.parametrize(("factor", "expected"), [(9, None), (11, Severity.WARNING)])
def test_ten_times_what_a_kernel_began_with(factor, expected):
    """Of late, and not on the way."""
    assert severity(view_of(USUAL, factor * USUAL)) is expected


@pytest.mark.parametrize(("last", "expected"), [(4.5, None), (5.5, Severity.WARNING)])
def test_a_kernel_that_began_near_zero_is_measured_by_the_usual_size(last, expected):
    """By half of Glorot's: what it grows to is what it is made of."""
    assert severity(view_of(1e-6, last * USUAL)) is expected


def test_one_kernel_is_enough_and_is_named():
    """With its size, now and at first."""
    finding = WeightGrowth().check(view_of(USUAL, 100 * USUAL, of=slice(4, 5)))

    assert finding.variables == ("dense_2/kernel",)
    growth, now, first = (each.value for each in finding.evidence)
    assert growth == pytest.approx(100, rel=0.05)
    assert now == pytest.approx(growth * first)


def test_biases_and_embeddings_do_not_count():
    """They begin at zero, or are looked up."""
    assert severity(view_of(1e-3, 100.0, of=slice(1, None, 2))) is None
    view = view_of(USUAL, 100 * USUAL, of=slice(0, 1))
    embedding = dataclasses.replace(view.variables[0], role=Role.EMBEDDING)
    firsts = dataclasses.replace(view.firsts, weight_norm=view.firsts.weight_norm[1:])
    view = dataclasses.replace(view, firsts=firsts, variables=(embedding, *view.variables[1:]))

    assert severity(view) is None


@pytest.mark.parametrize(("skill", "expected"), [(0.2, Severity.WARNING), (0.3, None)])
def test_weights_that_grow_in_a_run_that_learns_are_what_it_learns(skill, expected):
    """Targets in the thousands, classes that a plane divides."""
    loss = flat((1 - skill) * LN_2)

    assert severity(view_of(USUAL, 100 * USUAL, loss=loss)) is expected


def test_while_the_loss_falls_it_is_a_remark():
    """However far it has to go."""
    falling = 100 - np.arange(STEPS) / 10

    assert severity(view_of(USUAL, 100 * USUAL, loss=falling)) is Severity.INFO


def test_a_loss_that_falls_by_a_reward_alone_is_no_excuse():
    """A regulariser of the wrong sign: the terms fall, and what the model answers gets worse."""
    rising = np.geomspace(1, 10, STEPS, dtype=np.float32)
    signals = growing().with_columns(data_loss=rising)
    signals = dataclasses.replace(signals, loss=(100 - np.arange(STEPS) / 10).astype(np.float32))

    assert severity(last_view(signals)) is Severity.WARNING


def test_the_size_of_a_kernel_before_a_normalisation_does_not_matter():
    """What it computes is the same at any size; another that matters is a warning."""
    view = view_of(USUAL, 100 * USUAL, of=slice(2, 3))
    gamma = dataclasses.replace(view.variables[3], role=Role.GAMMA)
    normalised = (*view.variables[:3], gamma, *view.variables[4:])
    assert severity(dataclasses.replace(view, variables=normalised)) is Severity.INFO

    both = view_of(USUAL, 100 * USUAL, of=slice(0, 3))
    assert severity(dataclasses.replace(both, variables=normalised)) is Severity.WARNING


def test_the_first_update_is_no_beginning():
    """A step that sweeps the weights away leaves nothing to measure by but the usual size."""
    view = view_of(100 * USUAL, 100 * USUAL)
    assert severity(view) is None

    signals = growing().with_columns(
        weight_norm=np.full((STEPS, len(PATHS)), 100 * USUAL, np.float32),
        update_norm=np.full((STEPS, len(PATHS)), 99.9 * USUAL, np.float32),
    )
    assert severity(last_view(signals)) is Severity.WARNING


def test_other_kernels_than_at_first_cannot_be_compared():
    """Layers were thawed, and their rows have not come yet."""
    view = view_of(USUAL, 100 * USUAL)
    firsts = dataclasses.replace(view.firsts, weight_norm=view.firsts.weight_norm[:3])
    verdict = judge(WeightGrowth(), dataclasses.replace(view, firsts=firsts))

    assert verdict == Abstain(Reason.SIGNAL_NOT_SENT)


def test_adversaries_grow_as_they_like():
    """Where no skill can be measured, growth alone says nothing."""
    signals = dataclasses.replace(growing(), hello=dataclasses.replace(HELLO, task=Task.GAN))

    assert judge(WeightGrowth(), last_view(signals)) == Abstain(Reason.NOT_FOR_THIS_TASK)
