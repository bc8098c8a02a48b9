"""When a run should be looked at more closely: a question of its state alone.

What is asked for changes no verdict and is not remembered with the run: a journal that is fed
again asks for nothing.
"""

from collections.abc import Sequence

import numpy as np

from flatline_monitor.alerts.book import NO_PAGE, Book, Page
from flatline_monitor.alerts.lifecycle import OPEN, State
from flatline_monitor.alerts.report import RunState
from flatline_monitor.detectors.contract import Detector, Reason
from flatline_monitor.engine.advance import Run

POINTS = 3
"""Judged points that a wish covers; as many as most alerts need to fire."""
MOST_STEPS = 64
DENSE = 0.5
"""Share of sampled steps from which on more of them would tell little that is new."""
POINTS_APART, STEPS_APART = 50, 200
"""Between two wishes of a run lie so many judged points or steps, whichever are fewer."""

_LOOKED = (None, Reason.NO_NEW_SAMPLE, Reason.TOO_FEW_POINTS, Reason.BETWEEN_LIMITS)
"""How an alert stands that more samples would move on."""


def wished(run: Run, catalogue: Sequence[Detector], last: int | None = None) -> int:
    """Return how many of the next steps should be sampled, 0 for no more than there are.

    `last` is the step at which the last wish was made; one that lies ahead does not count, for
    the run has gone back since.
    """
    history = run.history
    interval = history.end - history.begin
    before = -1 if last is None or last > history.step else last
    if before >= 0 and history.step < before + min(STEPS_APART, POINTS_APART * interval):
        return 0
    if run.state is not RunState.RUNNING or not _unsettled(run.book, catalogue, before):
        return 0
    return min(MOST_STEPS, POINTS * interval) if _sparse(run, POINTS * interval) else 0


def _unsettled(book: Book, catalogue: Sequence[Detector], before: int) -> bool:
    """Say whether a detector that needs sampled steps could say more if it had more of them.

    What began `before` the last wish is no new reason to look: a run that stays ill would be
    sampled for ever.
    """
    fresh = {
        name
        for name, page in book.items()
        if page.alert.state in OPEN and (page.alert.since or 0) > before
    }
    return any(
        _waits(book.get(detector.name, NO_PAGE), beside=bool(fresh - {detector.name}))
        for detector in catalogue
        if detector.needs - {"loss"}
    )


def _waits(page: Page, *, beside: bool) -> bool:
    """Say whether an alert is about to fire, or its detector lacks samples `beside` another."""
    if page.alert.state is State.PENDING:
        return page.abstained in _LOOKED
    return beside and page.abstained is Reason.NO_NEW_SAMPLE


def _sparse(run: Run, steps: int) -> bool:
    """Say whether few of the last judged steps were sampled; not where none ever was."""
    step, sampled = run.history.window.step, run.history.window.sampled.step
    if not len(step) or not len(sampled):
        return False
    # Of a large model few sampled steps are kept: how dense those before them were is not known.
    since = max(int(step[-1]) - steps + 1, int(sampled[0]))
    share = np.count_nonzero(sampled >= since) / np.count_nonzero(step >= since)
    return bool(share < DENSE)
