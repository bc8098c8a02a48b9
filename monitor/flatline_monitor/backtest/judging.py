"""A recorded run judged again: from its journal to what people would have been told at its end."""

from collections.abc import Callable, Mapping, Sequence

from flatline_monitor.alerts.report import RunReport
from flatline_monitor.detectors.catalogue import Catalogues
from flatline_monitor.detectors.contract import Verdict
from flatline_monitor.detectors.judge import Judge, judge
from flatline_monitor.engine.advance import Ask, Run
from flatline_monitor.engine.again import HeadlessError, arrivals, fed
from flatline_monitor.engine.reports import run_report
from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import Record


def judged(
    entries: Sequence[Entry],
    decode: Callable[[bytes], tuple[int, Record]],
    catalogues: Catalogues,
    *,
    ask: Judge = judge,
    heard: Callable[[Mapping[str, Verdict]], None] = lambda _: None,
) -> RunReport:
    """Return the run as the detectors of its project leave it.

    `ask` asks one of them, `heard` is told the verdicts of each judged point, as they counted.
    Raises HeadlessError for a journal that does not begin with a hello.
    """

    def whom(run: Run) -> Ask:
        return Ask(catalogues.of(run.history.hello), ask, heard)

    run = fed(None, arrivals(entries, decode), whom)
    if run is None:
        msg = "the journal is empty"
        raise HeadlessError(msg)
    return run_report(run, catalogues.of(run.history.hello))
