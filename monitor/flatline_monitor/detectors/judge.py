"""Asks one detector about one run, and never lets it take the service down."""

import functools
import logging
from typing import Protocol

from flatline_monitor.detectors.contract import (
    Abstain,
    Clear,
    Detector,
    Finding,
    NotMeasurableError,
    Reason,
    Verdict,
)
from flatline_monitor.detectors.settings import relaxed
from flatline_monitor.runs.view import RunView

log = logging.getLogger(__name__)


class Judge(Protocol):
    """Asks one detector about one run: `judge`, or somebody who also counts."""

    def __call__(self, detector: Detector, view: RunView, *, alerted: bool) -> Verdict:
        """Return its verdict; `alerted`: its alert is pending or fires."""


def judge(detector: Detector, view: RunView, *, alerted: bool = True) -> Verdict:
    """Return the detector's verdict; it abstains where it cannot look.

    Between the limit and the eased limit it neither finds nor clears, so that a statistic which
    dances on the limit does not make an alert come and go. Where none is there (`alerted`), that
    is all the same, and nobody looks. The statistics are computed once for both limits: the view
    remembers them (`once` in runs/view.py).
    """
    if reason := _cannot_look(detector, view):
        return Abstain(reason)
    try:
        if finding := detector.check(view):
            return finding
        near = _eased(detector).check(view) if alerted and detector.relaxable else None
    except NotMeasurableError as error:
        return Abstain(error.reason)
    except Exception:
        log.exception("detector %s failed on run %s", detector.name, view.hello.run_id)
        return Abstain(Reason.DETECTOR_ERROR)
    return Abstain(Reason.BETWEEN_LIMITS) if isinstance(near, Finding) else Clear()


@functools.lru_cache(maxsize=256)
def _eased(detector: Detector) -> Detector:
    return relaxed(detector)


def _cannot_look(detector: Detector, view: RunView) -> Reason | None:
    if view.hello.task in detector.not_for:
        return Reason.NOT_FOR_THIS_TASK
    if view.step + 1 < view.scaled(detector.warmup):
        return Reason.WARMING_UP
    if not detector.needs <= view.sent:
        return Reason.SIGNAL_NOT_SENT
    sampled = detector.needs - {"loss"}
    if sampled and not view.final and not view.has_new_sample:
        return Reason.NO_NEW_SAMPLE
    return None
