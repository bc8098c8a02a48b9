"""What logging by `flatline.Run` costs the program."""

import math
import time

from flatline.rows import Health
from flatline.steps import Steps


class Cost:
    """Adds up the seconds of calls, since the first one began."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._spent_seconds = 0.0

    def add(self, begin: float) -> None:
        """Count a call that began then and ends now."""
        if self._began is None:
            self._began = begin
            return  # a first call pays for what all others find done
        self._spent_seconds += time.perf_counter() - begin

    def health(self, steps: Steps) -> Health:
        """Return what it took so far; what `steps.source` measures besides is in the ratio."""
        spent = self._spent_seconds + (0.0 if steps.source is None else steps.source.cost_seconds)
        elapsed = 0.0 if self._began is None else time.perf_counter() - self._began
        ratio = None if math.isnan(spent) else spent / max(elapsed, 1e-9)
        return Health(ratio, steps.sampled, spent_seconds=self._spent_seconds)
