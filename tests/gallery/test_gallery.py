"""The gallery is large and labelled, and the core is right about its recordings.

The bars of the score half are those of `make accuracy`; these here hold for every third training
of the tune half, and fail when a change to a detector breaks what was right.
"""

from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.gallery.case import cases
from tests.gallery.replay import recorded, replayed
from tests.gallery.score import CRITICAL, WARNING, Score, is_found, rank

LEAST = 80
HALF = 0.35
RECALL, WARNED, DELAY = 0.9, 0.03, 0.2


@pytest.fixture(scope="module")
def score() -> Score:
    """What the core says of a third of the tune half: all of it is `make accuracy`."""
    with ProcessPoolExecutor(2) as pool:
        chosen = [case for case in recorded() if case.half == "tune"]
        return Score(list(pool.map(replayed, chosen[::3], chunksize=4)))


def test_the_gallery_has_eighty_of_each_kind_in_halves() -> None:
    """Sick trainings are those whose fault shows."""
    every = list(cases())
    for kind in (
        [case for case in every if not case.sick],
        [case for case in every if case.sick and case.visible],
    ):
        assert len(kind) >= LEAST
        share = sum(case.half == "tune" for case in kind) / len(kind)
        assert HALF < share < 1 - HALF


def test_every_visible_fault_has_a_family_and_a_cause() -> None:
    """And a healthy training has neither."""
    for case in cases():
        visible = case.sick and case.visible
        assert bool(case.families) is visible, case.name
        assert bool(case.causes) is case.sick, case.name


@pytest.mark.timeout(600)
def test_sick_trainings_are_found(score: Score) -> None:
    """By a detector of the right family, and early."""
    missed = [each.case.name for each in score.sick if not is_found(each)]

    assert score.recall.value >= RECALL, missed
    assert score.delay < DELAY


@pytest.mark.timeout(600)
def test_healthy_trainings_are_left_alone(score: Score) -> None:
    """A warning in three of a hundred."""
    warned = [each.case.name for each in score.healthy if rank(each) >= WARNING]

    assert score.alarms(WARNING).value <= WARNED, warned
    assert score.alarms(CRITICAL).hits <= 1, warned
