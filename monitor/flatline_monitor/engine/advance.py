"""One run moved on by one record: pure, so that a journal that is fed again gives the same run.

Time is an argument and only labels what happened; no verdict depends on it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flatline_monitor.alerts.book import Book, Point, enter
from flatline_monitor.alerts.lifecycle import OPEN, State
from flatline_monitor.alerts.report import RunState
from flatline_monitor.detectors.contract import Detector, Verdict
from flatline_monitor.detectors.judge import Judge, judge
from flatline_monitor.detectors.preflight import Preflight
from flatline_monitor.diagnosis.facts import Facts
from flatline_monitor.diagnosis.safe import learn
from flatline_monitor.engine.rewind import marked, rewound
from flatline_monitor.runs import history as histories
from flatline_monitor.runs.history import History, Mark
from flatline_monitor.runs.model import Model
from flatline_monitor.runs.records import (
    Chunk,
    ClientHealth,
    End,
    EndStatus,
    Evaluation,
    Hello,
    Record,
    Stalled,
    StreamKey,
    Variables,
)
from flatline_monitor.runs.rows import Rows
from flatline_monitor.runs.view import RunView

NOTES_KEPT = 20
JUDGED_RANK = 0


@dataclass(frozen=True, slots=True)
class Closing:
    """A run judged as if it ended here."""

    book: Book
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class Run:
    """All that is remembered of a run."""

    history: History
    book: Book = field(default_factory=dict)
    facts: Facts | None = None
    """What is known of the run as of the last judged point at which there was something to tell."""
    closing: Closing | None = None
    """What a run that stalled leaves; dropped when the run comes back."""
    state: RunState = RunState.RUNNING
    exception_type: str = ""
    sequences: Mapping[str, int] = field(default_factory=dict)
    """Last record of each stream, by "incarnation/rank"."""
    variables: Mapping[str, Variables] = field(default_factory=dict)
    """The axes of each stream's columns, by "incarnation/rank"."""
    latest: Mapping[str, float] = field(default_factory=dict)
    """Latest loss, learning rate and so on, as measured."""
    marks: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()
    health: ClientHealth | None = None
    started_at: float = 0.0
    last_report_at: float = 0.0
    ended_at: float | None = None
    entries: int = 0
    """Records of the journal that are contained in this state."""
    exception_text: str = ""

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.history.hello.run_id

    def has(self, stream: StreamKey) -> bool:
        """Say whether the stream has said hello."""
        return _name(stream) in self.sequences

    def streams(self) -> Mapping[StreamKey, int]:
        """Return the run's streams with the number of their last records."""
        return {_stream(self.run_id, name): n for name, n in self.sequences.items()}

    def variables_of(self, stream: StreamKey) -> Variables | None:
        """Return the axes that the stream's columns go by, if it has named them."""
        return self.variables.get(_name(stream))

    def sequence(self, stream: StreamKey) -> int:
        """Return the number of the stream's last record, 0 before the first."""
        return self.sequences.get(_name(stream), 0)

    @property
    def shown(self) -> Book:
        """The alerts as people see them."""
        return self.book if self.closing is None else self.closing.book

    @property
    def known(self) -> Facts | None:
        """The facts as people see them."""
        return self.facts if self.closing is None else self.closing.facts


def open_run(hello: Hello, now: float) -> Run:
    """Return a run of which nothing but the hello is known."""
    return Run(histories.begin(hello), started_at=now, last_report_at=now)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record, where it belongs, and when it came (server time, seconds)."""

    stream: StreamKey
    sequence: int
    record: Record
    now: float


def advance(run: Run, arrival: Arrival, ask: "Ask") -> Run:
    """Return the run after one more record.

    Ranks other than 0 are remembered by their sequence and not judged; neither is what an
    earlier life of the run still had to say after a later one has begun.
    """
    stream, record, now = arrival.stream, arrival.record, arrival.now
    run = replace(
        run,
        sequences={**run.sequences, _name(stream): max(arrival.sequence, run.sequence(stream))},
        last_report_at=run.last_report_at if isinstance(record, Stalled) else now,
        entries=run.entries + 1,
    )
    if isinstance(record, Variables):
        run = replace(run, variables={**run.variables, _name(stream): record})
    late = stream.incarnation < run.history.hello.incarnation
    if stream.rank != JUDGED_RANK or late:
        return run
    if run.closing is not None:
        run = replace(run, closing=None, state=RunState.RUNNING, ended_at=None)
    match record:
        case Hello():
            return _reopened(run, record, further=arrival.sequence > 0)
        case Variables() | Model() | Evaluation():
            return replace(run, history=histories.told(run.history, record))
        case Chunk():
            return _learned(run, record, now, ask)
        case End():
            finished = record.status is EndStatus.FINISHED
            ended = _closed(run, now, ask, completed=finished)
            return replace(
                ended,
                history=histories.ended(ended.history),
                marks=(),
                state=RunState(record.status.value),
                exception_type=record.exception_type,
                exception_text=record.exception_text,
                health=record.health or run.health,
                ended_at=now,
            )
        case Stalled():
            # Judged as if it ended here, on the side: the run goes on unmarked if it comes back.
            ended = _closed(run, now, ask, completed=False)
            closing = Closing(ended.book, ended.facts)
            return replace(run, state=RunState.STALLED, closing=closing)


@dataclass(frozen=True, slots=True)
class Ask:
    """Whom to ask, and how: the catalogue, and `judge` or a judge that also counts."""

    catalogue: Sequence[Detector]
    judge: Judge = judge
    heard: Callable[[Mapping[str, Verdict]], None] = lambda _: None
    """Told the verdicts of each judged point, as they counted."""

    def about(
        self, view: RunView, book: Book, names: Sequence[str] | None = None
    ) -> dict[str, Verdict]:
        """Return the verdicts of all detectors, or of those named, beside the alerts so far."""
        alerted = {name for name, page in book.items() if page.alert.state in OPEN}
        return {
            detector.name: self.judge(detector, view, alerted=detector.name in alerted)
            for detector in self.catalogue
            if names is None or detector.name in names
        }

    @property
    def holds(self) -> dict[str, int]:
        """Findings in a row that each detector's alert needs."""
        return {detector.name: detector.hold for detector in self.catalogue}


