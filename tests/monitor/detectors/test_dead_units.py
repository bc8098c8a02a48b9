"""The line between layers that died and layers that are sparse."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.alerts.suppression import weigh
from flatline_monitor.detectors.contract import (
    Abstain,
    Clear,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
)
from flatline_monitor.detectors.dead_units import DeadUnits
from flatline_monitor.detectors.judge import judge
from flatline_monitor.runs.records import Activation, ActivationKind, LossKind, Task
from tests.columns import PATHS
from tests.play import play
from tests.signals import HELLO, STEPS, flat, run, stuck
from tests.views import last_view

LN_2 = float(np.log(2))


def view_of(*shares, loss=LN_2, steps=STEPS, units=16):
    """A run that does not learn, with a layer of rectifiers for each of these shares."""
    loss = flat(1.0) * loss
    column = np.tile(np.array(shares, np.float32), (STEPS, 1))
    view = last_view(run(loss=loss).with_columns(dead_unit_share=column), steps=steps)
    layers = (Activation(f"dense_{i}", ActivationKind.RECTIFIER, units) for i in range(len(shares)))
    return dataclasses.replace(view, activations=tuple(layers))


def severity(*shares, **more):
    finding = DeadUnits().check(view_of(*shares, **more))
    return None if finding is None else finding.severity


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, None),
        (0.5, None),
        (0.51, Severity.WARNING),
        (0.89, Severity.WARNING),
        (0.9, Severity.CRITICAL),
        (1.0, Severity.CRITICAL),
    ],
)
def test_more_than_half_of_a_layer_is_a_warning_and_nine_tenths_are_critical(share, expected):
    """Of a run that does not learn."""
    assert severity(share) is expected


def test_one_layer_is_enough_and_the_worst_is_named():
    """With how many more there are, and their kernels."""
    finding = DeadUnits().check(view_of(0.1, 0.6, 0.8))

    assert finding.summary == (
        "Units are dead: 80% of the 16 of dense_2 put out zero for every sample, and most of 1 more"
    )
    assert finding.variables == ("dense_1/kernel", "dense_2/kernel")
    assert [each.value for each in finding.evidence] == pytest.approx([0.8, 0.0, 2], abs=0.02)


@pytest.mark.parametrize(
    ("skill", "expected"),
    [(0.0, Severity.CRITICAL), (0.1, Severity.INFO), (0.45, Severity.INFO), (0.55, None)],
)
def test_a_run_that_learns_all_the_same_is_not_warned_of(skill, expected):
    """With a little skill it is information; with much it is silence."""
    assert severity(1.0, loss=(1 - skill) * LN_2) is expected


def test_where_nobody_knows_the_skill_progress_decides():
    """Half of the first loss is gone."""
    unknown = dataclasses.replace(HELLO, loss_kind=LossKind.UNKNOWN)
    for level, fires in ((0.45, False), (0.95, True)):
        loss = np.where(np.arange(STEPS) < 20, 1.0, level)
        signals = run(loss=loss, hello=unknown)
        signals = signals.with_columns(dead_unit_share=np.ones((STEPS, 1), np.float32))
        assert (DeadUnits().check(last_view(signals)) is not None) == fires


def test_a_young_run_whose_loss_falls_is_only_remarked_on():
    """Its biases may come back; from 30 % of the plan on they had their time."""
    falling = 10 - np.arange(STEPS) / 100
    assert severity(1.0, loss=falling, steps=100) is Severity.INFO
    assert severity(1.0, loss=falling, steps=120) is Severity.CRITICAL
    assert severity(1.0, steps=100) is Severity.CRITICAL


def test_the_first_steps_are_not_judged():
    """A tenth of a plan of four hundred."""
    assert judge(DeadUnits(), view_of(1.0, steps=39)) == Abstain(Reason.WARMING_UP)
    assert isinstance(judge(DeadUnits(), view_of(1.0, steps=40)), Finding)


def test_a_run_of_thirty_steps_is_judged_from_its_third():
    """And at its end it says so, however few there were."""
    signals = stuck("dead_unit_share").with_plan(30)

    assert judge(DeadUnits(), last_view(signals, steps=2)) == Abstain(Reason.WARMING_UP)
    assert isinstance(judge(DeadUnits(), last_view(signals, steps=3)), Finding)


def test_sparse_sampling_changes_nothing():
    """Every tenth step is enough: each share looks back over fifty sampled ones by itself."""
    signals = stuck("dead_unit_share").sparse(10)

    assert isinstance(judge(DeadUnits(), last_view(signals, final=True)), Finding)


def test_dead_units_that_come_back_are_over():
    """The last five samples count."""
    share = np.ones((STEPS, 1), np.float32)
    share[-5:] = 0
    signals = run(loss=flat(LN_2)).with_columns(dead_unit_share=share)

    assert judge(DeadUnits(), last_view(signals)) == Clear()


def test_what_was_not_measured_is_no_death():
    """It abstains where all is nan, and where the layers are not named."""
    with pytest.raises(NotMeasurableError):
        DeadUnits().check(view_of(np.nan))
    assert severity(np.nan, 0.9) is Severity.CRITICAL
    blind = dataclasses.replace(view_of(1.0), activations=())
    assert judge(DeadUnits(), blind) == Abstain(Reason.SIGNAL_NOT_SENT)


@pytest.mark.parametrize("task", [Task.GAN, Task.RL, Task.SSL])
def test_dead_units_are_a_fault_in_every_task(task):
    """Where there is no skill to go by, too."""
    hello = dataclasses.replace(HELLO, task=task, loss_kind=LossKind.UNKNOWN)
    signals = dataclasses.replace(stuck("dead_unit_share"), hello=hello)

    assert isinstance(judge(DeadUnits(), last_view(signals)), Finding)


def test_a_layer_without_a_kernel_of_its_own_is_named_all_the_same():
    """An Activation layer, or a ReLU behind a normalisation."""
    view = view_of(1.0)
    layer = Activation("re_lu", ActivationKind.RECTIFIER, 64)
    finding = DeadUnits().check(dataclasses.replace(view, activations=(layer,)))

    assert "64 of re_lu" in finding.summary
    assert finding.variables == ()


def test_they_say_why_a_young_run_will_not_learn():
    """A grave finding lifts the patience with the claims from absence; a remark does not."""
    claim = Finding(Severity.CRITICAL, "no better than guessing", ())
    for skill, expected in ((0.0, Severity.CRITICAL), (0.1, Severity.INFO)):
        dead = judge(DeadUnits(), view_of(1.0, loss=(1 - skill) * LN_2))
        young = weigh({"no_skill": claim, "dead_units": dead}, 100, 0.1)
        assert young["no_skill"].severity is expected


def test_it_names_nothing_that_is_not_there():
    """The made-up run has six dense layers, and the first of them is the rectifier."""
    state = play(stuck("dead_unit_share").records())

    assert state.book["dead_units"].alert.finding.variables == (PATHS[0],)
