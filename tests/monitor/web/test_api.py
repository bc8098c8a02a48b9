"""The API says what the reports say, in JSON that every parser takes."""

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.detectors.contract import Evidence
from flatline_monitor.runs.model import Array, Feature, Layer, Model
from tests.monitor.reports import RUN_ID, firing_alert, quiet_alert, run_report
from tests.monitor.web.asking import Site


def test_a_run_in_full() -> None:
    alert = firing_alert("no_skill", variables=("model/dense/kernel",))
    quiet = quiet_alert("class_collapse")
    run = Site(run_report(alerts=(quiet, alert))).ask(f"/api/v1/runs/{RUN_ID}")

    assert run.headers["content-type"] == "application/json"
    assert run.json() == {
        "id": RUN_ID,
        "name": "digits",
        "project": "demo",
        "user": "ada",
        "state": "running",
        "plan": {"steps": 100, "epochs": 2},
        "step": 61,
        "epoch": 1,
        "loss": 0.5,
        "verdict": {
            "level": "healthy",
            "sentence": "nothing was found so far",
            "closing": False,
        },
        "causes": [],
        "alerts": [
            {
                "run": RUN_ID,
                "detector": "no_skill",
                "state": "firing",
                "severity": "warning",
                "since_step": 40,
                "last_step": 60,
                "summary": "The loss has not improved on always answering the same.",
                "evidence": [
                    {
                        "statistic": "skill",
                        "value": 0.0125,
                        "limit": 0.05,
                        "unit": "",
                        "fires": "above",
                    },
                    {
                        "statistic": "null_model_loss",
                        "value": 2.3,
                        "limit": None,
                        "unit": "nat",
                        "fires": None,
                    },
                ],
                "variables": ["model/dense/kernel"],
                "causes": [],
            }
        ],
        "crash": None,
        "abstentions": {},
    }


def test_what_a_run_told_of_itself() -> None:
    """By the names of the wire; a number that is none is a string here too."""
    feature = Feature(math.nan, 1.0, 0.5, 0.5, whole=False, distinct=2, nonfinite_share=0.5)
    model = Model(
        layers=(Layer("d", "Dense", "relu", 4),),
        inputs=(Array("x", (1,), "float32", 9, (feature,)),),
    )
    site = Site(run_report(model=model))
    setup = site.ask(f"/api/v1/runs/{RUN_ID}/setup").json()["setup"]

    assert setup["layers"][0]["activation"] == "relu"
    assert setup["inputs"][0]["features"][0]["minimum"] == "NaN"
    assert setup["optimizer"] is None
    assert "Dense" in site.ask(f"/runs/{RUN_ID}").text
    assert Site(run_report()).ask(f"/api/v1/runs/{RUN_ID}/setup").json()["setup"] is None


