"""The line between a batch that the run gets over and a jump from which it does not come back."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.contract import Abstain, Clear, NotMeasurableError, Reason, Severity
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.loss_spike import LossSpike
from flatline_monitor.runs.records import LossKind
from tests.signals import HELLO, STEPS, flat, run, spiked
from tests.views import last_view

# In a plan of 400 steps the window is 40 steps, the patience 20, the grace 40.
ANY_LOSS = dataclasses.replace(HELLO, loss_kind=LossKind.UNKNOWN)
"""L0 is the first loss, 0.3."""


def ask(loss, hello=ANY_LOSS, **changes):
    """Return the finding at the end of a run of this loss."""
    view = last_view(run(loss=loss, hello=hello))
    return LossSpike().check(dataclasses.replace(view, **changes))


@pytest.mark.parametrize(("height", "expected"), [(0.44, False), (0.48, True)])
def test_a_jump_of_half_as_much_again_that_stays(height, expected):
    """Above the highest of the forty losses before it, which is 0.307."""
    assert (ask(spiked(height)) is not None) == expected


@pytest.mark.parametrize(("over", "expected"), [(8, False), (70, True)])
def test_a_jump_that_the_run_gets_over_is_none(over, expected):
    """Within twenty steps; after that it is open until the loss is back."""
    assert (ask(spiked(1.0, over)) is not None) == expected
    if not expected:
        assert judge(LossSpike(), last_view(run(loss=spiked(1.0, over)))) == Clear()


def test_it_waits_until_patience_is_over():
    """Ten steps after a jump nobody knows whether it lasts."""
    signals = run(loss=spiked(), hello=ANY_LOSS)

    assert LossSpike().check(last_view(signals, steps=340)) is None
    assert LossSpike().check(last_view(signals, steps=356)).since_step == 330


def test_a_jump_that_is_over_is_no_longer_open():
    """It lasted for thirty steps, and the loss is where it was."""
    assert ask(spiked(1.0, 30)) is None


@pytest.mark.parametrize(("height", "expected"), [(2.9, None), (3.5, Severity.INFO)])
def test_one_of_ten_times_what_guessing_loses_is_of_note(height, expected):
    """Though the run gets over it at once."""
    finding = ask(spiked(height, 1))

    assert (finding and finding.severity) == expected


@pytest.mark.parametrize(("count", "expected"), [(5, False), (6, True)])
@pytest.mark.parametrize("spacing", [49, 60])
def test_more_than_five_are_too_many(count, expected, spacing):
    """Unless they are at the same place of an epoch of twenty steps: then it is one batch."""
    loss = flat(0.3)
    loss[[60 + spacing * i for i in range(count)]] = 0.55
    fires = ask(loss) is not None

    assert fires == (expected and spacing % 20 != 0)


def test_a_tiny_loss_may_jump():
    """By less than a tenth of what a constant answer loses."""
    assert ask(np.where(np.arange(STEPS) < 330, 0.01, 0.06), HELLO) is None
    assert ask(np.where(np.arange(STEPS) < 330, 0.01, 0.09), HELLO) is not None


@pytest.mark.parametrize(("steps", "expected"), [(360, False), (376, True)])
@pytest.mark.parametrize("to", [0.02, 0.0005])
def test_a_raised_rate_may_settle_for_forty_steps(steps, expected, to):
    """A restart of a schedule costs some loss; a rate that is lowered excuses nothing."""
    view = last_view(run(loss=spiked(), hello=ANY_LOSS), steps=steps)
    view = dataclasses.replace(view, learning_rate={0: 0.001, 329: to})

    assert (LossSpike().check(view) is not None) == (expected or to < 0.001)


def test_a_nan_is_no_spike():
    """`non_finite` tells of those."""
    loss = flat(0.3)
    loss[330:335] = np.inf

    assert ask(loss) is None


def test_a_run_of_twenty_steps_is_too_short():
    """Of which no window can be filled."""
    hello = dataclasses.replace(ANY_LOSS, plan_steps=10, plan_epochs=10)
    view = last_view(run(loss=flat(0.3, 10), hello=hello, steps=10), final=True)

    assert judge(LossSpike(), view) == Abstain(Reason.TOO_FEW_POINTS)
    with pytest.raises(NotMeasurableError):
        LossSpike().check(view)


def test_the_finding_says_where_it_jumped():
    """And from what to what."""
    finding = ask(spiked())

    assert finding.summary == (
        "The loss jumped at step 330 and has not come back: from 0.2988 to 3, and it is 3 now"
    )
    assert (finding.severity, finding.since_step) == (Severity.WARNING, 330)
