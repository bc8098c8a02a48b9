"""When silence means that a run is dead. Time is an argument."""

import numpy as np

from flatline_monitor.runs.history import History

LEAST_SECONDS = 60.0
STEP_TIMES = 20
BEFORE_FIRST_STEP_SECONDS = 300.0
"""Building and tracing a large model takes minutes."""


def patience_seconds(history: History) -> float:
    """Return how long the run may be silent: 20 median step times, at least a minute."""
    if history.step < 0:
        return BEFORE_FIRST_STEP_SECONDS
    seconds = np.concatenate((history.window.step_seconds, history.pending.step_seconds))
    known = seconds[np.isfinite(seconds)]
    usual = float(np.median(known)) if known.size else 0.0
    return max(LEAST_SECONDS, STEP_TIMES * usual)


GIVEN_UP_SECONDS = 24 * 3600.0
"""A run that was silent for a day is not waited for: it leaves the metrics like one that ended."""
