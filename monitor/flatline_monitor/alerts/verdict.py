"""One sentence on a whole run: healthy, suspicious or sick, and why."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from flatline_monitor.alerts.book import Book
from flatline_monitor.alerts.lifecycle import Alert, State
from flatline_monitor.detectors.contract import Reason, Severity
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.diagnosis.facts import Facts

SKILLED = 0.5
"""Skill, or share of the first loss gone where nobody knows the skill, with which a run that
ended while it still improved has done its work all the same."""
UNFINISHED = 0.02
"""Share of its loss that a run must still gain with each epoch to count as cut short."""


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
    """Without the level: "the model does no better than guessing (no_skill since step 79)"."""
    closing: bool = False
    """Whether the run is over and this is the last word."""
    story: str = ""
    """With the last word: what happened when, in one line."""
    checkpoint: str = ""
    """With the last word: which weights to keep."""


NOT_YET = RunVerdict(Level.HEALTHY, "nothing was found so far")

PROBABLE = 0.3
"""Weight of a cause from which on a verdict names it."""

LEVELS = {
    None: Level.HEALTHY,
    Severity.INFO: Level.HEALTHY,
    Severity.WARNING: Level.SUSPICIOUS,
    Severity.CRITICAL: Level.SICK,
}


def conclude(
    book: Book,
    causes: Sequence[Cause],
    facts: Facts | None,
    *,
    closing: bool = False,
    trouble: str = "",
) -> RunVerdict:
    """Return the verdict on a run: as grave as its gravest alert that fires.

    `facts` are those of the last judged point, `trouble` says what else befell the run ("it
    failed with ValueError"): then it is suspicious at least. A run that ended with little skill
    while each epoch still improved it is suspicious too: it lacked epochs, which is no alert.
    """
    firing = sorted(
        ((name, page.alert) for name, page in book.items() if page.alert.state is State.FIRING),
        key=lambda each: -_rank(each[1]),
    )
    level = LEVELS[firing[0][1].severity if firing else None]
    parts = [trouble] if trouble else []
    if level is not Level.HEALTHY:
        parts.append(_illness(firing, causes))
    elif not trouble:
        parts.append(_health(firing, book, facts))
    if (
        closing
        and not trouble
        and level is Level.HEALTHY
        and facts is not None
        and _unfinished(facts)
    ):
        parts.append(f"it still improved by {facts.improving:.1%} an epoch: train longer")
        reached = facts.progress if facts.skill is None else facts.skill
        if reached is None or reached < SKILLED:
            level = Level.SUSPICIOUS
    if trouble and level is Level.HEALTHY:
        level = Level.SUSPICIOUS
    return RunVerdict(level, "; ".join(parts), closing)


def _rank(alert: Alert) -> int:
    return -1 if alert.severity is None else alert.severity.rank


def _illness(firing: Sequence[tuple[str, Alert]], causes: Sequence[Cause]) -> str:
    (name, worst), *others = firing
    grave = [other for other, alert in others if alert.severity is not Severity.INFO]
    also = f", also {', '.join(grave)}" if grave else ""
    reasons = (c.title for c in causes if name in c.explains and c.weight >= PROBABLE)
    title = next(reasons, "")
    why = f"; probably {title}" if title else ""
    told = worst.finding.gist if worst.finding else ""
    return f"{told} ({name} since step {worst.since}{also}){why}"


def _recovered(book: Book) -> list[str]:
    """Return the alerts that were grave and are over."""
    return [
        name
        for name, page in book.items()
        if page.alert.state is State.RESOLVED and LEVELS[page.alert.severity] is not Level.HEALTHY
    ]


def _health(firing: Sequence[tuple[str, Alert]], book: Book, facts: Facts | None) -> str:
    if facts is None or facts.first_loss is None or facts.loss is None:
        told = "nothing was found so far"
    else:
        told = f"the loss went from {facts.first_loss:.3g} to {facts.loss:.3g}"
    noted = ", ".join(name for name, _ in firing)
    blind = sum(page.abstained is Reason.SIGNAL_NOT_SENT for page in book.values())
    unseen = (
        f"; {blind} of {len(book)} detectors had nothing to look at"
        if 2 * blind > len(book)
        else ""
    )
    recovered = ", ".join(_recovered(book))
    over = f"; recovered from {recovered}" if recovered else ""
    return f"{told}{over}{unseen}" + (f"; of note: {noted}" if noted else "")


def _unfinished(facts: Facts) -> bool:
    """Say whether the training loss still fell with each epoch, and the validation's did too."""
    if facts.improving is None or facts.improving < UNFINISHED:
        return False
    return facts.best_epoch is None or facts.best_epoch == facts.last_epoch
