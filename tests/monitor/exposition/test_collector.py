"""The page says what is true of each run at the time of the scrape."""

from typing import Any

import pytest

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import RunReport, RunState
from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.runs.records import ClientHealth
from tests.monitor.exposition.counting import Monitor
from tests.monitor.reports import RUN_ID, START, firing_alert, quiet_alert, run_report

ACTIVE = f"flatline_alert_active{{run='{RUN_ID}',detector='no_skill',severity='%s'}}"
SCALARS = ("loss", "learning_rate", "global_grad_norm")


def ended(after: float, **changes: Any) -> RunReport:
    facts: dict[str, Any] = {"state": RunState.FINISHED, "ended_at": START + after}
    return run_report(alerts=(firing_alert("no_skill"),), **facts | changes)


def lines_of(monitor: Monitor, run_id: str) -> list[str]:
    return [line for line in monitor.text().splitlines() if f'run="{run_id}"' in line]


def test_a_run_in_full() -> None:
    """Each run has its facts, all states, its latest values and its alerts."""
    alert = quiet_alert("no_skill", severities=(Severity.WARNING, Severity.CRITICAL))
    page = Monitor(run_report("r1", alerts=(alert,)))

    assert lines_of(page, "r1") == [
        'flatline_run_info{run="r1",name="digits",project="demo",user="ada",framework="keras"} 1',
        'flatline_run_state{run="r1",state="running"} 1',
        'flatline_run_state{run="r1",state="finished"} 0',
        'flatline_run_state{run="r1",state="failed"} 0',
        'flatline_run_state{run="r1",state="interrupted"} 0',
        'flatline_run_state{run="r1",state="stalled"} 0',
        'flatline_run_verdict{run="r1",verdict="healthy"} 1',
        'flatline_run_verdict{run="r1",verdict="suspicious"} 0',
        'flatline_run_verdict{run="r1",verdict="sick"} 0',
        'flatline_run_start_timestamp_seconds{run="r1"} 1700000123.0',
        'flatline_run_last_report_timestamp_seconds{run="r1"} 1700000154.0',
        'flatline_run_step{run="r1"} 61',
        'flatline_run_ranks{run="r1"} 1',
        'flatline_run_client_overhead_ratio{run="r1"} 0.0078125',
        'flatline_run_client_seconds_total{run="r1"} 0.25',
        'flatline_run_client_tracing_seconds_total{run="r1"} 2.0',
        'flatline_run_sampled_steps_total{run="r1"} 4',
        'flatline_run_scalar{run="r1",name="loss"} 0.5',
        'flatline_run_scalar{run="r1",name="learning_rate"} 0.001',
        'flatline_run_scalar{run="r1",name="global_grad_norm"} 3.25',
        'flatline_alert_active{run="r1",detector="no_skill",severity="warning"} 0',
        'flatline_alert_active{run="r1",detector="no_skill",severity="critical"} 0',
        'flatline_alert_last_transition_timestamp_seconds{run="r1",detector="no_skill"} 0',
    ]


def test_absent_zero_and_nan_are_three_things() -> None:
    """What was never sent has no series; zero and nan are values."""
    facts: dict[str, Any] = {"step": None, "loss": float("nan"), "learning_rate": 0.0}
    page = Monitor(run_report("r1", **facts, global_grad_norm=None, health=None, alerts=()))
    lines = lines_of(page, "r1")

    assert 'flatline_run_scalar{run="r1",name="loss"} NaN' in lines
    assert 'flatline_run_scalar{run="r1",name="learning_rate"} 0.0' in lines
    assert not [line for line in lines if "step" in line or "norm" in line or "ratio" in line]


def test_what_the_client_does_not_know_has_no_series() -> None:
    """A short run that is sampled on every step cannot tell its own time from the measuring."""
    health = ClientHealth(overhead_ratio=None, sampled_steps=3)
    lines = lines_of(Monitor(run_report("r1", health=health)), "r1")

    assert 'flatline_run_sampled_steps_total{run="r1"} 3' in lines
    assert not [line for line in lines if "overhead" in line or "client_seconds" in line]


@pytest.mark.parametrize(
    ("state", "severity", "warning", "critical"),
    [
        (State.INACTIVE, None, 0, 0),
        (State.PENDING, None, 0, 0),
        (State.FIRING, Severity.WARNING, 1, 0),
        (State.FIRING, Severity.CRITICAL, 1, 1),
        (State.RESOLVED, Severity.CRITICAL, 0, 0),
    ],
)
def test_an_alert_is_active_up_to_its_severity(
    state: State, severity: Severity | None, warning: int, critical: int
) -> None:
    """An alert that escalates keeps the lower severity at 1."""
    alert = firing_alert("no_skill", state=state, severity=severity)
    series = Monitor(run_report(alerts=(alert,))).series()

    assert (series[ACTIVE % "warning"], series[ACTIVE % "critical"]) == (warning, critical)


