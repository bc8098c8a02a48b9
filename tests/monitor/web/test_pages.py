"""The pages show what the reports say, and are safe to open whatever a run calls itself."""

import re
from typing import Any

import pytest

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import RunState
from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.exposition.text import CONTENT_TYPE
from flatline_monitor.web.formats import ABSENT
from tests.monitor.reports import RUN_ID, START, firing_alert, quiet_alert, run_report
from tests.monitor.web.asking import Site, Tags, read


def refreshes(page: Tags) -> bool:
    return ("meta", {"http-equiv": "refresh", "content": "5"}) in page.tags


def test_an_unknown_run_is_told_so_on_a_page() -> None:
    page = read(Site(), "/runs/no-such-run")

    assert "There is no run no-such-run here." in page.text


def test_metrics_are_passed_on_as_they_are() -> None:
    answer = Site(metrics=lambda: b"up 1\n").ask("/metrics")

    assert answer.content == b"up 1\n"
    assert answer.headers["content-type"] == CONTENT_TYPE


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_it_is_ready_when_it_takes_runs_and_alive_always(ready: bool, status: int) -> None:  # noqa: FBT001 - the case
    site = Site(ready=ready)

    assert (site.ask("/readyz").status_code, site.ask("/healthz").status_code) == (status, 200)


def test_a_run_in_full() -> None:
    """Its page says how far it is, what was seen on what evidence, and what it is made of."""
    alert = firing_alert("no_skill", severity=Severity.CRITICAL)
    run = run_report(
        alerts=(quiet_alert("class_collapse"), alert), notes=("Steps 3-5 are missing.",)
    )
    text = read(Site(run)).text

    for shown in (
        "digits running healthy nothing was found so far Steps 3-5 are missing.",
        "Steps taken 62 of 100 Epoch 2 of 2 Loss 0.5 Learning rate 0.001 Gradient norm 3.25",
        "no skill critical firing, since step 40, last seen at step 60",
        "The loss has not improved on always answering the same.",
        f"Statistic Value Fires Unit skill 0.0125 above 0.05 null model loss 2.3 {ABSENT} nat",
        "Variables: model/dense/kernel",
        "Looked and found nothing: class collapse.",
        "Step Epoch Samples accuracy 50 1 1000 0.75",
        "1 in forward order Path Layer Role Shape",
        "model/dense/kernel dense kernel 784 \N{MULTIPLICATION SIGN} 10",
        f"Id {RUN_ID} Project demo User ada Framework keras 3.15.1 Ranks 1 of 1",
        f"Started 2023-11-14 22:15:23 UTC Last report 2023-11-14 22:15:54 UTC Ended {ABSENT}",
        "Time taken by flatline 0.78125 % of the training Sampled steps 4 of 62 Records dropped 0",
        "branch main",
    ):
        assert shown in text


def test_a_run_that_has_said_nothing_yet_has_a_page() -> None:
    """Absent is an en dash."""
    nothing: dict[str, Any] = {"step": None, "epoch": None, "loss": None, "learning_rate": None}
    nothing |= {"global_grad_norm": None, "variables": (), "evaluations": (), "health": None}
    hello: dict[str, Any] = {
        "name": "",
        "project": "",
        "plan_steps": None,
        "plan_epochs": None,
        "tags": {},
    }
    text = read(Site(run_report(alerts=(), hello=hello, **nothing))).text

    for fact in ("Steps taken", "Epoch", "Loss", "Learning rate", "Gradient norm", "Ended"):
        assert f"{fact} {ABSENT} " in text
    assert "Alerts None." in text
    assert "Evaluations None yet." in text
    assert "The run has not named any." in text


@pytest.mark.parametrize(
    ("loss", "shown"), [(float("nan"), "NaN"), (float("-inf"), "-Infinity"), (0.0, "0")]
)
def test_a_loss_that_is_not_finite_is_shown_as_such(loss: float, shown: str) -> None:
    assert f"Loss {shown} " in read(Site(run_report(loss=loss))).text


def test_alerts_stand_in_the_order_of_their_urgency() -> None:
    """Firing before pending before resolved, and critical first."""
    alerts = (
        firing_alert("resolved", state=State.RESOLVED, severity=Severity.CRITICAL),
        firing_alert("pending", state=State.PENDING, severity=None),
        firing_alert("warning"),
        firing_alert("critical", severity=Severity.CRITICAL),
    )
    text = Site(run_report(alerts=alerts)).ask(f"/runs/{RUN_ID}").text

    assert re.findall(r"<h3>(\w+)", text) == ["critical", "warning", "pending", "resolved"]


@pytest.mark.parametrize("state", RunState)
def test_a_page_is_fetched_again_while_the_run_may_go_on(state: RunState) -> None:
    page = read(Site(run_report(state=state)))

    assert refreshes(page) == (state in {RunState.RUNNING, RunState.STALLED})


def test_the_landing_page_lists_the_newest_runs_first() -> None:
    """Each with its verdict and worst alert; below the links to metrics and API."""
    alerts = (
        firing_alert("no_skill"),
        firing_alert("non_finite", severity=Severity.CRITICAL),
        firing_alert("past", state=State.RESOLVED, severity=Severity.CRITICAL),
    )
    verdict = RunVerdict(Level.SICK, "the loss is nan since step 40")
    sick = run_report("sick-0001", started_at=START + 1, alerts=alerts, verdict=verdict)
    well = run_report("well-0002", hello={"name": "", "plan_steps": None}, state=RunState.FINISHED)
    page = read(Site(well, sick), "/")

    sick_row = "digits sick-0001 demo running sick critical non finite 62 / 100 0.5"
    well_row = f"well-0002 demo finished healthy {ABSENT} 62 0.5"
    assert f"{sick_row} 2023-11-14 22:15:24 UTC {well_row} 2023-11-14 22:15:23 UTC" in page.text
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert links == {
        *("/", "/metrics", "/api/v1/runs", "/api/v1/alerts?state=firing"),
        *("/runs/sick-0001", "/runs/well-0002"),
    }
    assert refreshes(page)


def test_the_landing_page_is_bounded() -> None:
    page = read(Site(*(run_report(f"run-{n}") for n in range(203))), "/")

    assert "3 older runs are not shown" in page.text
    assert len([tag for tag, _ in page.tags if tag == "tr"]) == 201


def test_a_monitor_without_runs_says_so() -> None:
    assert "No run has reported yet." in read(Site(), "/").text
