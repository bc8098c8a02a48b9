"""The report says what the outcomes are, of a few small recordings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from flatline_monitor.detectors.catalogue import CATALOGUE
from tests.gallery.accuracy import Measured, compared, measured
from tests.gallery.case import Case
from tests.gallery.pictures import draw
from tests.gallery.plates import plate
from tests.gallery.probe import traced
from tests.gallery.replay import RECORDED, recorded
from tests.gallery.report import Results, picture, report
from tests.gallery.rivals.catalogue import RIVALS
from tests.gallery.rivals.packages.asking import NOT_INSTALLED, VERSIONS
from tests.gallery.score import bars

NOWHERE = Path("no/such/python")


def smallest(cases: Sequence[Case], count: int) -> list[Case]:
    return sorted(cases, key=lambda case: (RECORDED / f"{case.name}.xz").stat().st_size)[:count]


@pytest.fixture(scope="module")
def found() -> list[Measured]:
    """What everybody says of two healthy and two sick trainings."""
    tune = [case for case in recorded() if case.half == "tune"]
    healthy = smallest([case for case in tune if not case.sick], 2)
    sick = smallest([case for case in tune if case.sick and case.visible], 2)
    return [measured(case) for case in (*healthy, *sick)]


@pytest.fixture(scope="module")
def results(found: list[Measured]) -> Results:
    """What is reported of them."""
    return compared("tune", found, NOWHERE)


@pytest.fixture(scope="module")
def text(results: Results) -> str:
    """The report."""
    return "\n".join(report(results))


def test_every_bar_is_named_with_what_was_reached(results: Results, text: str) -> None:
    """And whether it is met."""
    for bar in bars(results.score):
        said = "met" if bar.met else "MISSED"
        assert f"| {bar.name} | {bar.value} | {bar.bar} | {said} |" in text


def test_every_tool_stands_beside_ours(text: str) -> None:
    """Packages that are not there say so."""
    for name in ("flatline", *(rival.name for rival in RIVALS)):
        assert f"\n| {name} | " in text
    for name in VERSIONS.values():
        assert f"\n| {name} | {NOT_INSTALLED} |" in text


def test_we_are_rated_as_we_are_scored(results: Results) -> None:
    """The same figures, whether we are one of many or alone."""
    ours, grave = results.ratings[:2]
    score = results.score

    assert ours.recall == score.recall
    assert grave.false == score.alarms(1)
    assert ours.delay == score.delay or np.isnan([ours.delay, score.delay]).all()


def test_every_detector_has_a_line(text: str) -> None:
    """Those that had nothing to find as well."""
    for detector in CATALOGUE:
        assert f"\n| {detector.name} | " in text


def test_the_pictures_lie_where_the_report_shows_them(
    results: Results, text: str, tmp_path: Path
) -> None:
    """All of them, and no others."""
    draw(results, tmp_path)

    names = {path.name for path in tmp_path.iterdir()}
    kinds = ("rivals", "detectors", "delay", "confusion", "reliability")
    assert names == {picture("tune", kind) for kind in kinds}
    assert all(f"]({name})" in text for name in names)


def test_a_plate_shows_the_step_at_which_it_fired(found: list[Measured]) -> None:
    """As a line in the colour of its severity, above the trainings that stayed healthy."""
    outcomes = [each.outcome for each in found]
    sick = next(each for each in outcomes if each.case.sick and each.said)
    name = sick.said[0].detector
    figure = plate(name, [(sick, traced(sick.case)), (outcomes[0], traced(outcomes[0].case))])
    panel = figure.axes[0]

    assert sick.case.name in panel.get_title()
    assert sick.said[0].step in [np.asarray(line.get_xdata())[0] for line in panel.lines[1:]]


def test_the_probe_changes_nothing(found: list[Measured]) -> None:
    """Where it says that a detector fired at its limits, the detector had a finding."""
    each = found[-1].outcome
    trace = traced(each.case)

    assert each.said
    for said in each.said:
        nearest = trace.nearest(said.detector)
        assert nearest is not None
        assert nearest.share == 1
        assert nearest.step <= said.step