def _name(stream: StreamKey) -> str:
    return f"{stream.incarnation}/{stream.rank}"


def _stream(run_id: str, name: str) -> StreamKey:
    incarnation, _, rank = name.partition("/")
    return StreamKey(run_id, int(incarnation), int(rank))


def _reopened(run: Run, hello: Hello, *, further: bool) -> Run:
    """A hello in the middle: a further fit of the same process, or a restart of the process."""
    history = run.history
    if further and hello.fit == history.hello.fit:
        return replace(run, history=replace(history, hello=hello))  # more is known of this fit
    if further:
        history = histories.without_plan(history, hello)
    else:
        history = replace(history, hello=hello, plan=hello.plan_steps)
    running = replace(run, state=RunState.RUNNING, ended_at=None)
    return replace(running, history=history, exception_type="", exception_text="")


def _learned(run: Run, chunk: Chunk, now: float, ask: Ask) -> Run:
    if not len(chunk.step):
        return run
    first = int(chunk.step[0])
    if first <= run.history.step:
        history, note = rewound(run.history, run.marks, first)
        marks = tuple(mark for mark in run.marks if mark.step < first)
        run = replace(run, history=history, marks=marks, notes=(*run.notes, note)[-NOTES_KEPT:])
    run = replace(
        run,
        history=histories.take(run.history, chunk),
        latest=_latest(run, chunk),
        health=chunk.health or run.health,
    )
    for after, block in histories.full_blocks(run.history):
        run = _judged_inside(run, block, now, ask)
        run = replace(run, history=after, marks=marked(run.marks, after))
        run = _judged(run, histories.view(after, block), now, ask)
    return run


def _judged(
    run: Run, view: RunView, now: float, ask: Ask, names: Sequence[str] | None = None
) -> Run:
    last = view.final and not view.hello.fit
    rows = view.hello.row_steps
    point = Point(max(view.step, 0), now, view.share_of_plan, final=last, row_steps=rows)
    book, weighed = enter(run.book, ask.about(view, run.book, names), point, ask.holds)
    ask.heard(weighed)
    told = view.final or any(page.alert.state is not State.INACTIVE for page in book.values())
    return replace(run, book=book, facts=learn(view, run.facts) if told else run.facts)


def _judged_inside(run: Run, block: Rows, now: float, ask: Ask) -> Run:
    """A row with a non-finite value is a judged point of `non_finite`, until that fires."""
    for view in _bad(run, block):
        run = _judged(run, view, now, ask, ("non_finite",))
    return run


def _bad(run: Run, block: Rows) -> Iterator[RunView]:
    page = run.book.get("non_finite")
    if page is None or page.alert.state is not State.FIRING:
        yield from histories.views_at_bad_steps(run.history, block)


def _closed(run: Run, now: float, ask: Ask, *, completed: bool) -> Run:
    """The end is a judged point: the last block is as long as it is."""
    history, block = histories.last_block(run.history)
    run = replace(_judged_inside(run, block, now, ask), history=history)
    # Of a run that did not come to its first step, nothing but the set-up is known.
    names = None if history.step >= 0 else (Preflight.name,)
    view = histories.view(history, block, final=True, completed=completed)
    return _judged(run, view, now, ask, names)


def _latest(run: Run, chunk: Chunk) -> dict[str, float]:
    """Return the last value of what people look at first."""
    latest = dict(run.latest)
    known = chunk.columns.get("loss_source")
    loss = chunk.columns.get("loss")
    if loss is not None:
        usable = loss if known is None else loss[known != 0]
        if len(usable):
            latest["loss"] = float(usable[-1])
    if len(chunk.learning_rate):
        latest["learning_rate"] = float(chunk.learning_rate[-1])
    norms = chunk.sampled.columns.get("global_grad_norm")
    if norms is not None and len(norms):
        latest["global_grad_norm"] = float(norms[-1])
    return latest
