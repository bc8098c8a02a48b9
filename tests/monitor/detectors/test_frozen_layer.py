"""The line between layers that nobody updates and updates that are zero for a reason."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.alerts.suppression import weigh
from flatline_monitor.detectors.contract import (
    Abstain,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
)
from flatline_monitor.detectors.frozen_layer import FrozenLayer
from flatline_monitor.detectors.judge import judge
from flatline_monitor.runs.records import Role, SkipReason, Task, Untrained
from tests.columns import PATHS
from tests.signals import STEPS, flat, never_updated, run
from tests.views import last_view

LN_2 = float(np.log(2))
KERNELS = PATHS[::2]
FIRST, LAST = 0, len(PATHS) - 2
CUT_OFF = (Untrained("encoder/kernel", trainable=True), Untrained("encoder/bias", trainable=True))


def found(view):
    """The kernels that are named; nothing: it is clear."""
    finding = FrozenLayer().check(view)
    return () if finding is None else finding.variables


def changed(view, **columns):
    """The same picture with other sampled columns."""
    sampled = view.rows.sampled
    sampled = dataclasses.replace(sampled, columns={**sampled.columns, **columns})
    return dataclasses.replace(view, rows=dataclasses.replace(view.rows, sampled=sampled))


def updates_of(view):
    return view.rows.sampled.columns["update_norm"].copy()


@pytest.mark.parametrize(("steps", "expected"), [(19, ()), (20, (KERNELS[1],))])
def test_twenty_updates_of_exactly_zero_freeze_a_layer(steps, expected):
    """One that is not, however small, is enough to be left alone."""
    view = last_view(run(loss=flat(LN_2)))
    updates = updates_of(view)
    updates[:, 2] = 1e-12
    updates[-steps:, 2] = 0

    assert found(changed(view, update_norm=updates)) == expected


def test_biases_and_recurrent_kernels_may_stay():
    """A sequence of one step has nothing to tell the recurrent ones."""
    assert found(last_view(never_updated(1, 3))) == ()
    view = last_view(never_updated(2))
    recurrent = dataclasses.replace(view.variables[2], role=Role.RECURRENT_KERNEL)
    variables = (*view.variables[:2], recurrent, *view.variables[3:])

    assert found(dataclasses.replace(view, variables=variables)) == ()


def test_a_large_array_is_seen_in_part():
    """None of the rows that are looked at may have been in a batch."""
    view = last_view(never_updated(0))
    partly = dataclasses.replace(view.variables[0], role=Role.EMBEDDING, estimated=True)

    assert found(dataclasses.replace(view, variables=(partly, *view.variables[1:]))) == ()


def test_a_learning_rate_of_zero_updates_nothing():
    """The end of a cosine; the beginning is somebody else's finding."""
    view = last_view(never_updated(*range(len(PATHS))))

    assert found(dataclasses.replace(view, learning_rate={0: 0.1, 300: 0.0})) == ()
    assert found(dataclasses.replace(view, learning_rate={0: 0.0, 300: 0.1})) == KERNELS


@pytest.mark.parametrize("reason", [SkipReason.OVERFLOW, SkipReason.ACCUMULATING])
def test_steps_that_the_optimizer_skipped_are_left_out(reason):
    """Three of four: the steps between change the layer as they should."""
    view = last_view(run(loss=flat(LN_2)))
    updates = updates_of(view)
    rows = np.arange(len(updates))
    updates[rows % 4 > 0] = 0
    skipped = np.where(rows % 4 > 0, reason, 0).astype(np.uint32)

    assert found(changed(view, update_norm=updates, skipped=skipped)) == ()
    assert found(changed(view, update_norm=updates)) == ()  # a loop that accumulates by itself
    updates[:, 0] = 0
    assert found(changed(view, update_norm=updates, skipped=skipped)) == (KERNELS[0],)


def test_an_optimizer_that_never_moves_freezes_every_layer():
    """All updates are zero, at a learning rate above it, with gradients."""
    assert found(last_view(never_updated(*range(len(PATHS))))) == KERNELS


@pytest.mark.parametrize(("skill", "fires"), [(0.45, True), (0.55, False)])
def test_a_run_that_has_learned_may_rest(skill, fires):
    """Its gradients are below what a float can hold beside its weights."""
    signals = never_updated(*range(len(PATHS)))
    loss = flat((1 - skill) * LN_2).astype(np.float32)
    columns = {**signals.sampled, "data_loss": loss}
    signals = dataclasses.replace(signals, loss=loss, sampled=columns)

    assert bool(found(last_view(signals))) == fires


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [
        ((1e-9, 1e-7, 1e-5, 1e-3, 1e-2, 1.0), ()),  # faint, each more than the next
        ((0.0, 0.0, 1e-6, 1e-4, 1e-2, 1.0), ()),  # below what float32 can square
        ((0.0, 0.0, 0.2, 0.5, 1.0, 1.0), KERNELS[:2]),  # cut off
        ((0.5, 0.1, 0.2, 0.5, 1.0, 1.0), KERNELS[:2]),  # left out
        ((0.0, 0.0, 0.0, 0.0, 0.0, 0.0), KERNELS[:2]),  # nothing anywhere
    ],
)
def test_a_gradient_that_fades_on_its_way_is_a_vanishing_one(gradient, expected):
    """Updates below a float's resolution follow from it."""
    view = last_view(never_updated(0, 2))
    column = np.tile(np.repeat(np.array(gradient, np.float32), 2), (len(updates_of(view)), 1))

    assert found(changed(view, grad_norm=column)) == expected


