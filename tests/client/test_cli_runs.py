"""`flatline runs` and `flatline alerts` list what the monitor knows, as text or as JSON."""

import json
import math

import pytest

from flatline.commands.tables import table
from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import RunState
from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.diagnosis.contract import Cause, Remedy
from tests.client.looking import Pages, flatline
from tests.monitor.reports import firing_alert, quiet_alert, run_report

HOSTILE = "\x1b[31mred\nnext\u202e\x9b line"


def rows(said: str) -> list[list[str]]:
    """Return the cells of the lines below the header."""
    return [[cell.strip() for cell in line.split("  ") if cell] for line in said.splitlines()[1:]]


def test_a_run_is_a_line(capsys):
    """What it is called, how far it is, how it is, and the worst that fires."""
    alerts = (
        firing_alert("no_skill"),
        firing_alert("class_collapse", severity=Severity.CRITICAL),
        quiet_alert("divergence", state=State.PENDING),
    )
    verdict = RunVerdict(Level.SICK, "it does not learn")
    with Pages(run_report(alerts=alerts, verdict=verdict)) as pages:
        status, said, _ = flatline(capsys, "runs", "--monitor", pages.url)

    header, line = said.splitlines()
    assert status == 0
    assert " ".join(header.split()) == "RUN NAME PROJECT STATE VERDICT STEPS LOSS ALERT"
    assert " ".join(line.split()) == (
        "calm-lake-00a1 digits demo running sick 62/100 0.5 critical class_collapse and 1 more"
    )
    assert line.index("digits") == header.index("NAME")


def test_all_runs_are_listed_however_many_there_are(capsys):
    """The API gives a hundred at a time."""
    ids = [f"run-{i:03}" for i in range(205)]
    with Pages(*map(run_report, ids)) as pages:
        listed = flatline(capsys, "runs", "--monitor", pages.url)[1]
        as_json = flatline(capsys, "runs", "--monitor", pages.url, "--json")[1]

    assert [row[0] for row in rows(listed)] == ids
    assert [run["id"] for run in json.loads(as_json)] == ids


def test_runs_are_chosen_by_state(capsys):
    """The others are left out, in JSON too."""
    with Pages(run_report("a"), run_report("b", state=RunState.FAILED)) as pages:
        said = flatline(capsys, "runs", "--monitor", pages.url, "--state", "failed")[1]
        as_json = flatline(capsys, "runs", "--monitor", pages.url, "--state", "failed", "--json")[1]
        nothing = flatline(capsys, "runs", "--monitor", pages.url, "--state", "stalled")

    assert [row[0] for row in rows(said)] == ["b"]
    assert [run["id"] for run in json.loads(as_json)] == ["b"]
    assert nothing == (0, "", f"flatline: no stalled runs at {pages.url}\n")


@pytest.mark.parametrize(
    ("loss", "shown"),
    [
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (None, "-"),
        (-0.0, "0"),
        (0.12345678, "0.123457"),
        (1e-300, "1e-300"),
    ],
)
def test_any_loss_can_be_shown(capsys, loss, shown):
    """A run is looked at most when its loss is no number any more."""
    with Pages(run_report(loss=loss, step=None if loss is None else 3)) as pages:
        status, said, _ = flatline(capsys, "runs", "--monitor", pages.url)

    assert status == 0
    assert rows(said)[0][-2] == shown


def test_foreign_text_does_nothing_to_a_terminal(capsys):
    """No control character and no further line; JSON carries the name as it is, in ASCII."""
    with Pages(run_report(hello={"name": HOSTILE, "project": "日本"})) as pages:
        said = flatline(capsys, "runs", "--monitor", pages.url)[1]
        as_json = flatline(capsys, "runs", "--monitor", pages.url, "--json")[1]

    assert len(said.splitlines()) == 2
    assert all(c.isprintable() or c == "\n" for c in said)
    assert "?[31mred next?? line" in said
    assert as_json.isascii()
    assert json.loads(as_json)[0]["name"] == HOSTILE


def test_columns_are_aligned_and_the_last_one_is_cut_to_the_terminal():
    """A wide character takes two columns; what is empty is a dash."""
    lines = table(
        ("NAME", "N", "WHAT"),
        [("日本", "10", "0123456789abcdef"), ("x", "2", "")],
        right=("N",),
        width=24,
    )

    assert list(lines) == [
        "NAME   N  WHAT",
        "日本  10  0123456789abc…",
        "x      2  -",
    ]


def alerts_of(capsys, *arguments):
    """Return (run, detector) of each alert that is listed."""
    runs = [
        run_report(
            run_id,
            alerts=(
                firing_alert("no_skill", run_id),
                firing_alert("stagnation", run_id, severity=Severity.INFO, state=State.RESOLVED),
                firing_alert("divergence", run_id, severity=Severity.CRITICAL),
                quiet_alert("overfitting", run_id, state=State.PENDING),
                quiet_alert("init_loss", run_id),
            ),
        )
        for run_id in ("b", "a")
    ]
    with Pages(*runs) as pages:
        said = flatline(capsys, "alerts", "--monitor", pages.url, *arguments)[1]
        as_json = flatline(capsys, "alerts", "--monitor", pages.url, *arguments, "--json")[1]
    listed = [(row[0], row[1]) for row in rows(said)]
    assert [(alert["run"], alert["detector"]) for alert in json.loads(as_json)] == listed
    return listed


def test_the_most_urgent_alerts_come_first(capsys):
    """Firing before pending before resolved, critical before warning."""
    detectors = ("divergence", "no_skill", "overfitting", "stagnation")

    assert alerts_of(capsys) == [(run, detector) for detector in detectors for run in "ab"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--severity", "critical"), [("a", "divergence"), ("b", "divergence")]),
        (("--severity", "warning", "--run", "b"), [("b", "divergence"), ("b", "no_skill")]),
        (("--state", "resolved", "--run", "a"), [("a", "stagnation")]),
        (("--state", "inactive", "--run", "a"), [("a", "init_loss")]),
        (("--state", "pending", "--severity", "info"), []),
    ],
)
def test_alerts_are_chosen(capsys, arguments, expected):
    """By state, by the lowest severity and by run; what never fired has no severity."""
    assert alerts_of(capsys, *arguments) == expected


def test_an_alert_says_its_summary_and_its_likeliest_cause(capsys):
    """With the step since which it is there."""
    cause = Cause("rate", "the rate is too high", 0.8, (), (), Remedy("Lower it."))
    with Pages(run_report(alerts=(firing_alert("no_skill", causes=(cause,)),))) as pages:
        said = flatline(capsys, "alerts", "--monitor", pages.url)[1]

    assert " ".join(said.splitlines()[1].split()) == (
        "calm-lake-00a1 no_skill warning firing 40 the rate is too high "
        "The loss has not improved on always answering the same."
    )
