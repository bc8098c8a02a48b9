"""Brings what a run has to say to the monitor: encodes, cuts, counts."""

import time
from collections.abc import Callable
from dataclasses import replace

from flatline import cut, wire, wire_model
from flatline.desk import Desk
from flatline.findings import Findings
from flatline.model import Model
from flatline.rows import Axes, Description, Ending, Evaluation, Health, Rows
from flatline.sender import Sender
from flatline.settings import Settings
from flatline.transport import Stream
from flatline.verdicts import Verdicts
from flatline.voice import Voice

_MESSAGE_BYTES, _CHUNK_STEPS = 4 * 2**20, 4096
"""What a monitor takes that has not said it yet."""

_NUMBER_BYTES = 16
"""Room for a record's number."""


class Delivery:
    """One run's line to the monitor, over all its fits.

    Records are made on a thread of their own: to encode a chunk takes a hundred microseconds,
    which are not the training's.
    """

    def __init__(
        self, settings: Settings, identity: wire.Identity, description: Description
    ) -> None:
        self._identity = identity
        self._fit = 0
        self.findings = Findings(settings.quiet)
        self.verdicts = Verdicts()
        self.voice = Voice(identity.run_id, settings.target, self.findings, self.verdicts)
        self.health = Health()
        self.refused_values = 0
        self._opening = wire.hello(identity, description)
        self._sender = Sender(
            lambda requests: Stream(settings.target, requests, settings.token_file),
            self._opening,
            self.voice,
        )
        self._desk = Desk("flatline-encoder")
        self.voice.started()
        self._sender.start()

    def steps(self, make: Callable[[], Rows]) -> None:
        """Send the consecutive steps that are made, in as many chunks as the limits ask for."""
        self._put(lambda: self._chunks(make()))

    def axes(self, revision: int, axes: Axes) -> None:
        """Send the names of the axes of the columns that follow."""
        self._put(lambda: self._record(wire.axes(revision, axes)))

    def model(self, model: Model) -> None:
        """Send what is known of a fit before it has learned anything."""
        self._put(lambda: self._record(wire_model.encode(model)))

    def evaluation(self, results: Evaluation) -> None:
        """Send one pass over a validation set."""
        self._put(lambda: self._record(wire.evaluation(results)))

    def reopen(self, description: Description) -> None:
        """Open the run again, for a further fit."""
        self.verdicts.begin()
        self._fit += 1
        self._hello(description)
        self._sender.start()

    def describe(self, description: Description) -> None:
        """Say more of the fit that is running: the same hello again, with what is known now."""
        self._hello(description)

    def end(self, ending: Ending, step: int, seconds: float) -> None:
        """Send the last record, wait for the monitor to have it, and say how it all went."""
        self.verdicts.end()
        until = time.monotonic() + seconds
        self._put(lambda: self._record(wire.end(ending, step, self._health())))
        self._desk.settle(seconds)
        self._sender.close(max(until - time.monotonic(), 0.0))
        kind = f" ({ending.exception_type})" if ending.exception_type else ""
        self.voice.ended(f"{ending.status}{kind}", self._sums())

    def forget(self) -> None:
        """Send nothing any more: this is a forked child."""
        self._sender.abandon()

    def _hello(self, description: Description) -> None:
        opening = wire.hello(self._identity, description, self._fit)
        self._put(lambda: self._record(opening, opening))

    def _put(self, work: Callable[[], None]) -> None:
        if not self._desk.put(work):
            self._sender.drop()
            self._say_full()

    def _chunks(self, rows: Rows) -> None:
        for piece in cut.pieces(rows, self._sender.limits.chunk_steps or _CHUNK_STEPS):
            self._chunk(piece)

    def _chunk(self, rows: Rows) -> None:
        try:
            record = wire.chunk(rows, self._health())
        except ValueError as error:
            self.refused_values += 1
            self.voice.complain("columns", str(error))
            record = wire.chunk(cut.without_sampled(rows), self._health())
        limit = (self._sender.limits.message_bytes or _MESSAGE_BYTES) - _NUMBER_BYTES
        if len(record) <= limit:
            if not self._sender.offer(record, steps=len(rows), chunk=True):
                self._say_full()
        elif len(rows) > 1:
            self._chunk(cut.part(rows, 0, len(rows) // 2))
            self._chunk(cut.part(rows, len(rows) // 2, len(rows)))
        elif rows.sampled_row:
            self.refused_values += 1
            sentence = f"one step takes {len(record)} bytes, the monitor takes {limit}"
            self.voice.complain("size", sentence)
            self._chunk(cut.without_sampled(rows))

    def _record(self, record: bytes, opening: bytes | None = None) -> None:
        if not self._sender.offer(record, opening=opening):
            self._say_full()

    def _say_full(self) -> None:
        if not self._sender.off:
            self.voice.full()

    def _health(self) -> Health:
        return replace(self.health, dropped_records=self._sender.dropped)

    def _sums(self) -> list[str]:
        sender = self._sender
        sums = [f"{sender.acknowledged_steps} steps sent"]
        if self.health.sampled_steps:
            of_them = " of them" if sender.acknowledged_steps else ""
            sums.append(f"{self.health.sampled_steps}{of_them} sampled")
        sums.append(f"{sender.dropped} records dropped")
        if sender.waiting:
            sums.append(f"{sender.waiting} records not delivered")
        if self.refused_values:
            sums.append(f"{self.refused_values} values left out")
        return [*sums, self.findings.summary(), _overhead(self.health.overhead_ratio)]


def _overhead(ratio: float | None) -> str:
    """Say what share of the training's time measuring took."""
    if ratio is None:
        return "overhead not known (every step of a short run is sampled)"
    return f"overhead {100 * ratio:.1f} %"