@pytest.mark.parametrize(
    ("loss", "shown"),
    [(None, None), (0.0, 0.0), (math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")],
)
def test_absent_zero_and_not_finite_are_different_things(
    loss: float | None, shown: float | str | None
) -> None:
    """Absent is null; what JSON has no number for is a string."""
    assert Site(run_report(loss=loss)).ask(f"/api/v1/runs/{RUN_ID}").json()["loss"] == shown


def test_evidence_that_is_not_finite_is_still_json() -> None:
    evidence = (Evidence("loss", math.nan, math.inf),)
    alert = firing_alert("non_finite", evidence=evidence)
    text = Site(run_report(alerts=(alert,))).ask("/api/v1/alerts").text

    (item,) = json.loads(text, parse_constant=pytest.fail)["items"]
    assert item["evidence"][0] == {
        "statistic": "loss",
        "value": "NaN",
        "limit": "Infinity",
        "unit": "",
        "fires": "above",
    }


def pages(site: Site, path: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the items of each page, following `next`."""
    after: str | None = ""
    while after is not None:
        page = site.ask(f"{path}&after={after}").json()
        yield page["items"]
        after = page["next"]


def test_pages_of_runs_hold_each_run_once() -> None:
    """Following `next` gives all runs in the order of their ids."""
    site = Site(*(run_report(f"run-{n}") for n in (3, 1, 5, 2, 4)))
    ids = [[run["id"] for run in items] for items in pages(site, "/api/v1/runs?limit=2")]

    assert ids == [["run-1", "run-2"], ["run-3", "run-4"], ["run-5"]]


def test_a_page_that_ends_with_the_list_is_the_last() -> None:
    site = Site(run_report("run-1"), run_report("run-2"))

    assert site.ask("/api/v1/runs?limit=2").json()["next"] is None


def test_a_page_starts_after_a_run_that_is_gone() -> None:
    """The run at which the page before ended may have been forgotten since."""
    site = Site(run_report("run-1"), run_report("run-3"))

    assert [run["id"] for run in site.ask("/api/v1/runs?after=run-2").json()["items"]] == ["run-3"]


def test_no_run_is_an_empty_list() -> None:
    assert Site().ask("/api/v1/runs").json() == {"items": [], "next": None}


def test_pages_of_alerts_hold_each_alert_once() -> None:
    runs = [
        run_report(run_id, alerts=(firing_alert("no_skill", run_id), firing_alert("slow", run_id)))
        for run_id in ("b", "a")
    ]
    alerts = [
        [a["run"], a["detector"]] for p in pages(Site(*runs), "/api/v1/alerts?limit=3") for a in p
    ]

    assert alerts == [["a", "no_skill"], ["a", "slow"], ["b", "no_skill"], ["b", "slow"]]


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ("", {"pending", "firing", "resolved"}),
        ("?state=firing", {"firing"}),
        ("?state=pending", {"pending"}),
        ("?state=inactive", {"inactive"}),
    ],
)
def test_alerts_are_chosen_by_state(query: str, states: set[str]) -> None:
    """Without a choice, a detector that has seen nothing is not in the list."""
    alerts = tuple(quiet_alert(f"detector_{state}", state=state) for state in State)
    answer = Site(run_report(alerts=alerts)).ask(f"/api/v1/alerts{query}").json()

    assert {alert["state"] for alert in answer["items"]} == states


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("runs?limit=0", "parameter limit is '0'; it can be a whole number from 1 to 1000"),
        ("runs?limit=1001", "parameter limit is '1001'; it can be a whole number from 1 to 1000"),
        ("runs?limit=-1", "parameter limit is '-1'; it can be a whole number from 1 to 1000"),
        ("runs?limit=%C2%B2", "parameter limit is '²'; it can be a whole number from 1 to 1000"),
        ("runs?limit=", "parameter limit is ''; it can be a whole number from 1 to 1000"),
        ("runs?stat=x", "parameter stat is unknown here; known are after, limit"),
        ("runs?limit=1&limit=2", "parameter limit is given more than once; give it once"),
        (
            "alerts?state=ill",
            "parameter state is 'ill'; it can be one of inactive, pending, firing, resolved",
        ),
    ],
)
def test_a_wrong_parameter_is_refused_in_words(path: str, sentence: str) -> None:
    """The answer says what was wrong and what would be right."""
    answer = Site().ask(f"/api/v1/{path}")

    assert (answer.status_code, answer.json()) == (400, {"error": sentence})


def test_a_limit_of_ten_thousand_digits_is_refused() -> None:
    assert Site().ask("/api/v1/runs?limit=" + "9" * 10_000).status_code == 400


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/api/v1/runs/no-such-run", "no run no-such-run here; /api/v1/runs lists them"),
        ("/api/v2/runs", "There is nothing at /api/v2/runs; the page at / says what there is."),
    ],
)
def test_what_is_not_there_is_404_in_words(path: str, sentence: str) -> None:
    answer = Site().ask(path)

    assert (answer.status_code, answer.json()) == (404, {"error": sentence})


def test_the_api_is_read_only() -> None:
    answer = Site().ask("/api/v1/runs", "POST")

    assert answer.status_code == 405
    assert answer.json() == {"error": "POST is not answered here; GET and HEAD are."}
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_a_report_is_json_or_markdown_and_nothing_else():
    """Another form is refused with those that there are, and so is a run that is not here."""
    site = Site(run_report())
    report = f"/api/v1/runs/{RUN_ID}/report"

    assert site.ask(f"{report}?format=json").json() == site.ask(report).json()
    page = site.ask(f"{report}?format=markdown")
    assert page.headers["content-type"] == "text/markdown; charset=utf-8"
    assert page.text.startswith("# digits\n\n**Healthy**: nothing was found so far\n")
    wrong = site.ask(f"{report}?format=pdf")
    assert (wrong.status_code, wrong.json()["error"]) == (
        400,
        "parameter format is 'pdf'; it can be one of json, markdown",
    )
    assert site.ask("/api/v1/runs/other/report?format=markdown").status_code == 404
