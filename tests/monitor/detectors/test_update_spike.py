"""The line between updates that jump and updates that a rate, or a single batch, makes larger."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.contract import Abstain, Finding, Reason, Severity
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.update_spike import UpdateSpike
from flatline_monitor.runs.records import Role
from tests.signals import STEPS, jolted, run
from tests.views import last_view


def check(signals, **changes):
    return UpdateSpike().check(dataclasses.replace(last_view(signals), **changes))


def updates_of(columns):
    """A run in which every kernel is updated by so much, at one rate."""
    signals = run()
    norms = np.repeat(np.asarray(columns, np.float32)[:, None], 12, axis=1)
    return signals.with_columns(update_norm=norms)


@pytest.mark.parametrize(("factor", "fires"), [(4, False), (8, True)])
def test_five_times_what_was_usual(factor, fires):
    """Of one kernel, which is named, in two of the last five samples."""
    finding = check(jolted(factor))
    assert (finding is not None) == fires
    if finding:
        assert finding.severity is Severity.INFO
        assert finding.variables == ("dense_0/kernel",)
        assert finding.since_step == STEPS - 3


def test_a_single_update_is_not_told():
    """Heavy tails have them."""
    assert check(jolted(every=1)) is not None
    assert check(jolted(every=5)) is None


def test_what_it_did_before_is_usual():
    """A batch in eight that moves the weights far, all the way."""
    updates = np.where(np.arange(STEPS) % 8 < 2, 0.02, 0.001)
    updates[-8:] = np.where(np.arange(8) < 2, 0.02, 0.001)[::-1]

    assert check(updates_of(updates)) is None
    assert check(updates_of(np.where(np.arange(STEPS) < STEPS - 2, updates, 0.04))) is not None


def test_a_rate_that_is_raised_explains_larger_updates():
    """A restart, or a warm-up; without it the same updates jump."""
    signals = updates_of(np.where(np.arange(STEPS) < STEPS - 4, 0.001, 0.02))

    assert check(signals, learning_rate={0: 0.01}) is not None
    assert check(signals, learning_rate={0: 0.01, STEPS - 4: 0.2}) is None
    assert check(signals, learning_rate={}) is not None


def test_steps_that_change_nothing_are_no_measure():
    """Gradients are gathered over four steps, and each fourth one updates."""
    updates = np.where(np.arange(STEPS) % 4 == 0, 0.001, 0.0)
    assert check(updates_of(updates)) is None

    updates[[-8, -4]] = 0.02
    assert check(updates_of(updates)) is not None


def test_a_wide_model_of_which_twenty_samples_are_kept_is_judged():
    """Fifteen of them are the past."""
    view = last_view(jolted())
    columns = {name: column[-20:] for name, column in view.rows.sampled.columns.items()}
    rows = dataclasses.replace(
        view.rows, sampled=dataclasses.replace(view.rows.sampled, columns=columns)
    )

    assert isinstance(judge(UpdateSpike(), dataclasses.replace(view, rows=rows)), Finding)


def test_a_few_samples_or_no_kernels_are_not_enough():
    """An embedding changes a few rows at a time."""
    assert judge(UpdateSpike(), last_view(jolted().sparse(57))) == Abstain(Reason.TOO_FEW_POINTS)
    view = last_view(jolted())
    embeddings = tuple(dataclasses.replace(v, role=Role.EMBEDDING) for v in view.variables)
    verdict = judge(UpdateSpike(), dataclasses.replace(view, variables=embeddings))

    assert verdict == Abstain(Reason.SIGNAL_NOT_SENT)
