"""The line between a regularisation that leaves nothing to learn and one that is only strong."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.contract import Abstain, Clear, Finding, Reason, Severity
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.over_regularised import OverRegularised
from flatline_monitor.runs.records import Role, Task
from tests.columns import PATHS
from tests.signals import HELLO, STEPS, flat, run, weighed_down
from tests.views import last_view

LN_2 = float(np.log(2))


def shrinking(left, *, of=slice(None), loss=None):
    """Weights of which so much is left, in a run without any terms."""
    weights = np.ones((STEPS, len(PATHS)), np.float32)
    weights[:, of] = np.geomspace(1, left, STEPS)[:, None]
    return run(loss=flat(LN_2) if loss is None else loss).with_columns(weight_norm=weights)


def severity(signals, **changes):
    view = dataclasses.replace(last_view(signals), **changes)
    finding = OverRegularised().check(view)
    return None if finding is None else finding.severity


@pytest.mark.parametrize(("share", "expected"), [(0.28, None), (0.32, Severity.WARNING)])
def test_three_tenths_of_the_loss(share, expected):
    """Of what is minimised, terms and data together."""
    assert severity(weighed_down(LN_2 * share / (1 - share))) is expected


@pytest.mark.parametrize(("left", "expected"), [(0.55, None), (0.45, Severity.WARNING)])
def test_half_of_the_weights(left, expected):
    """Weight decay is no part of the loss, and is seen by what it leaves."""
    assert severity(shrinking(left)) is expected


def test_both_are_said():
    """With their numbers."""
    weights = shrinking(0.1).sampled["weight_norm"]
    finding = OverRegularised().check(last_view(weighed_down().with_columns(weight_norm=weights)))

    assert "terms are 74% of the loss, the weights shrank to" in finding.summary
    assert [each.statistic for each in finding.evidence] == [
        "share_of_terms",
        "weights_left",
        "skill_or_progress",
    ]


@pytest.mark.parametrize(("skill", "expected"), [(0.05, Severity.WARNING), (0.15, None)])
def test_a_run_that_gains_skill_may_be_held_down_as_far_as_it_likes(skill, expected):
    """Pruning, strong decay, a prior."""
    loss = flat((1 - skill) * LN_2)

    assert severity(shrinking(0.1, loss=loss)) is expected
    terms = run(loss=loss).with_columns(regularization_loss=np.full(STEPS, 9.0, np.float32))
    assert severity(terms) is expected


def test_a_loss_that_falls_early_is_only_remarked_on():
    """The terms of a large model come down first."""
    signals = run(loss=10 - np.arange(STEPS) / 100)
    signals = signals.with_columns(regularization_loss=np.full(STEPS, 9.0, np.float32))
    finding = OverRegularised().check(last_view(signals, steps=100))
    later = OverRegularised().check(last_view(signals, steps=200))

    assert (finding.severity, later.severity) == (Severity.INFO, Severity.WARNING)


def test_one_kernel_shrinks_to_what_there_is_to_learn():
    """So it is with a line through noise; embeddings do not count."""
    view = last_view(shrinking(0.1))
    for roles in ({Role.KERNEL: Role.OTHER}, {Role.KERNEL: Role.EMBEDDING}):
        one = tuple(
            dataclasses.replace(each, role=roles.get(each.role, each.role)) if i else each
            for i, each in enumerate(view.variables)
        )
        assert OverRegularised().check(dataclasses.replace(view, variables=one)) is None


def test_biases_do_not_count():
    """They begin at zero, and no decay is meant for them."""
    assert severity(shrinking(0.01, of=slice(1, None, 2))) is None


@pytest.mark.parametrize("terms", [0.0, -5.0])
def test_terms_that_are_nothing_or_a_reward_weigh_nothing(terms):
    """Below zero they are another mistake."""
    assert judge(OverRegularised(), last_view(weighed_down(terms))) == Clear()


def test_without_terms_or_kernels_nobody_can_say():
    """A loop that sends neither of the two."""
    view = last_view(weighed_down().without("regularization_loss"))
    verdict = judge(OverRegularised(), dataclasses.replace(view, variables=view.variables[:1]))

    assert verdict == Abstain(Reason.SIGNAL_NOT_SENT)
    assert isinstance(judge(OverRegularised(), last_view(weighed_down())), Finding)


def test_a_prior_of_a_task_without_skill_is_not_judged():
    """Where no null model is known."""
    hello = dataclasses.replace(HELLO, task=Task.SSL)
    signals = dataclasses.replace(weighed_down(), hello=hello)

    assert judge(OverRegularised(), last_view(signals)) == Abstain(Reason.NOT_FOR_THIS_TASK)
