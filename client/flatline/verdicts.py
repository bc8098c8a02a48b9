"""How the monitor says that the run is, as the training's own log shows it; all of it bounded."""

from dataclasses import dataclass

from flatline.say import plain
from flatline.v1 import monitor_pb2

_LEVELS = {
    monitor_pb2.VERDICT_LEVEL_HEALTHY: "healthy",
    monitor_pb2.VERDICT_LEVEL_SUSPICIOUS: "suspicious",
    monitor_pb2.VERDICT_LEVEL_SICK: "sick",
}
_ORDER = ("healthy", "suspicious", "sick")

_SENTENCE_CHARACTERS, _CODE_CHARACTERS = 2000, 4000
_LINE_CHARACTERS, _INDENT, _LINES = 300, 40, 12


@dataclass(frozen=True)
class Verdict:
    """How the run is, all in all."""

    level: str
    """healthy, suspicious, sick"""
    sentence: str
    """Why."""
    closing: bool
    """Whether the run had ended when this was said."""
    cause: str = ""
    """What probably explains it; empty: nothing is known to."""
    remedy: str = ""
    """What to do about the cause."""
    code: tuple[str, ...] = ()
    """Code to copy, line by line; empty: there is nothing to type."""
    story: str = ""
    """What happened when, in one line."""
    checkpoint: str = ""
    """Which weights to keep; empty: there were too few validations."""

    @property
    def line(self) -> str:
        """The verdict as one line, while the run goes on."""
        return f"{self.level.upper()}: {self.sentence}".rstrip(": ")

    @property
    def last_words(self) -> list[str]:
        """The verdict with its likeliest cause, as lines for the end of the run."""
        words = [f"verdict: {self.level}: {self.sentence}".rstrip(": ")]
        words += [f"story: {self.story}"] if self.story and self.level != "healthy" else []
        words += [f"checkpoint: {self.checkpoint}"] if self.checkpoint else []
        if self.cause and self.level != "healthy":
            words += [f"remedy: {self.remedy}"] if self.remedy else []
            words += [f"    {line}" for line in self.code]
        return words


class Verdicts:
    """What was said of the run so far, however often the monitor says it."""

    def __init__(self) -> None:
        self.latest: Verdict | None = None
        """None: the monitor has said nothing."""
        self.closing: Verdict | None = None
        """The monitor's last word on the fit that ends now; None: it has not come."""
        self._ends = False
        self._said = "healthy"

    def begin(self) -> None:
        """Take what comes from now on as news of a fit that is running."""
        self._ends, self.closing = False, None

    def end(self) -> None:
        """Take a closing verdict that comes from now on as the last word on this fit."""
        self._ends = True

    def take(self, message: monitor_pb2.Verdict) -> Verdict | None:
        """Keep the verdict, and return it if it is to be said now: it is worse than any said."""
        if message.level not in _LEVELS:
            return None
        verdict = self.latest = _read(message)
        worse = _ORDER.index(verdict.level) > _ORDER.index(self._said)
        if worse:
            self._said = verdict.level
        if verdict.closing and self._ends:
            self.closing = verdict  # said at the end, with all that belongs to it
            return None
        return verdict if worse else None


def _read(message: monitor_pb2.Verdict) -> Verdict:
    cause = message.causes[0] if message.causes else monitor_pb2.Cause()
    return Verdict(
        level=_LEVELS[message.level],
        sentence=plain(message.sentence, _SENTENCE_CHARACTERS),
        closing=message.closing,
        cause=plain(cause.title),
        remedy=plain(cause.remedy, _SENTENCE_CHARACTERS),
        code=_code(cause.code),
        story=plain(message.story, _SENTENCE_CHARACTERS),
        checkpoint=plain(message.checkpoint, _SENTENCE_CHARACTERS),
    )


def _code(text: str) -> tuple[str, ...]:
    """Return foreign code as lines that are safe to print, each indented as it was."""
    lines = text[:_CODE_CHARACTERS].rstrip().split("\n") if text else []
    safe = [_code_line(line.expandtabs(4)) for line in lines]
    if len(safe) > _LINES:
        safe[_LINES - 1 :] = ["..."]
    return tuple(safe)


def _code_line(line: str) -> str:
    words = line.lstrip(" ")
    indent = min(len(line) - len(words), _INDENT)
    return (" " * indent + plain(words, _LINE_CHARACTERS)).rstrip()
