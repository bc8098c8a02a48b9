"""A recorded run is judged again as it was judged live, or as it would have been."""

import dataclasses

import pytest

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.backtest.compared import Comparison, Stand
from flatline_monitor.backtest.judging import judged
from flatline_monitor.backtest.trace import Trace, silence, thinned
from flatline_monitor.detectors.catalogue import CATALOGUE, Catalogues, catalogues
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.engine.again import HeadlessError
from flatline_monitor.engine.reports import run_report
from flatline_monitor.runs.records import EndStatus
from tests.monitor.backtest.made import decode, journal
from tests.play import play
from tests.signals import HEALTHY, SICK

USUAL = Catalogues()


def alerts(report):
    return [dataclasses.replace(alert, transition_at=None) for alert in report.alerts]


def test_it_is_judged_as_it_was_live() -> None:
    """Watched or not: the same alerts, the same verdict, the same causes."""
    signals, trace = SICK["overfitting"], Trace()
    live = run_report(play(signals.records(end=EndStatus.FINISHED), signals.hello), CATALOGUE)
    again = judged(journal(signals), decode, USUAL)
    watched = judged(journal(signals), decode, USUAL, ask=trace.ask, heard=trace.heard)

    for report in (again, watched):
        assert alerts(report) == alerts(live)
        assert (report.verdict, report.causes) == (live.verdict, live.causes)


def test_another_limit_changes_what_it_must() -> None:
    """The alert of its detector, and with it verdict and cause; the same limits change nothing."""
    entries = journal(SICK["divergence"])
    set_anew = catalogues({"divergence": {"factor": 9.0}}, {})
    before, after = judged(entries, decode, USUAL), judged(entries, decode, set_anew)

    changed = {each.detector: each for each in Comparison(before, after).alerts if each.is_one}
    assert changed["divergence"].before.severity is Severity.CRITICAL
    assert changed["divergence"].after == Stand(State.INACTIVE, None, None)
    assert Comparison(before, after).is_changed
    assert not Comparison(before, before).is_changed


def test_a_project_has_its_own_limits() -> None:
    """Over those of all runs, and below what is asked for."""
    entries = journal(SICK["divergence"])
    project = {"": {"divergence": {"factor": 9.0}}, "other": {"divergence": {"factor": 1.5}}}

    def fired(found: Catalogues) -> bool:
        return any(
            alert.detector == "divergence" and alert.state is State.FIRING
            for alert in judged(entries, decode, found).alerts
        )

    assert not fired(catalogues({}, project))
    assert fired(catalogues({}, project, {"divergence": {"factor": 1.5}}))
    assert fired(catalogues({"divergence": {"factor": 9.0}}, {"": {"divergence": {"factor": 1.5}}}))


def test_a_silent_detector_says_why() -> None:
    """What it said how often, and which comparison held it back with what value."""
    trace = Trace({"clip_saturation", "gradient_explosion"})
    judged(journal(HEALTHY["learns"]), decode, USUAL, ask=trace.ask, heard=trace.heard)
    seen = {name: silence(points) for name, points in trace.points.items()}

    assert seen.keys() == trace.names
    assert dict(seen["clip_saturation"].said).keys() >= {"warming_up", "clear"}
    times, gate = seen["gradient_explosion"].held_back[0]
    assert (gate.settings, gate.limit) == (("hits",), 3)
    assert times <= seen["gradient_explosion"].said["clear"]


def test_thinned_points_keep_the_gravest() -> None:
    """One of each so many in a row, the last one among them."""
    trace = Trace({"no_skill"})
    judged(journal(SICK["no_skill"]), decode, USUAL, ask=trace.ask, heard=trace.heard)
    points = trace.points["no_skill"]

    assert trace.points.keys() == {"no_skill"}
    assert len(thinned(points, 10)) == -(-len(points) // 10)
    assert thinned(points, 1) == points
    assert thinned(points, len(points))[0].said == "critical"


def test_a_journal_without_a_beginning_is_refused() -> None:
    """With a sentence that names the run."""
    with pytest.raises(HeadlessError, match="run run-1 does not begin with a hello"):
        judged(journal(SICK["no_skill"])[1:], decode, USUAL)
    with pytest.raises(HeadlessError, match="empty"):
        judged([], decode, USUAL)
