"""A monitor's answers, read once: texts are safe to print, a number is a number or None.

What is missing is empty or None, so that a monitor of another version can be looked at too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from flatline.say import plain

Json: TypeAlias = dict[str, Any]

STATES = ("running", "stalled", "finished", "failed", "interrupted")
"""Of a run."""
ALERT_STATES = ("firing", "pending", "resolved", "inactive")
"""The most urgent first."""
SEVERITIES = ("info", "warning", "critical")
"""The lowest first."""

_SENTENCE = 2000
_CODE_LINES = 200
_CODE_LINE = 400
_NON_FINITE = ("NaN", "Infinity", "-Infinity")


@dataclass(frozen=True)
class Evidence:
    """A number beside the limit that it crossed."""

    statistic: str
    value: float | None
    limit: float | None
    unit: str
    fires: str
    """The side of the limit that is ill: above, below; empty: there is no limit."""


@dataclass(frozen=True)
class Alert:
    """One symptom of one run."""

    run: str
    detector: str
    state: str
    severity: str
    """Empty: it never fired."""
    since_step: int | None
    last_step: int | None
    summary: str
    evidence: tuple[Evidence, ...]
    variables: tuple[str, ...]
    cause: str
    """The likeliest; empty: none is known."""
    raw: Json = field(repr=False, compare=False)

    @property
    def rank(self) -> int:
        """Place of its severity, 0 for the lowest; -1: none."""
        return SEVERITIES.index(self.severity) if self.severity in SEVERITIES else -1

    @property
    def urgency(self) -> tuple[int, int]:
        """A key that sorts firing before resolved, and critical before info."""
        known = self.state in ALERT_STATES
        return ALERT_STATES.index(self.state) if known else len(ALERT_STATES), -self.rank


@dataclass(frozen=True)
class Cause:
    """A likely reason for what was found, and what to do about it."""

    title: str
    weight: float | None
    """How much the evidence speaks for it, 0..1."""
    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]
    remedy: str
    code: tuple[str, ...]
    """Lines to copy."""


@dataclass(frozen=True)
class Run:
    """One run as it stands."""

    id: str
    name: str
    project: str
    user: str
    state: str
    step: int | None
    plan_steps: int | None
    epoch: int | None
    plan_epochs: int | None
    loss: float | None
    level: str
    """healthy, suspicious or sick; empty: the monitor gives no verdict."""
    sentence: str
    causes: tuple[Cause, ...]
    alerts: tuple[Alert, ...]
    abstentions: Mapping[str, str]
    """Why a detector could not look, by its name."""
    raw: Json = field(repr=False, compare=False)

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.state in ("finished", "failed", "interrupted")

    @property
    def worst(self) -> tuple[Alert, ...]:
        """The alerts that fire, the worst first."""
        return tuple(sorted((a for a in self.alerts if a.state == "firing"), key=lambda a: -a.rank))


def read_run(content: Json) -> Run:
    """Read one run as the API gives it."""
    plan, verdict = _object(content, "plan"), _object(content, "verdict")
    return Run(
        id=_text(content, "id"),
        name=_text(content, "name"),
        project=_text(content, "project"),
        user=_text(content, "user"),
        state=_text(content, "state"),
        step=_count(content, "step"),
        plan_steps=_count(plan, "steps"),
        epoch=_count(content, "epoch"),
        plan_epochs=_count(plan, "epochs"),
        loss=_number(content, "loss"),
        level=_text(verdict, "level"),
        sentence=_text(verdict, "sentence"),
        causes=tuple(_cause(cause) for cause in _objects(content, "causes")),
        alerts=tuple(read_alert(alert) for alert in _objects(content, "alerts")),
        abstentions={
            plain(detector, 64): plain(str(reason), 64)
            for detector, reason in _object(content, "abstentions").items()
        },
        raw=content,
    )


def read_alert(content: Json) -> Alert:
    """Read one alert as the API gives it."""
    return Alert(
        run=_text(content, "run"),
        detector=_text(content, "detector"),
        state=_text(content, "state"),
        severity=_text(content, "severity"),
        since_step=_count(content, "since_step"),
        last_step=_count(content, "last_step"),
        summary=_text(content, "summary"),
        evidence=tuple(
            Evidence(
                statistic=_text(evidence, "statistic"),
                value=_number(evidence, "value"),
                limit=_number(evidence, "limit"),
                unit=_text(evidence, "unit"),
                fires=_text(evidence, "fires"),
            )
            for evidence in _objects(content, "evidence")
        ),
        variables=_texts(content, "variables"),
        cause=next((_text(cause, "title") for cause in _objects(content, "causes")), ""),
        raw=content,
    )


def _cause(content: Json) -> Cause:
    remedy = _object(content, "remedy")
    return Cause(
        title=_text(content, "title"),
        weight=_number(content, "weight"),
        speaks_for=_texts(content, "for"),
        speaks_against=_texts(content, "against"),
        remedy=_text(remedy, "text"),
        code=_code(remedy.get("code")),
    )


def _text(content: Json, key: str) -> str:
    value = content.get(key)
    return plain(value, _SENTENCE) if isinstance(value, str) else ""


def _texts(content: Json, key: str) -> tuple[str, ...]:
    return tuple(plain(text, _SENTENCE) for text in _list(content, key) if isinstance(text, str))


def _code(text: object) -> tuple[str, ...]:
    """Return lines that are safe to print and keep their indentation."""
    if not isinstance(text, str):
        return ()
    lines = text.expandtabs(4).rstrip().splitlines()[:_CODE_LINES]
    return tuple(
        "".join(c if c.isprintable() else "?" for c in line[:_CODE_LINE]) for line in lines
    )


def _count(content: Json, key: str) -> int | None:
    value = content.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(content: Json, key: str) -> float | None:
    value = content.get(key)
    if isinstance(value, str) and value in _NON_FINITE:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return None


def _object(content: Json, key: str) -> Json:
    value: Any = content.get(key)
    return value if isinstance(value, dict) else {}


def _objects(content: Json, key: str) -> list[Json]:
    return [item for item in _list(content, key) if isinstance(item, dict)]


def _list(content: Json, key: str) -> list[Any]:
    value = content.get(key)
    return value if isinstance(value, list) else []
