"""Nothing that a run or a caller says makes a page unsafe, and nothing can be changed here."""

from typing import Any

import pytest

from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.detectors.contract import Evidence
from flatline_monitor.diagnosis.contract import Cause, Remedy
from flatline_monitor.diagnosis.crash import crash_of
from flatline_monitor.runs.model import Array, Layer, Loss, Model, Optimizer
from flatline_monitor.runs.records import Evaluation, Role, Variable
from flatline_monitor.web.headers import HEADERS
from tests.monitor.reports import RUN_ID, firing_alert, quiet_alert, run_report
from tests.monitor.web.asking import Site, Tags, read

EVERY_PATH = [
    *("/", f"/runs/{RUN_ID}", "/metrics", "/healthz", "/readyz", "/static/flatline.css"),
    *("/api/v1/runs", f"/api/v1/runs/{RUN_ID}", f"/api/v1/runs/{RUN_ID}/history"),
    *("/api/v1/alerts", "/static/run.js", "/static/charts.js", "/static/lines.js"),
]
REFUSED = ["/nothing", "/runs/nothing", "/api/nothing", "/api/v1/runs/nothing/history"]
REFUSED += ["/static/nothing", "/static/../pages.py", "/static/vendor"]


@pytest.mark.parametrize("path", EVERY_PATH)
def test_every_address_answers(path: str) -> None:
    assert Site(run_report()).ask(path).status_code == 200


@pytest.mark.parametrize("path", [*EVERY_PATH, *REFUSED])
def test_every_answer_forbids_framing_and_what_is_not_ours(path: str) -> None:
    """Nothing inline, no eval, nothing from elsewhere; refusals carry the headers too."""
    answer = Site(run_report()).ask(path)

    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", EVERY_PATH)
def test_head_is_answered_like_get(path: str) -> None:
    site = Site(run_report())
    head, get = site.ask(path, "HEAD"), site.ask(path)

    assert (head.status_code, head.headers) == (get.status_code, get.headers)


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(path: str, method: str) -> None:
    assert Site(run_report()).ask(path, method).status_code == 405


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_not_there_is_404(path: str) -> None:
    assert Site(run_report()).ask(path).status_code == 404


def test_a_redirect_is_never_to_the_host_that_was_asked_for() -> None:
    """An address with a slash too many is not there."""
    assert Site(run_report()).ask(f"/runs/{RUN_ID}/").status_code == 404


@pytest.mark.parametrize("path", ["/", "/api/v1/runs"])
def test_a_fault_of_ours_is_500_with_all_headers_and_no_details(path: str) -> None:
    def broken() -> Any:
        message = "secret"
        raise RuntimeError(message)

    answer = Site(reports=broken).ask(path)

    assert answer.status_code == 500
    assert "The monitor could not answer; its log says why." in answer.text
    assert "secret" not in answer.text
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


OURS = ["/static/vendor/uplot-1.6.32/uPlot.iife.min.js", "/static/run.js"]


def scripts(page: Tags) -> list[str | None]:
    """Where the page's scripts come from; None: from the page itself."""
    return [attributes.get("src") for tag, attributes in page.tags if tag == "script"]


EVIL = "<script>alert('1')</script>\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}"


@pytest.mark.parametrize("path", ["/", f"/runs/{RUN_ID}"])
def test_what_a_run_says_is_text_and_never_markup(path: str) -> None:
    """Names, tags, paths, summaries, notes and what is made of them come from strangers."""
    names = (EVIL, "other")
    told = [Cause(name, EVIL, 0.5, (EVIL,), (EVIL,), Remedy(EVIL, EVIL)) for name in names]
    hello = dict.fromkeys(("name", "project", "user", "framework"), EVIL) | {"tags": {EVIL: EVIL}}
    alert = firing_alert(
        EVIL,
        summary=EVIL,
        variables=(EVIL,),
        evidence=(Evidence(EVIL, 1.0, 2.0, EVIL),),
        causes=tuple(told),
    )
    run = run_report(
        hello=hello,
        exception_type=EVIL,
        crash=crash_of(EVIL, EVIL),
        alerts=(alert, quiet_alert(EVIL)),
        variables=(Variable(EVIL, EVIL, Role.OTHER, ()),),
        evaluations=(Evaluation(1, 0, None, {EVIL: 1.0}),),
        notes=(EVIL,),
        verdict=RunVerdict(Level.SICK, EVIL),
        causes=(told[0],),
        model=Model(
            layers=(Layer(EVIL, EVIL, EVIL, initializer=EVIL),),
            optimizer=Optimizer(EVIL, schedule=EVIL),
            loss=Loss(EVIL),
            inputs=(Array(EVIL, (1,), EVIL, 1),),
            metrics=(EVIL,),
        ),
    )
    page = read(Site(run), path)

    assert scripts(page) == (OURS if path != "/" else [])
    assert "img" not in {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name[:2] == "on"]
    assert " ".join(EVIL.split()) in page.text


def test_an_address_that_is_not_there_is_shown_as_text() -> None:
    page = read(Site(), "/runs/%3Cscript%3Ealert(1)%3C%2Fscript%3E")

    assert "script" not in {tag for tag, _ in page.tags}


@pytest.mark.parametrize("path", ["/", f"/runs/{RUN_ID}", "/nothing"])
def test_a_page_needs_nothing_but_our_own_files(path: str) -> None:
    """No inline script or style, nothing from elsewhere: it works behind the policy it sends."""
    page = read(Site(run_report(alerts=(firing_alert("no_skill"),))), path)

    assert scripts(page) == (OURS if path.startswith("/runs/") else [])
    for tag, attributes in page.tags:
        assert tag not in {"style", "img", "iframe", "form"}
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "/")[0] in "/#"