@pytest.mark.parametrize(("seconds", "value"), [(0, 1), (299, 1), (300, 0), (899, 0)])
def test_an_alert_outlives_its_run_for_the_linger(seconds: float, value: int) -> None:
    """A run of one second still pages, and then the alert goes to 0."""
    page = Monitor(ended(10))
    page.now = START + 10 + seconds

    assert page.series()[ACTIVE % "warning"] == value


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("seconds", [0, 899])
def test_the_verdict_in_force_is_one_and_stays(level: Level, seconds: float) -> None:
    """Of the three one is 1; a run that ended keeps it after its alerts went quiet."""
    page = Monitor(ended(0, verdict=RunVerdict(level, "because.", closing=True)))
    page.now = START + seconds
    name = f"flatline_run_verdict{{run='{RUN_ID}',verdict='%s'}}"
    series = page.series()

    assert [each for each in Level if series[name % each] == 1] == [level]
    assert [each for each in Level if series[name % each] == 0] == [x for x in Level if x != level]


def test_time_passes_for_a_run_that_does_not_change() -> None:
    """What was written before the linger was over is not served after it."""
    page = Monitor(ended(0))
    before = page.series()[ACTIVE % "warning"]
    page.now = START + 300

    assert (before, page.series()[ACTIVE % "warning"]) == (1, 0)


@pytest.mark.parametrize(("seconds", "there"), [(899, 23), (900, 0)])
def test_the_series_of_a_run_go_after_the_retention(seconds: float, there: int) -> None:
    page = Monitor(ended(0))
    page.now = START + seconds

    assert len(lines_of(page, RUN_ID)) == there


def test_a_stalled_run_neither_vanishes_nor_falls_silent() -> None:
    """It may come back, and until then somebody should look."""
    page = Monitor(ended(0, state=RunState.STALLED, ended_at=None))
    page.now = START + 10_000
    series = page.series()

    assert series[f"flatline_run_state{{run='{RUN_ID}',state='stalled'}}"] == 1
    assert series[ACTIVE % "warning"] == 1


def test_a_stalled_run_that_was_given_up_vanishes() -> None:
    """The engine gives it an end after a day; from then on it is like one that ended."""
    page = Monitor(ended(0, state=RunState.STALLED, ended_at=START))
    page.now = START + 10_000

    assert not any(RUN_ID in series for series in page.series())


def test_a_run_that_opens_again_is_live_again() -> None:
    page = Monitor(ended(0))
    page.now = START + 600
    before = page.series()
    page.runs = (run_report(alerts=(firing_alert("no_skill"),)),)

    assert (before[ACTIVE % "warning"], page.series()[ACTIVE % "warning"]) == (0, 1)


def test_a_forgotten_run_leaves_nothing_behind() -> None:
    page = Monitor(run_report("r1"), run_report("r2"))
    page.text()
    page.runs = (run_report("r2"),)

    assert not lines_of(page, "r1")
    assert lines_of(page, "r2")


def test_only_running_runs_are_active() -> None:
    runs = [run_report(state.value, state=state) for state in RunState]

    assert Monitor(*runs).series()["flatline_active_runs"] == 1


def test_a_changed_run_is_written_anew() -> None:
    page = Monitor(run_report("r1"), run_report("r2"))
    page.text()
    page.runs = (run_report("r1", step=62), run_report("r2"))

    assert 'flatline_run_step{run="r1"} 62' in lines_of(page, "r1")
    assert 'flatline_run_step{run="r2"} 61' in lines_of(page, "r2")


def own_series() -> int:
    """Return how many series there are without any run, beside those of the process."""
    return sum(name.startswith("flatline_") for name in Monitor().series())


def two_runs(cap: int) -> Monitor:
    """Return a page with an older and a newer run, of 20 series each but for the alerts."""
    newer = run_report("newer", started_at=START + 1, alerts=())
    return Monitor(newer, run_report("older", alerts=()), series_cap=own_series() + cap)


@pytest.mark.parametrize(("cap", "bare"), [(40, ""), (39, "newer"), (37, "newer"), (36, "older")])
def test_the_newest_runs_lose_their_optional_series_first(cap: int, bare: str) -> None:
    """The cap is exact: one series too many, and the newest run goes without its scalars."""
    page = two_runs(cap)
    with_scalars = {run for run in ("newer", "older") if len(lines_of(page, run)) == 20}

    expected = {"": {"newer", "older"}, "newer": {"older"}, "older": set[str]()}
    assert with_scalars == expected[bare]


def test_a_dropped_series_is_counted_once() -> None:
    """It counts what is missing, not how often somebody looked."""
    page = two_runs(39)
    seen = [page.series()["flatline_series_dropped_total"] for _ in range(3)]
    page.runs = (page.runs[1],)
    seen.append(page.series()["flatline_series_dropped_total"])

    assert seen == [len(SCALARS)] * 4


def test_alerts_are_exported_whatever_the_cap() -> None:
    page = Monitor(run_report(alerts=(firing_alert("no_skill"),)), series_cap=1)

    assert page.series()[ACTIVE % "warning"] == 1
    assert not [name for name in page.series() if name.startswith("flatline_run_scalar")]
