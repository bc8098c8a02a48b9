"""What a detector compared is seen from outside, and looking changes nothing."""

import numpy as np
import pytest

from flatline_monitor.backtest.gates import looked
from flatline_monitor.backtest.watched import Notes, watched
from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Abstain, Clear, Finding, Reason
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.preflight import Preflight
from flatline_monitor.detectors.vanishing_gradient import VanishingGradient
from tests.signals import HEALTHY, SICK, vanishing
from tests.views import last_view

every_detector = pytest.mark.parametrize("detector", CATALOGUE, ids=lambda d: d.name)
VIEWS = {name: last_view(signals) for name, signals in {**SICK, **HEALTHY}.items()}


@every_detector
def test_a_detector_says_the_same_when_it_is_watched(detector) -> None:
    """On each sick and healthy run, and its comparisons are seen."""
    seen = [looked(detector, view, judge(detector, view)) for view in VIEWS.values()]

    assert all(each.visible for each in seen)
    # The pre-flight asks rules, which have limits of their own.
    assert detector.name == Preflight.name or any(each.gates for each in seen)


@pytest.mark.parametrize("decades", [1.5, 2.0, 2.9])
def test_what_held_a_detector_back_did_so(decades: float) -> None:
    """Its value and its limit are told, and a limit on the other side lets it find."""
    view = last_view(vanishing(decades))
    detector = VanishingGradient()
    gate = looked(detector, view, judge(detector, view, alerted=False)).held_back
    assert gate is not None

    assert (gate.settings, gate.statistic, gate.limit) == (("gap_decades",), "gap", 3.0)
    assert 0.5 * decades < gate.value < decades
    assert not gate.holds
    assert isinstance(judge(VanishingGradient(gap_decades=gate.value - 0.01), view), Finding)
    assert not isinstance(judge(VanishingGradient(gap_decades=gate.value + 0.01), view), Finding)


def test_a_detector_that_was_not_asked_compared_nothing() -> None:
    """An abstention before its `check` has a reason, and no gates."""
    verdict = Abstain(Reason.SIGNAL_NOT_SENT)

    assert looked(VanishingGradient(), VIEWS["learns"], verdict).gates == ()


def test_a_detector_that_cannot_be_watched_is_said_to_be_so() -> None:
    """What it says when it is watched is never taken for its verdict."""

    def check(self, view):
        if type(self.skilled) is not float:
            raise TypeError

    moody = type("Moody", (VanishingGradient,), {"check": check})()

    assert judge(moody, VIEWS["learns"]) == Clear()
    assert not looked(moody, VIEWS["learns"], Clear()).visible


def noted(do, value) -> list[tuple[str, bool]]:
    """What is noted of a comparison with a limit of 2."""
    notes = Notes()
    do(watched(2.0, ("floor",), notes), value)
    return [(f"{gate.value:g} {gate.relation} {gate.limit:g}", gate.holds) for gate in notes.gates]


@pytest.mark.parametrize(
    ("do", "value", "told"),
    [
        (lambda floor, x: x < floor, 3.0, ("3 < 2", False)),
        (lambda floor, x: floor <= x, np.float64(3), ("3 >= 2", True)),
        (lambda floor, x: x < 1 - floor, np.float32(1), ("1 < -1", False)),
        (lambda floor, x: floor * np.float64(2) ** floor < x, 3, ("3 > 8", False)),
        (lambda floor, x: x > floor, np.array([1, 5, 3]), ("5 > 2", True)),
        (lambda floor, x: x > floor, np.array([1, np.nan]), ("1 > 2", False)),
        (lambda floor, x: x <= floor * np.array([1.0, 3.0]), np.array([1, 5]), ("1 <= 2", True)),
        (lambda floor, x: x > max(floor, 1), 5, ("5 > 2", True)),
    ],
)
def test_comparisons_are_noted_as_value_relation_limit(do, value, told) -> None:
    """Whichever way round, of numbers and of arrays; of what was made of the limit too."""
    assert noted(do, value) == [told]


@pytest.mark.parametrize(
    "do",
    [lambda floor, x: max(floor, x) < x, lambda floor, _: floor > 0, lambda floor, x: floor == x],
)
def test_what_only_chooses_a_limit_is_no_gate(do) -> None:
    """Nor is a comparison with a constant, which is no statistic, or one for equality."""
    assert noted(do, 5.0) == []
