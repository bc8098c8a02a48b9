"""What the curves are drawn from: the run's points, its evaluations and its alerts, as columns."""

import json
import math

import numpy as np
import pytest

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.runs.curve import Curve, extended
from flatline_monitor.runs.records import Evaluation, Sampled
from flatline_monitor.runs.rows import Rows
from tests.monitor.reports import RUN_ID, firing_alert, quiet_alert, run_report
from tests.monitor.web.asking import Site, read

PATH = f"/api/v1/runs/{RUN_ID}/history"


def curve() -> Curve:
    """Four steps: finite, infinite, not measured, finite; the last two are sampled."""
    step = np.arange(4)
    columns = {
        "label_count": np.array([[3, 1], [2, 2]], np.uint32),
        "correct_count": np.array([[3, 0], [1, 0]], np.uint32),
        "global_grad_norm": np.array([2.5, np.nan], np.float32),
    }
    rows = Rows(
        step,
        np.array([0.5, np.inf, np.nan, 0.25], np.float32),
        np.array([1, 1, 0, 1], np.uint8),
        np.ones(4, np.float32),
        Sampled(step[2:], 0, columns),
    )
    return extended(Curve(), rows, {1: 0.125})


def test_a_history_in_full():
    """Null: nothing was measured; "NaN": something was, and none of it was finite."""
    alerts = (
        quiet_alert("non_finite"),
        firing_alert("no_skill"),
        firing_alert("stagnation", state=State.RESOLVED, severity=Severity.CRITICAL),
    )
    evaluations = (
        Evaluation(2, 0, 100, {"loss": 0.75, "accuracy": 0.5}),
        Evaluation(4, 1, 100, {"loss": math.nan}),
    )
    run = run_report(step=4, curve=curve(), alerts=alerts, evaluations=evaluations)

    assert Site(run).ask(PATH).json() == {
        "state": "running",
        "step": 4,
        "curve": {
            "step": [0, 1, 2, 3],
            "loss": [0.5, "NaN", None, 0.25],
            "loss_min": [0.5, "NaN", None, 0.25],
            "loss_max": [0.5, "NaN", None, 0.25],
            "loss_bad": [0, 1, 0, 0],
            "accuracy": [None, None, 0.75, 0.25],
            "learning_rate": [None, 0.125, 0.125, 0.125],
            "global_grad_norm": [None, None, 2.5, "NaN"],
        },
        "evaluations": {
            "step": [2, 4],
            "metrics": {"accuracy": [0.5, None], "loss": [0.75, "NaN"]},
        },
        "alerts": [
            {
                "detector": "no_skill",
                "severity": "warning",
                "state": "firing",
                "since_step": 40,
                "last_step": 60,
            },
            {
                "detector": "stagnation",
                "severity": "critical",
                "state": "resolved",
                "since_step": 40,
                "last_step": 60,
            },
        ],
    }


def test_a_run_that_has_said_nothing_has_a_history():
    answer = Site(run_report(step=None, evaluations=(), alerts=())).ask(PATH).json()

    assert {tuple(column) for column in answer["curve"].values()} == {()}
    assert (answer["step"], answer["evaluations"]) == (None, {"step": [], "metrics": {}})


def test_a_metric_may_be_called_as_it_likes():
    """One named step does not hide the steps."""
    run = run_report(evaluations=(Evaluation(7, 0, None, {"step": 0.5}),))
    evaluations = Site(run).ask(PATH).json()["evaluations"]

    assert evaluations == {"step": [7], "metrics": {"step": [0.5]}}


def test_a_whole_run_is_a_small_answer():
    """512 points of the longest numbers, in JSON that every parser takes."""
    rng = np.random.default_rng(0)
    n = 100_000
    rows = Rows(
        np.arange(n),
        rng.uniform(size=n).astype(np.float32),
        np.ones(n, np.uint8),
        np.ones(n, np.float32),
    )
    answer = Site(run_report(curve=extended(Curve(), rows, {0: 1 / 3}))).ask(PATH)

    assert len(answer.content) < 60_000
    assert json.loads(answer.text, parse_constant=pytest.fail)["curve"]["step"][-1] == n - 1


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        (PATH.replace(RUN_ID, "nobody"), 404, "no run nobody here; /api/v1/runs lists them"),
        (f"{PATH}?limit=3", 400, "parameter limit is unknown here; known are none"),
    ],
)
def test_what_it_cannot_answer_is_refused_in_words(path, status, sentence):
    answer = Site(run_report()).ask(path)

    assert (answer.status_code, answer.json()) == (status, {"error": sentence})


def test_the_page_says_where_the_numbers_are():
    """To its script, and to people without one."""
    page = read(Site(run_report()))

    assert f"The numbers behind them are at {PATH}" in page.text
    (section,) = [a for tag, a in page.tags if a.get("id") == "curves"]
    assert (section["data-history"], section["data-run"]) == (PATH, f"/runs/{RUN_ID}")


def test_the_page_says_what_is_shaded():
    """From the first finding to the last, or to the present while it fires."""
    alerts = (
        firing_alert("no_skill"),
        firing_alert("stagnation", state=State.RESOLVED, severity=Severity.CRITICAL),
        firing_alert("divergence", state=State.PENDING, severity=None),
    )
    text = read(Site(run_report(step=61, alerts=alerts))).text

    shaded = "no skill steps 40–61 stagnation steps 40–60"  # noqa: RUF001 - a dash between steps
    assert f"Shaded where an alert was firing: {shaded} Alerts" in text
