"""The runs of a project are judged with its own numbers: live, after a restart, and again."""

from dataclasses import replace

from flatline_monitor.alerts.report import RunReport
from flatline_monitor.backtest.judging import judged
from flatline_monitor.detectors.catalogue import Catalogues, catalogues
from flatline_monitor.engine.again import arrivals
from flatline_monitor.engine.codec import snapshot
from flatline_monitor.engine.embedded import Engine
from flatline_monitor.runs.records import Hello
from tests.monitor.backtest.made import decode, journal
from tests.signals import SICK

LENIENT = catalogues({}, {"tests of losses": {"divergence": {"factor": 9.0}}})
SIGNALS = SICK["divergence"]


def entries(project: str):
    return journal(replace(SIGNALS, hello=replace(SIGNALS.hello, project=project)))


def live(project: str, found: Catalogues) -> Engine:
    engine = Engine(found, max_runs=1)
    for arrival in arrivals(entries(project), decode):
        if isinstance(arrival.record, Hello):
            engine.admit(arrival.record, arrival.now)
        engine.feed(arrival)
    return engine


def diverges(report: RunReport | None) -> bool:
    return any(a.detector == "divergence" and a.state == "firing" for a in report.alerts)


def test_a_project_has_its_own_numbers_live() -> None:
    """The others have the usual ones."""
    assert diverges(live("another", LENIENT).report("run-1"))
    assert not diverges(live("tests of losses", LENIENT).report("run-1"))


def test_it_has_them_after_a_restart_and_when_it_is_judged_again() -> None:
    """From its journal alone, from a snapshot and what came after it, and in a backtest."""
    told = entries("tests of losses")
    before = live("tests of losses", LENIENT)
    half = Engine(LENIENT, max_runs=1)
    half.restore(None, arrivals(told[: len(told) // 2], decode))
    (state,) = half.due(["run-1"], at_once=True)
    whole, continued = Engine(LENIENT, max_runs=1), Engine(LENIENT, max_runs=1)
    whole.restore(None, arrivals(told, decode))
    continued.restore(snapshot(state), arrivals(told[len(told) // 2 :], decode))

    expected = before.report("run-1")
    assert whole.report("run-1") == continued.report("run-1") == expected
    assert judged(told, decode, LENIENT) == expected
