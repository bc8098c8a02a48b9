"""A thread that does small things in order, so that a training need not wait for them."""

import os
import queue
import threading
import time
from collections.abc import Callable

from flatline.guard import Guard

ROOM = 256
"""Things that may wait; each is a hundred microseconds of work, so hardly ever more than one."""


class Desk:
    """Does what it is given, in order, on a thread of its own that is started when needed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._guard = Guard(name)
        self._waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._pid: int | None = None

    def put(self, work: Callable[[], None]) -> bool:
        """Have something done soon; False: too much waits, and it will not be done."""
        if self._waiting.qsize() >= ROOM:
            return False
        if self._pid != os.getpid():
            self._pid = os.getpid()
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
        self._waiting.put(work)
        return True

    def settle(self, seconds: float) -> bool:
        """Wait at most so long until all that was put so far is done; say whether it is."""
        done, deadline = threading.Event(), time.monotonic() + seconds
        while not self.put(done.set):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        return done.wait(max(deadline - time.monotonic(), 0.0))

    def _run(self) -> None:
        while True:
            work = self._waiting.get()
            with self._guard:
                work()
            del work  # what it holds is not needed while nothing is to do
