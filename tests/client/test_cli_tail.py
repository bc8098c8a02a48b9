"""`flatline tail` follows a run: a line for each change, whatever becomes of the monitor."""

import json
from dataclasses import replace

import pytest

from flatline.commands.api import Monitor, NotFoundError
from flatline.commands.tail import Pace, Tail
from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import RunState
from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.diagnosis.contract import Cause, Remedy
from tests.client.looking import Pages, flatline
from tests.monitor.reports import RUN_ID, firing_alert, quiet_alert, run_report

SICK = RunVerdict(Level.SICK, "it does not learn")
ENDED = run_report(state=RunState.FINISHED, step=99, verdict=replace(SICK, closing=True))
HEAD = "run calm-lake-00a1 (digits): running, steps 62/100, epoch 2/2, loss 0.5"
TAIL = [
    "finished, steps 100/100, epoch 2/2, loss 0.5",
    "verdict: sick: it does not learn",
]


class Story:
    """What happens while nobody looks: each wait is the next event, and takes `seconds`."""

    def __init__(self, pages, *events, seconds=2.0):
        self.now = 0.0
        self.notes = []
        self._pages = pages
        self._events = list(events)
        self._seconds = seconds

    def wait(self, seconds):
        assert seconds == 2.0
        self.now += self._seconds
        event = self._events.pop(0)
        if callable(event):
            event()
        else:
            self._pages.runs = [event]

    def follow(self, run=RUN_ID, *, raw=False):
        """Follow the run until it ends; return the lines."""
        pace = Pace(wait=self.wait, clock=lambda: self.now)
        self.tail = Tail(Monitor(self._pages.url), run, pace, note=self.notes.append)
        return list(self.tail.lines(raw=raw))


def told(*alerts, raw=False):
    """Return what is said of a run whose alerts are these, one set at each look."""
    first, *others = [run_report(alerts=alerts) for alerts in alerts]
    last = replace(ENDED, alerts=others[-1].alerts)
    with Pages(first) as pages:
        lines = Story(pages, *others, last).follow(raw=raw)
    if not raw:
        assert (lines[0], lines[-2:]) == (HEAD, TAIL)
    return lines[1:-2]


WARNING = firing_alert("no_skill", summary="no better than guessing")
CRITICAL = replace(WARNING, severity=Severity.CRITICAL)
OVER = replace(WARNING, state=State.RESOLVED)
PENDING = quiet_alert("no_skill", state=State.PENDING, since_step=40)
FIRED = "WARNING no_skill since step 40: no better than guessing"
WORSE = "CRITICAL no_skill since step 40: no better than guessing (was warning)"
MILDER = "WARNING no_skill since step 40: no better than guessing (was critical)"
RESOLVED = "resolved no_skill (from step 40 to 60)"
AGAIN = replace(WARNING, since_step=80)
FIRED_AGAIN = "WARNING no_skill since step 80: no better than guessing"


@pytest.mark.parametrize(
    ("alerts", "lines"),
    [
        ([(), (WARNING,)], [FIRED]),
        ([(WARNING,), (WARNING,)], [FIRED]),
        ([(PENDING,), (PENDING,), (WARNING,)], [FIRED]),
        ([(WARNING,), (CRITICAL,), (WARNING,)], [FIRED, WORSE, MILDER]),
        ([(WARNING,), (replace(WARNING, summary="7 %"),)], [FIRED]),
        ([(WARNING,), (OVER,), (OVER,)], [FIRED, RESOLVED]),
        ([(OVER,), (OVER,)], []),
        ([(OVER,), (AGAIN,)], [FIRED_AGAIN]),
        ([(), (OVER,)], [FIRED, RESOLVED]),
        ([(PENDING,), (OVER,)], [FIRED, RESOLVED]),
        ([(WARNING,), (AGAIN,)], [FIRED, RESOLVED, FIRED_AGAIN]),
        ([(WARNING,), (replace(PENDING, since_step=80),)], [FIRED, RESOLVED]),
        ([(WARNING,), ()], [FIRED, RESOLVED]),
    ],
)
def test_an_alert_is_told_when_it_changes(alerts, lines):
    """Once for each change, also for what came and went between two looks; not while pending."""
    assert told(*alerts) == lines


