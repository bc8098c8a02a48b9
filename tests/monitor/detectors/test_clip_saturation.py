"""The line between clipping that ends a training and clipping that is part of a recipe."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.alerts.suppression import weigh
from flatline_monitor.detectors.clip_saturation import ClipSaturation
from flatline_monitor.detectors.contract import Abstain, Finding, Reason, Severity
from flatline_monitor.detectors.judge import judge
from flatline_monitor.runs.records import Task
from tests.signals import HELLO, STEPS, clipped, flat, run
from tests.views import last_view

LN_2 = float(np.log(2))


def check(signals, **changes):
    view = dataclasses.replace(last_view(signals), **changes)
    return ClipSaturation().check(view)


@pytest.mark.parametrize(("share", "fires"), [(0.49, False), (0.51, True)])
def test_more_than_half_of_the_steps(share, fires):
    """However much of each gradient is left."""
    assert (check(clipped(share=share)) is not None) == fires
    assert (check(clipped(left=0.9, share=share)) is not None) == fires


def test_it_says_how_many_and_how_much_is_left():
    """The numbers that tell a limit that is too low from one that is nearly right."""
    finding = check(clipped(left=0.02))

    assert finding.severity is Severity.WARNING
    assert "100% of the gradients, to 0.02 of their norm" in finding.summary
    assert [each.statistic for each in finding.evidence][:2] == [
        "share_of_clipped_steps",
        "norm_left_by_clipping",
    ]


@pytest.mark.parametrize(
    ("loss", "fires"),
    [
        (np.linspace(1.0, 0.85, STEPS), False),
        (np.linspace(0.72, 0.69, STEPS), True),
        (flat(0.5 * LN_2), False),
    ],
    ids=["progress", "hardly any", "skill from the beginning"],
)
def test_a_run_that_learns_may_clip_always(loss, fires):
    """As recurrent networks do, and Adam, which divides the norm out again."""
    signals = run(loss=loss).with_columns(clip_ratio=np.full(STEPS, 1e-3, np.float32))

    assert (check(signals) is not None) == fires


def test_a_young_run_is_only_remarked_on():
    """What has not been learned yet may still come."""
    finding = check(clipped())
    young, old = (weigh({"clip_saturation": finding}, 100, share) for share in (0.2, 0.4))

    assert young["clip_saturation"].severity is Severity.INFO
    assert old["clip_saturation"].severity is Severity.WARNING


def test_a_rate_that_warms_up_is_waited_for():
    """Small steps are meant then; when it has come to rest, or falls, they are not."""
    view = last_view(clipped())
    rising = {step: 1e-5 * (step + 1) for step in range(0, STEPS, 10)}
    rested = {step: rate for step, rate in rising.items() if step < STEPS // 2}
    falling = {**rested, STEPS - 5: 1e-6}

    warming, *others = (
        judge(ClipSaturation(), dataclasses.replace(view, learning_rate=rates))
        for rates in (rising, rested, falling)
    )
    assert warming == Abstain(Reason.WARMING_UP)
    assert all(isinstance(verdict, Finding) for verdict in others)


def test_a_few_samples_are_not_enough():
    """Eight of them tell no share."""
    assert judge(ClipSaturation(), last_view(clipped().sparse(57))) == Abstain(
        Reason.TOO_FEW_POINTS
    )


def test_an_agent_clips_as_it_likes():
    """Its loss is no measure of what it has learned."""
    signals = dataclasses.replace(clipped(), hello=dataclasses.replace(HELLO, task=Task.RL))

    assert judge(ClipSaturation(), last_view(signals)) == Abstain(Reason.NOT_FOR_THIS_TASK)
