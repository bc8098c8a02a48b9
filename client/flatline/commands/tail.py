"""`flatline tail RUN`: follows a run and prints a line for each change, until the run ends."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flatline.commands.api import Monitor, MonitorError, NotFoundError
from flatline.commands.shapes import Alert, Json, Run, read_run
from flatline.commands.show import progress, title, verdict

PROGRESS_SECONDS = 10.0
"""A run that goes on says how far it is this often."""


@dataclass(frozen=True)
class Event:
    """What happened in a run, as a line for people and as an object for programs."""

    line: str
    content: Json


@dataclass(frozen=True)
class Pace:
    """How often to look, and how time passes meanwhile."""

    interval_seconds: float = 2.0
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


class Tail:
    """Looks at one run again and again."""

    def __init__(
        self, monitor: Monitor, beginning: str, pace: Pace, *, note: Callable[[str], None]
    ) -> None:
        self._monitor = monitor
        self._beginning = beginning
        self._pace = pace
        self._note = note
        self.fine = True
        """Whether the run, as last seen, has not failed, was not interrupted and is not sick."""

    def lines(self, *, raw: bool) -> Iterator[str]:
        """Follow the run to its end; raise MonitorError where it cannot be seen from the start."""
        for event in self._events():
            yield json.dumps(event.content) if raw else event.line

    def _events(self) -> Iterator[Event]:
        before: Run | None = None
        run = read_run(self._monitor.find(self._beginning))
        told_at, told_step = self._pace.clock(), run.step
        while True:
            self.fine = run.state not in ("failed", "interrupted") and run.level != "sick"
            yield from changes(before, run)
            if run.over:
                return
            if run.step != told_step and self._pace.clock() - told_at >= PROGRESS_SECONDS:
                told_at, told_step = self._pace.clock(), run.step
                yield _progress(run)
            self._pace.wait(self._pace.interval_seconds)
            before, run = run, self._look(run.id)

    def _look(self, run_id: str) -> Run:
        """Return the run as it stands; wait for a monitor that is away."""
        away = False
        while True:
            try:
                run = read_run(self._monitor.run(run_id))
            except NotFoundError as error:
                message = f"the monitor at {self._monitor.url} has forgotten run {run_id}"
                raise NotFoundError(message) from error
            except MonitorError as error:
                if not away:
                    away = True
                    self._note(f"{error} (trying again until it answers)")
                self._pace.wait(self._pace.interval_seconds)
            else:
                if away:
                    self._note(f"the monitor at {self._monitor.url} answers again")
                return run


def changes(before: Run | None, run: Run) -> Iterator[Event]:
    """Return what happened between two looks at a run; None: this is the first look."""
    if before is None:
        yield _state(run, f"{title(run)}: ")
        for alert in run.alerts:
            if alert.state == "firing":
                yield _fired(alert)
    else:
        yield from _moves(before, run)
        if before.state != run.state:
            yield _state(run, "")
    if _is_news(before, run):
        yield Event(
            f"verdict: {verdict(run)}",
            {"event": "verdict", "run": run.id, "step": run.step, "verdict": run.raw["verdict"]},
        )


def _moves(before: Run, run: Run) -> Iterator[Event]:
    known = {alert.detector: alert for alert in before.alerts}
    for alert in run.alerts:
        yield from _move(known.pop(alert.detector, None), alert)
    for gone in known.values():
        if gone.state == "firing":
            yield _resolved(gone)


def _move(before: Alert | None, alert: Alert) -> Iterator[Event]:
    """Return what one alert did; between two looks it may have done more than one thing."""
    if before is not None and before.since_step != alert.since_step:
        if before.state == "firing":
            yield _resolved(before)
        before = None  # what was seen then is over, and this is another time
    match None if before is None else before.state, alert.state:
        case "firing", "firing":
            if before is not None and before.severity != alert.severity:
                change = "worse" if alert.rank > before.rank else "milder"
                yield _alert(alert, change, f"{_symptom(alert)} (was {before.severity})")
        case _, "firing":
            yield _fired(alert)
        case "resolved", "resolved":
            pass
        case "firing", _:
            yield _resolved(alert)
        case _, "resolved":
            yield _fired(alert)
            yield _resolved(alert)


def _fired(alert: Alert) -> Event:
    return _alert(alert, "fired", _symptom(alert))


def _resolved(alert: Alert) -> Event:
    steps = f" (from step {alert.since_step} to {alert.last_step})"
    return _alert(alert, "resolved", f"resolved {alert.detector}{steps}")


def _symptom(alert: Alert) -> str:
    since = "" if alert.since_step is None else f" since step {alert.since_step}"
    return f"{alert.severity.upper()} {alert.detector}{since}: {alert.summary}"


def _alert(alert: Alert, change: str, line: str) -> Event:
    content = {"event": "alert", "run": alert.run, "change": change, "alert": alert.raw}
    return Event(line, content)


def _state(run: Run, head: str) -> Event:
    content = {"event": "state", "run": run.id, "state": run.state, **_place(run)}
    return Event(f"{head}{run.state}, {progress(run)}", content)


def _progress(run: Run) -> Event:
    return Event(progress(run), {"event": "progress", "run": run.id, **_place(run)})


def _place(run: Run) -> Json:
    """Return how far a run is, as the API gives it."""
    return {key: run.raw.get(key) for key in ("step", "plan", "epoch", "loss")}


def _is_news(before: Run | None, run: Run) -> bool:
    """Say whether people want to hear the verdict: it is another one, or the last."""
    if not run.level:
        return False
    if before is None:
        return run.over or run.level != "healthy"
    return run.level != before.level or (run.over and not before.over)
