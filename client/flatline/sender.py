"""Sends records in the background; the training never waits for it."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from flatline.backlog import CAPACITY_BYTES, Backlog
from flatline.guard import Guard
from flatline.listener import Listener
from flatline.transport import LostError, RefusedError, Stream
from flatline.v1 import monitor_pb2
from flatline.wire import PROTOCOL

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 10.0

PATIENCE_SECONDS = 0.5
"""How long `close` waits for a monitor that is not there."""

_CHATTER = 1000
"""Messages without progress after which a talkative monitor is read slowly, 100 a second: reading
takes Python's global lock, which belongs to the training."""


Connect = Callable[[Iterator[bytes]], Stream]


class Sender:
    """Delivers records to the monitor in order, again and again until it has them for sure.

    `offer` may be called from any thread; it never blocks and never raises. `start` makes the one
    daemon thread, which reads the monitor's answers; grpc reads the records from `_requests`.
    """

    def __init__(
        self,
        connect: Connect,
        opening: bytes,
        listener: Listener,
        capacity_bytes: int = CAPACITY_BYTES,
    ) -> None:
        self._connect = connect
        self._opening = opening
        self._listener = listener
        self._guard = Guard("sending to the monitor")
        self._backlog = Backlog(capacity_bytes)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        # Of its own: the training's augmentation may draw from the global one.
        self._dice = random.Random()  # noqa: S311 - spreads reconnects
        self._stream: Stream | None = None
        self._closing = self._stopped = self._off = False
        self._empty_since: float | None = None
        self.limits = monitor_pb2.Limits()
        """What the monitor takes, once it has said so; 0: not known."""

    @property
    def dropped(self) -> int:
        """Records that were given up: the memory was full, or the monitor refuses this run."""
        return self._backlog.dropped

    @property
    def waiting(self) -> int:
        """Records that were not acknowledged as durable."""
        return len(self._backlog)

    @property
    def acknowledged_steps(self) -> int:
        """Steps that the monitor has for sure."""
        return self._backlog.acknowledged_steps

    @property
    def off(self) -> bool:
        """Whether nothing is sent any more: the monitor refused, or the sender failed."""
        return self._off or self._guard.broken

    def offer(
        self, record: bytes, *, steps: int = 0, opening: bytes | None = None, chunk: bool = False
    ) -> bool:
        """Queue a record; False says that it was dropped and counted."""
        with self._changed:
            if self.off:
                self._backlog.dropped += 1
                return False
            taken = self._backlog.take(record, steps=steps, opening=opening, chunk=chunk)
            self._changed.notify_all()
            return taken

    def drop(self) -> None:
        """Count a record that was given up before it was one."""
        with self._changed:
            self._backlog.dropped += 1

    def start(self) -> None:
        """Start to send, or go on after `close`."""
        with self._changed:
            self._closing = self._stopped = False
            self._empty_since = None
            if self._thread is not None or self.off or os.getpid() != self._pid:
                return
            self._thread = threading.Thread(target=self._run, name="flatline-sender", daemon=True)
            self._thread.start()

    def close(self, seconds: float) -> bool:
        """Stop, and say whether the monitor has everything for sure.

        Waits for that at most `seconds`, and where no monitor is there half a second. What it does
        not have stays, in case of another `start`.
        """
        deadline = time.monotonic() + seconds
        patience = time.monotonic() + min(PATIENCE_SECONDS, seconds)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
            while self._thread is not None and not self.off:
                until = self._close_until(deadline, patience)
                if (left := until - time.monotonic()) <= 0:
                    break
                self._changed.wait(left)
            self._stopped = True
            self._changed.notify_all()
            stream = self._stream
        if stream is not None:
            with suppress(Exception):
                stream.cancel()
        if thread is not None:
            thread.join(PATIENCE_SECONDS)
        return self.waiting == 0 and not self.off

    def abandon(self) -> None:
        """Forget everything: this is a forked child, and the parent sends."""
        self._changed = threading.Condition()
        self._off = self._stopped = True
        self._thread = None
        self._backlog.clear()

    def _close_until(self, deadline: float, patience: float) -> float:
        if not self._backlog.open:
            return min(deadline, patience)
        if self._empty_since is not None:  # only the monitor's last words are missing
            return min(deadline, self._empty_since + 1.0)
        return deadline

    def _run(self) -> None:
        with self._guard:
            self._send_until_done()
        with self._changed:
            self._thread = None
            if self.off:
                self._backlog.clear()
            self._changed.notify_all()

    def _send_until_done(self) -> None:
        pause = SHORTEST_PAUSE_SECONDS
        while not self._done():
            before = self._backlog.first
            try:
                self._watch()
            except RefusedError as error:
                self._off = True
                self._listener.refused(str(error))
                return
            except LostError as error:
                if self._done():
                    return
                self._listener.lost(str(error))
            if self._backlog.first > before:
                pause = SHORTEST_PAUSE_SECONDS
            self._sleep(pause * self._dice.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _done(self) -> bool:
        with self._changed:
            return self._stopped or (self._closing and not len(self._backlog))

    def _sleep(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(self._done, seconds)

    def _watch(self) -> None:
        """Open a stream and read it until it ends; LostError unless there is nothing to do."""
        hung_up = threading.Event()
        stream = self._connect(self._requests(hung_up))
        with self._changed:
            self._stream = stream
            stopped = self._stopped
        try:
            if not stopped:
                self._read(stream)
        finally:
            hung_up.set()
            with self._changed:
                self._backlog.hang_up()
                self._stream = None
                self._changed.notify_all()
            stream.close()

    def _read(self, stream: Stream) -> None:
        chatter = 0
        for response in stream:
            chatter += 1
            kind = response.WhichOneof("message")
            if not self._backlog.open:
                self._welcome(response)
            elif kind == "ack" and self._acknowledge(response.ack.durable_sequence):
                chatter = 0
            elif kind == "finding":
                self._listener.found(response.finding)
            elif kind == "verdict":
                self._listener.concluded(response.verdict)
            elif kind == "wish":
                self._listener.wished_for(response.wish.steps)
            if chatter > _CHATTER:
                self._sleep(0.01)
        if not self._done():
            reason = "it closed the stream"
            raise LostError(reason)

    def _welcome(self, response: monitor_pb2.WatchResponse) -> None:
        """Read the first message of a stream."""
        if not response.HasField("welcome"):
            reason = "it answered something that is not flatline's"
            raise LostError(reason)
        welcome = response.welcome
        if welcome.protocol != PROTOCOL:
            message = f"it speaks protocol {welcome.protocol}, this client speaks {PROTOCOL}"
            raise RefusedError(message)
        with self._changed:
            ours = self._backlog.next - 1
            if welcome.next_sequence > ours + 1:
                message = (
                    f"it has {welcome.next_sequence - 1} records of this run, of which this process"
                    f" made {ours}; is another process using the same run id and rank?"
                )
                raise RefusedError(message)
            self.limits = welcome.limits
            self._backlog.resume(welcome.next_sequence)
            empty = not len(self._backlog)
            self._changed.notify_all()
        self._listener.connected(welcome)
        if empty:
            self._listener.progressed()

    def _acknowledge(self, durable: int) -> bool:
        """Forget what is durable; return whether that was news."""
        with self._changed:
            before = self._backlog.first
            self._opening = self._backlog.acknowledge(durable) or self._opening
            if self._backlog.first == before:
                return False
            self._changed.notify_all()
        self._listener.progressed()
        return True

    def _requests(self, hung_up: threading.Event) -> Iterator[bytes]:
        """Yield the hello, after the welcome the records, and end once all are durable."""
        yield self._opening
        while (record := self._next_request(hung_up)) is not None:
            yield record

    def _next_request(self, hung_up: threading.Event) -> bytes | None:
        with self._changed:
            while not (hung_up.is_set() or self._stopped):
                if (record := self._backlog.send()) is not None:
                    return record
                if self._backlog.open and self._closing and not len(self._backlog):
                    self._empty_since = time.monotonic()
                    self._changed.notify_all()
                    return None
                self._changed.wait()
        return None
