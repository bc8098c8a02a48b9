"""One sentence on a whole run: healthy, suspicious or sick, and why."""

import enum
from dataclasses import dataclass


class Level(enum.StrEnum):
    """How a run is, all in all."""

    HEALTHY = "healthy"
    SUSPICIOUS = "suspicious"
    SICK = "sick"


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """What people are told who ask how a run is."""

    level: Level
    sentence: str
    """Without the level: "the model does no better than guessing since step 79; probably ..."."""
    closing: bool = False
    """Whether the run is over and this is the last word."""


NOT_YET = RunVerdict(Level.HEALTHY, "nothing was found so far")