def test_weights_without_a_gradient_are_no_ones_to_train():
    """They should be trained and no optimizer takes them: kernels are told, biases are not."""
    view = dataclasses.replace(last_view(run(loss=flat(LN_2))), untrained=CUT_OFF)
    finding = FrozenLayer().check(view)

    assert finding.variables == ("encoder/kernel",)
    assert finding.severity is Severity.WARNING
    assert finding.summary == "No gradient reaches encoder/kernel, so that no step changes it"


def test_a_branch_that_is_not_used_is_a_remark():
    """The run learns: a pooling layer that a head does without."""
    view = dataclasses.replace(last_view(run()), untrained=CUT_OFF)

    assert FrozenLayer().check(view).severity is Severity.INFO


def test_layers_that_the_program_has_frozen_are_meant_to_be():
    """Fine-tuning trains the head alone."""
    frozen = (Untrained("base/kernel", trainable=False),)

    assert found(dataclasses.replace(last_view(run(loss=flat(LN_2))), untrained=frozen)) == ()


@pytest.mark.parametrize("task", [Task.GAN, Task.RL, Task.SSL])
def test_a_copy_that_follows_another_is_not_trained(task):
    """A target network, a teacher; a kernel of its own that never moves is found all the same."""
    view = last_view(run(loss=flat(LN_2)))
    hello = dataclasses.replace(view.hello, task=task)
    assert found(dataclasses.replace(view, hello=hello, untrained=CUT_OFF)) == ()

    view = last_view(never_updated(0))
    assert found(dataclasses.replace(view, hello=hello, untrained=CUT_OFF)) == (KERNELS[0],)


def test_a_young_run_whose_loss_falls_is_only_remarked_on():
    """A layer behind one of zeros gets its gradient a little later."""
    loss = 10 - np.arange(STEPS) / 100
    signals = dataclasses.replace(never_updated(0), loss=loss.astype(np.float32))
    signals = signals.with_columns(data_loss=loss.astype(np.float32))
    early, late = (FrozenLayer().check(last_view(signals, steps=n)) for n in (100, 200))

    assert (early.severity, late.severity) == (Severity.INFO, Severity.WARNING)


def test_it_is_critical_in_a_run_that_does_not_learn():
    """Alone it is a warning: the rest of the model may do."""
    finding = judge(FrozenLayer(), last_view(never_updated(0)))
    learns_nothing = Finding(Severity.CRITICAL, "the loss does not decrease", ())

    alone = weigh({"frozen_layer": finding}, 400, 1.0)
    both = weigh({"frozen_layer": finding, "stagnation": learns_nothing}, 400, 1.0)
    assert alone["frozen_layer"].severity is Severity.WARNING
    assert both["frozen_layer"].severity is Severity.CRITICAL


def test_a_short_run_is_judged_by_a_tenth_of_its_plan():
    """Three updates of thirty."""
    signals = never_updated(0).with_plan(30)

    assert judge(FrozenLayer(), last_view(signals, steps=2)) == Abstain(Reason.WARMING_UP)
    assert isinstance(judge(FrozenLayer(), last_view(signals, steps=3)), Finding)


def test_five_samples_are_enough():
    """Of a long run of which every twentieth step is sampled; with fewer it abstains."""
    signals = never_updated(0).sparse(20).with_plan(None)

    with pytest.raises(NotMeasurableError):
        FrozenLayer().check(last_view(signals, steps=80))
    assert found(last_view(signals, steps=81)) == (KERNELS[0],)


def test_a_wide_model_keeps_fewer_samples_of_its_variables():
    """Its columns are shorter than those of single numbers, and end with the same step."""
    view = last_view(never_updated(0))
    count = len(updates_of(view))
    skipped = np.zeros(count, np.uint32)
    short = {name: view.last_samples(name, 20) for name in ("update_norm", "grad_norm")}

    assert found(changed(view, skipped=skipped, **short)) == (KERNELS[0],)
    skipped[-20:] = SkipReason.ACCUMULATING
    with pytest.raises(NotMeasurableError):
        found(changed(view, skipped=skipped, **short))


def test_updates_that_are_no_numbers_are_left_out():
    """They are neither zero nor not."""
    view = last_view(never_updated(FIRST, LAST))
    updates = updates_of(view)
    updates[::3, FIRST] = np.nan

    assert found(changed(view, update_norm=updates)) == (KERNELS[0], KERNELS[-1])
    updates[:] = np.nan
    with pytest.raises(NotMeasurableError):
        found(changed(view, update_norm=updates))
