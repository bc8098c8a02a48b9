"""A run out of its journal: the same records, fed again."""

from collections.abc import Callable, Iterable, Iterator

from flatline_monitor.engine.advance import Arrival, Ask, Run, advance, open_run
from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import Hello, Record, Stalled


class HeadlessError(Exception):
    """A journal does not begin with a hello; the message names the run."""


def arrivals(
    entries: Iterable[Entry], decode: Callable[[bytes], tuple[int, Record]]
) -> Iterator[Arrival]:
    """Return the records of entries, where they belong, and when they came."""
    for entry in entries:
        record = decode(entry.raw)[1] if entry.raw else Stalled()
        yield Arrival(entry.stream, entry.sequence, record, entry.received_at)


def fed(run: Run | None, told: Iterable[Arrival], ask: Callable[[Run], Ask]) -> Run | None:
    """Return the run after these records; None: there were none, and it was not known before.

    Whom to ask may depend on what is known of the run. Raises HeadlessError for a run that is not
    known and does not begin with a hello.
    """
    for arrival in told:
        if run is None:
            if not isinstance(arrival.record, Hello):
                msg = f"run {arrival.stream.run_id} does not begin with a hello"
                raise HeadlessError(msg)
            run = open_run(arrival.record, arrival.now)
        run = advance(run, arrival, ask(run))
    return run
