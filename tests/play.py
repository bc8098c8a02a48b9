"""Feeds made-up runs to the engine, and tells what it came to."""

from collections.abc import Iterable

from flatline_monitor.alerts.book import NO_PAGE
from flatline_monitor.alerts.lifecycle import Alert
from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Detector
from flatline_monitor.engine.advance import Arrival, Ask, Run, advance, open_run
from flatline_monitor.runs.records import Evaluation, Hello, Record
from tests.signals import HELLO, STREAM


def play(
    records: Iterable[Record],
    hello: Hello = HELLO,
    catalogue: tuple[Detector, ...] = CATALOGUE,
    run_so_far: Run | None = None,
) -> Run:
    """Feed a run's records, numbered and timed by their place."""
    state = run_so_far or open_run(hello, 0.0)
    for record in records:
        number = state.entries + 1
        state = advance(state, Arrival(STREAM, number, record, float(number)), Ask(catalogue))
    return state


def alert(state: Run, name: str) -> Alert:
    return state.shown.get(name, NO_PAGE).alert


def firing(state: Run) -> dict[str, str]:
    """Severity of each firing alert."""
    return {
        name: page.alert.severity.value
        for name, page in state.shown.items()
        if page.alert.state == "firing"
    }


def evaluation(step: int) -> Evaluation:
    return Evaluation(step, step // 20, 100, {"loss": 0.5})
