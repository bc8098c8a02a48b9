"""What people and machines are shown of a run: plain frozen values, made when asked for."""

import enum
from dataclasses import dataclass, field

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.verdict import NOT_YET, RunVerdict
from flatline_monitor.detectors.contract import Evidence, Reason, Severity
from flatline_monitor.diagnosis.contract import Cause
from flatline_monitor.diagnosis.crash import Crash
from flatline_monitor.runs.crossings import Trails
from flatline_monitor.runs.curve import Curve
from flatline_monitor.runs.model import Model
from flatline_monitor.runs.records import ClientHealth, Evaluation, Hello, Variable


class RunState(enum.StrEnum):
    """Where a run is in its life."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    STALLED = "stalled"


@dataclass(frozen=True, slots=True)
class AlertReport:
    """One symptom of one run, as it stands."""

    run_id: str
    detector: str
    severities: tuple[Severity, ...]
    """The severities that this detector can have, lowest first."""
    state: State
    severity: Severity | None
    """The highest severity reached in this episode; None while it never fired."""
    since_step: int | None
    """Step at which the symptom of this episode was first seen."""
    last_step: int | None
    """Step of the latest finding."""
    summary: str
    evidence: tuple[Evidence, ...]
    variables: tuple[str, ...]
    """Paths of the variables that the finding is about."""
    transition_at: float | None
    """Server time of the latest change of state or severity, seconds since 1970."""
    abstained: Reason | None = None
    """Why the detector could not look the last time; None: it looked, or was not asked yet."""
    causes: tuple[Cause, ...] = ()
    """What probably explains it, the likeliest first."""

    @property
    def active(self) -> tuple[Severity, ...]:
        """The severities that are exported as 1: the present one and those below it."""
        if self.state is not State.FIRING or self.severity is None:
            return ()
        return tuple(s for s in self.severities if s.rank <= self.severity.rank)


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run, as it stands."""

    hello: Hello
    state: RunState
    exception_type: str
    step: int | None
    """Last step that was reported; None before the first."""
    epoch: int | None
    loss: float | None
    learning_rate: float | None
    global_grad_norm: float | None
    """The latest values, as measured: nan and the infinities included; None: never sent."""
    ranks: int
    """Ranks that have reported."""
    started_at: float
    last_report_at: float
    ended_at: float | None
    """Server times, seconds since 1970."""
    variables: tuple[Variable, ...]
    alerts: tuple[AlertReport, ...]
    """One for each detector of the catalogue, in its order."""
    evaluations: tuple[Evaluation, ...]
    """The latest, oldest first."""
    health: ClientHealth | None
    notes: tuple[str, ...]
    """What the reader should know: a restart from a checkpoint, steps that never arrived."""
    verdict: RunVerdict = NOT_YET
    """How the run is, in one sentence."""
    causes: tuple[Cause, ...] = ()
    """What probably explains all that was found together, the likeliest first."""
    model: Model | None = None
    """What is known of the latest fit before it had learned anything; None: it was not sent."""
    curve: Curve = field(default_factory=Curve)
    """The whole run in at most 512 points, but for the block that is not full yet."""
    crash: Crash | None = None
    """What ended the run before its time; None: nothing has."""
    trails: Trails = field(default_factory=dict)
    """When the norms of the variables left the range that they began in."""
    improving: float | None = None
    """Share of its loss that the run still gains with each epoch; None: not known."""

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.hello.run_id
