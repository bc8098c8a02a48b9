"""The steps of Run.log on their way to the monitor, each with what else is known of it."""

from collections.abc import Callable

from flatline.chunker import Chunker
from flatline.entry import AXES, Entry, Reader
from flatline.norms import Norms, Source, Waiting
from flatline.rows import Rows, Variable


class Steps:
    """Joins steps with their norms, and hands them out in chunks."""

    def __init__(
        self,
        reader: Reader,
        announce: Callable[[tuple[Variable, ...]], object],
        send: Callable[[Rows], None],
    ) -> None:
        self._reader = reader
        self._announce = announce
        self._send = send
        self._chunker = Chunker()
        self._waiting = Waiting(reader)
        self._held: tuple[Entry, float] | None = None
        self._last: int | None = None
        self._late = False
        self.source: Source | None = None
        """Measures what the loop does not tell; asked with each step."""
        self.paths: tuple[str, ...] = ()
        """Of the variables that the columns go by."""
        self.revision = 0
        self.sampled = 0
        """Steps that came with costly signals."""

    def add(self, entry: Entry, now: float) -> None:
        """Take a step, `now` in seconds of any clock."""
        self._settle()
        self._last = entry.step
        measured = None if self.source is None else self.source.take()
        norms = self._waiting.take(entry.step) or measured
        if norms is None and self._late:
            self._held = entry, now
        else:
            self._put(entry, norms, now)

    def add_norms(self, step: int | None, norms: Norms) -> None:
        """Take norms of a step, or of the next one."""
        if step is None or step != self._last:
            self._waiting.put(step, norms)
            return
        self._late = True
        if self._held is None:
            sentence = f"log_gradients() of step {step} came when the step had been sent"
            self._reader.refuse("late gradients", f"{sentence}; later steps wait for theirs")
            return
        (entry, when), self._held = self._held, None
        self._put(entry, norms, when)

    def flush(self, now: float) -> None:
        """Send all that has been taken."""
        self._settle()
        self._flush(now)

    def end(self, now: float) -> None:
        """Send the last steps; nothing comes after them."""
        self.flush(now)
        self._waiting.take(None)
        if self.source is not None:
            self.source.stop()

    def _settle(self) -> None:
        """Let the step go that waits for its norms."""
        if self._held is not None:
            (entry, when), self._held = self._held, None
            self._put(entry, None, when)

    def _put(self, entry: Entry, norms: Norms | None, now: float) -> None:
        # What the loop itself says of a step wins.
        if norms is not None and not entry.sampled.keys() & set(AXES["variable"]):
            columns = norms.arranged(self.paths)
            if columns is None:
                self._flush(now)
                self._announce(norms.variables)
                columns = dict(norms.columns)
            entry.sampled = columns | entry.sampled
            if entry.learning_rate is None:
                entry.learning_rate = norms.learning_rate
        self.sampled += bool(entry.sampled)
        if not self._chunker.takes(entry):
            self._flush(now)
        if self._chunker.add(entry, now):
            self._flush(now)

    def _flush(self, now: float) -> None:
        rows = self._chunker.take(now, self.revision)
        if rows is not None:
            self._send(rows)
