"""The line between units that are stuck at their bounds and gates that have learned to be sure."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.contract import Abstain, Clear, Finding, Reason, Severity
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.saturated_activations import SaturatedActivations
from flatline_monitor.runs.records import Activation, ActivationKind, Task
from tests.signals import HELLO, STEPS, flat, run, stuck
from tests.views import last_view

LN_2 = float(np.log(2))


def severity(share, *, skill=0.0, loss=None, steps=STEPS):
    loss = flat(1.0) * LN_2 * (1 - skill) if loss is None else loss
    column = np.full((STEPS, 1), share, np.float32)
    signals = run(loss=loss).with_columns(saturated_unit_share=column)
    finding = SaturatedActivations().check(last_view(signals, steps=steps))
    return None if finding is None else finding.severity


@pytest.mark.parametrize(("share", "expected"), [(0.49, None), (0.51, Severity.WARNING)])
def test_more_than_half_of_a_layer(share, expected):
    """It is a warning however many there are."""
    assert severity(share) is expected
    assert severity(1.0) is Severity.WARNING


@pytest.mark.parametrize(
    ("skill", "expected"),
    [(0.05, Severity.WARNING), (0.15, Severity.INFO), (0.45, Severity.INFO), (0.55, None)],
)
def test_gates_and_codes_that_have_learned_to_be_sure_are_as_they_should_be(skill, expected):
    """A binarised code, a gate of a squeeze-and-excitation block, tanh over raw features."""
    assert severity(1.0, skill=skill) is expected


def test_a_young_run_whose_loss_falls_is_only_remarked_on():
    """The last layer learns from features that do not."""
    falling = 10 - np.arange(STEPS) / 100

    assert severity(1.0, loss=falling, steps=100) is Severity.INFO
    assert severity(1.0, loss=falling, steps=200) is Severity.WARNING


def test_only_squashing_layers_are_looked_at():
    """A model of rectifiers has no such column, one of both has a place for each on its axis."""
    view = last_view(stuck("saturated_unit_share"))
    layers = tuple(
        Activation(name, kind, 8)
        for name, kind in (
            ("first", ActivationKind.OTHER),
            ("second", ActivationKind.SQUASHER),
            ("third", ActivationKind.RECTIFIER),
        )
    )
    finding = SaturatedActivations().check(dataclasses.replace(view, activations=layers))

    assert "100% of the 8 of second" in finding.summary
    without = stuck("dead_unit_share").without("saturated_unit_share")
    assert judge(SaturatedActivations(), last_view(without)) == Abstain(Reason.SIGNAL_NOT_SENT)


def test_near_the_limit_it_neither_finds_nor_clears():
    """Four fifths of the limit are the way back."""
    verdicts = [
        judge(SaturatedActivations(), last_view(stuck("saturated_unit_share", share)))
        for share in (0.39, 0.45)
    ]

    assert verdicts == [Clear(), Abstain(Reason.BETWEEN_LIMITS)]


@pytest.mark.parametrize(("steps", "judged"), [(39, False), (40, True)])
def test_a_tenth_of_the_plan_is_waited_for(steps, judged):
    """The first updates may free what an initialisation has pushed too far."""
    verdict = judge(SaturatedActivations(), last_view(stuck("saturated_unit_share"), steps=steps))

    assert isinstance(verdict, Finding) == judged


def test_a_discriminator_may_be_sure():
    """Its task is no test of skill."""
    hello = dataclasses.replace(HELLO, task=Task.GAN)
    signals = dataclasses.replace(stuck("saturated_unit_share"), hello=hello)
    verdict = judge(SaturatedActivations(), last_view(signals))

    assert verdict == Abstain(Reason.NOT_FOR_THIS_TASK)
