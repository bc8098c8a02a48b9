"""How often something was refused, and the log lines about it."""

import time
from collections.abc import Callable, Mapping

import grpc
import structlog

from flatline_monitor.ingest.reasons import REASONS, Reason
from flatline_monitor.runs.records import RefusedError

LOG_SECONDS = 10.0
"""One line for each reason in this time: a client gone mad must not fill the disk."""


class Refusals:
    """Counts refusals by reason, from 0 on, and logs the first of each LOG_SECONDS."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts = dict.fromkeys(REASONS, 0)
        self._logged: dict[Reason, tuple[float, int]] = {}
        self._log = structlog.get_logger()

    def counts(self) -> Mapping[str, int]:
        """Return how often each reason was given since the start."""
        return {reason.value: count for reason, count in self._counts.items()}

    def count(self, refusal: RefusedError, *, peer: str) -> grpc.StatusCode:
        """Count and log a refusal; return the status that the client is to see."""
        known = refusal.reason in set(Reason)
        reason = Reason(refusal.reason) if known else Reason.INTERNAL
        self._counts[reason] += 1
        self._log_rarely(reason, str(refusal), peer)
        return REASONS[reason]

    def _log_rarely(self, reason: Reason, sentence: str, peer: str) -> None:
        """Log one of many; `refusals` says how many there were since the line before."""
        now, total = self._clock(), self._counts[reason]
        at, before = self._logged.get(reason, (now - LOG_SECONDS, 0))
        if now - at >= LOG_SECONDS:
            self._logged[reason] = (now, total)
            self._log.warning(
                "refused", reason=reason.value, peer=peer, why=sentence, refusals=total - before
            )