def test_a_verdict_is_told_when_its_level_changes_and_at_the_end():
    """Its sentence may change all the time; the first word is only said if it is a bad one."""
    suspicious = RunVerdict(Level.SUSPICIOUS, "the loss rests")
    reports = [
        run_report(verdict=verdict)
        for verdict in (suspicious, replace(suspicious, sentence="it rests still"), SICK)
    ]
    with Pages(run_report()) as pages:
        lines = Story(pages, *reports, ENDED).follow()

    assert lines[1:] == [
        "verdict: suspicious: the loss rests",
        "verdict: sick: it does not learn",
        *TAIL,
    ]


def test_progress_is_told_now_and_then():
    """Every ten seconds, if there is any; a loss that is no number is one too."""
    steps = [run_report(step=step, loss=float("nan")) for step in (62, 63, 64, 64, 64, 70)]
    with Pages(run_report()) as pages:
        lines = Story(pages, *steps, ENDED, seconds=4.0).follow()

    assert lines == [
        HEAD,
        "steps 65/100, epoch 2/2, loss NaN",
        "steps 71/100, epoch 2/2, loss NaN",
        *TAIL,
    ]


def test_a_run_that_stalls_and_comes_back_is_told():
    """A stall is not the end."""
    with Pages(run_report()) as pages:
        lines = Story(pages, run_report(state=RunState.STALLED), run_report(), ENDED).follow()

    assert [line.split(",")[0] for line in lines[1:3]] == ["stalled", "running"]
    assert lines[3:] == TAIL


def test_a_monitor_that_goes_away_and_comes_back_is_no_end():
    """It is said once, also while it starts and seems to know nothing."""
    with Pages(run_report()) as pages:

        def starts():
            pages.ready = False
            pages.start()

        def is_ready():
            pages.ready, pages.runs = True, [ENDED]

        story = Story(pages, pages.stop, lambda: None, starts, lambda: None, is_ready)
        assert story.follow() == [HEAD, *TAIL]

        away, back = story.notes
    assert away.startswith(f"the monitor at {pages.url} cannot be reached (Connection refused)")
    assert away.endswith("(trying again until it answers)")
    assert back == f"the monitor at {pages.url} answers again"


def test_a_run_that_the_monitor_has_forgotten_is_the_end():
    """It answers, and does not know the run any more."""
    with Pages(run_report()) as pages:
        story = Story(pages, run_report("another"))
        with pytest.raises(NotFoundError, match=f"has forgotten run {RUN_ID}"):
            story.follow()


def test_json_is_an_object_for_each_line():
    """With the alert, the cause and the verdict as the API gives them."""
    cause = Cause("rate", "it is too high", 0.5, (), (), Remedy("Lower it."))
    alert = replace(WARNING, causes=(cause,))
    with Pages(run_report(loss=float("inf"))) as pages:
        lines = Story(pages, replace(ENDED, alerts=(alert,))).follow(raw=True)
    first, fired, ended, verdict = map(json.loads, lines)

    plan = {"steps": 100, "epochs": 2}
    place = {"run": RUN_ID, "plan": plan, "epoch": 1}
    assert first == place | {"event": "state", "state": "running", "step": 61, "loss": "Infinity"}
    assert (fired["event"], fired["change"], fired["run"]) == ("alert", "fired", RUN_ID)
    assert fired["alert"]["causes"][0]["remedy"]["text"] == "Lower it."
    assert ended == place | {"event": "state", "state": "finished", "step": 99, "loss": 0.5}
    assert verdict["verdict"] == {"level": "sick", "sentence": SICK.sentence, "closing": True}


@pytest.mark.parametrize(
    ("state", "level", "status"),
    [
        (RunState.FINISHED, Level.HEALTHY, 0),
        (RunState.FINISHED, Level.SUSPICIOUS, 0),
        (RunState.FINISHED, Level.SICK, 1),
        (RunState.FAILED, Level.HEALTHY, 1),
        (RunState.INTERRUPTED, Level.HEALTHY, 1),
    ],
)
def test_the_exit_status_is_the_run_s_if_that_is_asked_for(capsys, state, level, status):
    """As with `gh run watch --exit-status`; without it, having seen the end is a success."""
    with Pages(run_report(state=state, verdict=RunVerdict(level, "so it is"))) as pages:
        arguments = ("tail", RUN_ID[:4], "--monitor", pages.url)

        assert flatline(capsys, *arguments)[0] == 0
        assert flatline(capsys, *arguments, "--exit-status")[0] == status
