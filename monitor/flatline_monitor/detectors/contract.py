"""What a detector is and what it may answer."""

import enum
import inspect
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

from flatline_monitor.runs.records import Task
from flatline_monitor.runs.view import RunView


class Severity(enum.StrEnum):
    """How soon a person should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Place in the order, 0 for the lowest."""
        return _ORDER.index(self)


_ORDER = list(Severity)


class Reason(enum.StrEnum):
    """Why a detector could not look; labels of flatline_detector_abstentions_total."""

    WARMING_UP = "warming_up"
    NO_NEW_SAMPLE = "no_new_sample"
    SIGNAL_NOT_SENT = "signal_not_sent"
    TOO_FEW_POINTS = "too_few_points"
    BETWEEN_LIMITS = "between_limits"
    NOT_FOR_THIS_TASK = "not_for_this_task"
    SUPPRESSED = "suppressed"
    DETECTOR_ERROR = "detector_error"


class Side(enum.StrEnum):
    """On which side of a limit a detector fires."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The number behind a finding, beside the limit that it crossed; no limit: context."""

    statistic: str
    value: float
    limit: float | None = None
    unit: str = ""
    fires: Side = Side.ABOVE
    """The side of the limit that is ill."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A detector's statement that its symptom is present."""

    severity: Severity
    summary: str
    """One sentence for people, with the numbers."""
    evidence: tuple[Evidence, ...]
    since_step: int | None = None
    """Step at which it began, where the detector knows; else the first judged point counts."""
    variables: tuple[str, ...] = ()
    """Paths of the variables concerned."""

    @property
    def gist(self) -> str:
        """Return the summary up to its details, as the middle of a sentence."""
        gist = re.split(r"[:;] ", self.summary, maxsplit=1)[0]
        return gist[:1].lower() + gist[1:]


@dataclass(frozen=True, slots=True)
class Clear:
    """The detector looked and saw nothing."""


@dataclass(frozen=True, slots=True)
class Abstain:
    """The detector could not look; an open alert stays as it is."""

    reason: Reason


Verdict: TypeAlias = Finding | Clear | Abstain


def headline(detector: "Detector") -> str:
    """Return the first line of a detector's definition: what it says when it fires."""
    return (inspect.getdoc(type(detector)) or "").partition("\n")[0]


class NotMeasurableError(Exception):
    """Raised by `check` when the view holds too little to say anything: an abstention."""

    def __init__(self, reason: Reason = Reason.TOO_FEW_POINTS) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Detector(Hashable, Protocol):
    """A pure question about one run: the same view always gives the same answer.

    A detector is a frozen dataclass whose fields are its numbers, so that an operator can replace
    them by name; under each stands what it means, with its unit in brackets, for
    `flatline-monitor settings`. It is asked twice, with its limits and with them eased, and
    others ask for the same statistics: a function of the view that computes one is marked with
    `once` (`runs/view.py`), and leaves the limits to `check`. What must be remembered belongs to
    the run (`runs/`), how long a symptom must last to the alert (`alerts/lifecycle.py`), what
    other detectors say to `alerts/suppression.py`.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    """Columns without which it abstains, by the names of `runs/records.py`."""
    severities: ClassVar[tuple[Severity, ...]]
    """All that its findings can have, lowest first."""
    relaxable: ClassVar[Mapping[str, Side]]
    """The fields that are limits, and on which side of them it fires: for hysteresis."""
    hold: ClassVar[int]
    """Findings in a row before the alert fires, in judged points."""
    not_for: ClassVar[frozenset[Task]]
    """Tasks in which its symptom is ordinary."""

    @property
    def warmup(self) -> int:
        """Steps of a long run that must have passed before it is asked.

        [steps]
        """

    def check(self, view: RunView) -> Finding | None:
        """Return what is wrong with the run, or None; raise NotMeasurableError if unknown."""
