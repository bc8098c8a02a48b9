"""What the engine says of a log, in the log's own words."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport, RunReport
from flatline_monitor.alerts.verdict import LEVELS
from flatline_monitor.detectors.contract import Detector, Evidence, Reason, Severity
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.engine.advance import Arrival, Ask, open_run
from flatline_monitor.engine.again import fed
from flatline_monitor.engine.reports import run_report
from flatline_monitor.lint import classes
from flatline_monitor.lint.log import Kind, Log, Quantity
from flatline_monitor.lint.records import hello, records
from flatline_monitor.lint.words import in_words_of, place
from flatline_monitor.runs.records import StreamKey

FEWEST = 3
"""Rows of which anything can be said but that they are no numbers."""
SIGNALS: Mapping[str, frozenset[Quantity]] = {
    "non_finite": frozenset(),
    "stagnation": frozenset(),
    "plateau": frozenset(),
    "no_skill": frozenset({Quantity.ACCURACY}),
    "loss_accuracy_inconsistency": frozenset({Quantity.ACCURACY}),
    "gradient_explosion": frozenset({Quantity.GRADIENT_NORM}),
    "loss_spike": frozenset(),
    "divergence": frozenset(),
    "oscillation": frozenset(),
    "lr_schedule": frozenset({Quantity.LEARNING_RATE}),
    "overfitting": frozenset({Quantity.VAL_LOSS}),
    "suspicious_validation": frozenset({Quantity.VAL_LOSS}),
}
"""The detectors that a log can be asked about, and what they need beside the training loss.

The others look at what no log has.
"""
KNOWS = 0.7
"""Accuracy of a first row from which on a loss that does not fall any more is no trouble."""
NO_LOG = "no log tells"
"""Why a detector has nothing to look at that looks at what no log holds."""
TRENDS = frozenset(
    {"divergence", "stagnation", "plateau", "overfitting", "no_skill", "oscillation"}
)


class Level(enum.StrEnum):
    """How a training is, all in all."""

    HEALTHY = "healthy"
    SUSPICIOUS = "suspicious"
    SICK = "sick"
    CANNOT_JUDGE = "cannot judge"


@dataclass(frozen=True, slots=True)
class Found:
    """One finding that stands at the end of the log."""

    detector: str
    severity: Severity
    since: str
    """Where it began: "epoch 7", "step 1500"."""
    summary: str
    evidence: tuple[Evidence, ...]
    cause: Cause | None
    """What probably explains it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One log and what is to be said of it."""

    log: Log
    level: Level
    sentence: str
    found: tuple[Found, ...]
    unjudged: Mapping[str, str]
    """Why, by the name of each detector that could not look."""

    @property
    def worst(self) -> Severity | None:
        """The gravest finding; None: there is none."""
        return max((each.severity for each in self.found), key=lambda s: s.rank, default=None)


def judged(log: Log, catalogue: Sequence[Detector]) -> Judged:
    """Return what the detectors that a log can be asked about say of it, as it ended."""
    spared = _spared(log)
    asked = [each for each in catalogue if each.name in SIGNALS and each.name not in spared]
    greeting = hello(log)
    run, stream = open_run(greeting, 0.0), StreamKey(greeting.run_id, 0, 0)
    told = (Arrival(stream, n, record, 0.0) for n, record in enumerate(records(log), 1))
    run = fed(run, told, lambda _: Ask(asked)) or run
    report = run_report(run, asked)
    found = tuple(sorted(_found(report, log), key=lambda each: -each.severity.rank))
    unjudged = _unjudged(report, log, catalogue) | spared
    worst = found[0].severity if found else Severity.INFO
    level = Level(LEVELS[worst])
    sentence = in_words_of(log, report.verdict.sentence)
    if level is Level.HEALTHY and unjudged.keys() >= TRENDS:
        level, sentence = Level.CANNOT_JUDGE, _too_little(log)
    return Judged(log, level, sentence, found, unjudged)


def _spared(log: Log) -> dict[str, str]:
    """Return the detectors that would say what this log cannot show, and why."""
    spared = {}
    if log.class_shares and not log.always_one:
        # What is logged may hold regularisation: only an accuracy that never moves is odd enough.
        spared["loss_accuracy_inconsistency"] = "the loss may be regularised"
    first = next((share for share in classes.answers(log) if share is not None), 0.0)
    if not log.class_shares and first >= KNOWS:
        spared["stagnation"] = f"it began with an accuracy of {first:.0%}"
    return spared


def _found(report: RunReport, log: Log) -> Iterator[Found]:
    for alert in report.alerts:
        if alert.state is not State.FIRING or alert.severity is None:
            continue
        yield Found(
            alert.detector,
            alert.severity,
            place(log, alert.since_step or 0),
            in_words_of(log, alert.summary),
            alert.evidence,
            next(iter(alert.causes), None),
        )


def _unjudged(report: RunReport, log: Log, catalogue: Sequence[Detector]) -> dict[str, str]:
    """Say of each detector that could not look why it could not."""
    alerts = {alert.detector: alert for alert in report.alerts}
    told = {}
    for detector in catalogue:
        name = detector.name
        if name not in SIGNALS:
            told[name] = NO_LOG
        elif name in alerts and (why := _why(alerts[name], log)):
            told[name] = why
    return told


def _why(alert: AlertReport, log: Log) -> str:
    missing = SIGNALS[alert.detector] - log.columns.keys()
    match alert.abstained:
        case None | Reason.BETWEEN_LIMITS | Reason.SUPPRESSED | Reason.NO_NEW_SAMPLE:
            return f"no {_names(missing)}" if missing and alert.abstained else ""
        case Reason.NOT_FOR_THIS_TASK:
            return f"not for {log.task}"
        case _ if missing:
            return f"no {_names(missing)}"
        case Reason.TOO_FEW_POINTS if alert.detector == "suspicious_validation":
            return "it is seen in the first epochs"
        case Reason.SIGNAL_NOT_SENT if Quantity.ACCURACY in SIGNALS[alert.detector]:
            return "number of classes: --classes"
        case Reason.SIGNAL_NOT_SENT:
            return "not logged"
        case Reason.DETECTOR_ERROR:
            return "it failed"
        case _:
            return "too few rows"


def _names(quantities: frozenset[Quantity]) -> str:
    return ", ".join(sorted(quantity.value for quantity in quantities))


def _too_little(log: Log) -> str:
    rows = len(log.trained)
    if rows < FEWEST:
        return f"it has {rows} {'row' if rows == 1 else 'rows'} with a training loss"
    unit = "epochs" if log.kind is Kind.EPOCH else "rows"
    if log.task in {"gan", "rl", "ssl"}:
        return f"the losses of {log.task} need not fall; of {rows} {unit} none is nan or infinite"
    return f"{rows} {unit} are too few; none is nan or infinite"
