"""Figures of outcomes that are made up, against what they are by hand."""

import math

import pytest

from flatline_monitor.detectors.contract import Severity
from tests.gallery.case import Case
from tests.gallery.replay import Outcome, Said, Span
from tests.gallery.rivals.versus import Rating, ours
from tests.gallery.score import INFO, WARNING, Score, Share, quartiles

INFORMATION, WARN = Severity.INFO, Severity.WARNING


def said(detector: str, severity: Severity = WARN, share: float = 0.5) -> Said:
    return Said(detector, severity, int(100 * share), share)


def healthy(*told: Said) -> Outcome:
    return Outcome(Case("well", "Well.", print), told, (), 100, 100)


def sick(*told: Said, family: str = "divergence", plan: int | None = 100) -> Outcome:
    case = Case("ill", "Ill.", print, sick=True, families=frozenset({family}))
    return Outcome(case, told, (), 100, plan)


def test_alerts_per_run_count_each_detector_once_at_its_gravest() -> None:
    """An alert that began as information and became a warning is a warning."""
    score = Score([healthy(said("plateau", INFORMATION), said("plateau")), healthy()])

    assert score.alarms_per_run(INFO) == 0
    assert score.alarms_per_run(WARNING) == 0.5


def test_delays_go_by_the_length_of_the_plan() -> None:
    """A fault that is not found took the whole plan; a run without a plan has its steps."""
    early, late = said("divergence", share=0.1), said("divergence", share=0.3)
    score = Score([sick(early), sick(late), sick(), sick(early, plan=20), sick(early, plan=None)])

    assert score.delays(30, 150).count == 4
    assert score.delays(30, 150).median == pytest.approx(0.2)
    assert score.delays(0, 30).count == 1
    assert math.isnan(score.delays(440, math.inf).median)


def test_quartiles_of_nothing_are_none() -> None:
    """Of one value they are that value."""
    assert quartiles([]).count == 0
    assert quartiles([0.3]).first == quartiles([0.3]).third == 0.3


def test_a_family_is_found_by_whichever_is_right() -> None:
    """And a detector's own recall counts only itself."""
    case = Case("ill", "Ill.", print, sick=True, families=frozenset({"divergence", "loss_spike"}))
    score = Score([Outcome(case, (said("loss_spike"),), (), 100, 100)])

    assert score.of_family("divergence") == Share(1, 1)
    assert score.of_detector("divergence")[0] == Share(0, 1)


def test_confusion_counts_what_fired_where_it_was_expected() -> None:
    """A row for each family, a column for each detector."""
    score = Score([sick(said("divergence"), said("plateau")), sick(said("plateau"))])

    assert score.confusion(["divergence", "plateau"]).tolist() == [[1, 2], [0, 0]]


def test_a_tool_that_shouts_always_is_told_apart_from_none() -> None:
    """Its recall is perfect, and so are its false alarms."""
    everywhere = [sick(said("divergence")), healthy(said("divergence"))]
    rating = Rating("loud", "", [ours(each, INFO) for each in everywhere])

    assert rating.recall.value == rating.false.value == 1
    assert rating.told_apart == 0
    assert rating.symptoms() == {"divergence": (1, 1, 1)}


def test_only_what_is_grave_enough_is_ours() -> None:
    """Information is none of our warnings."""
    each = sick(said("divergence", INFORMATION))

    assert ours(each, INFO).right
    assert not ours(each, WARNING).right
    assert ours(each, WARNING).delay == 1


def test_a_share_of_the_plan_is_at_most_all_of_it() -> None:
    """A run may go on beyond its plan, and a step is counted from 0."""
    assert Span(0, 10).share(4) == 0.5
    assert Span(0, 10).share(40) == 1


def test_weights_are_held_against_how_often_the_cause_is_true() -> None:
    """Two of .9, of which one is right, and a right one of .5: (2 x .4 + 1 x .5) / 3."""
    case = Case("ill", "Ill.", print, sick=True, causes=frozenset({"right"}))
    told = [("right", 0.9), ("wrong", 0.9), ("right", 0.5)]
    outcomes = [Outcome(case, (), (name,), 100, 100, weight=weight) for name, weight in told]
    score = Score([*outcomes, Outcome(case, (), (), 100, 100)])

    assert score.calibration_error == pytest.approx((2 * 0.4 + 0.5) / 3)
    assert score.reliability[4].right == Share(1, 2)
    assert math.isnan(Score([]).calibration_error)
