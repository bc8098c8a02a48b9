"""The page of a run while it goes on: what comes by itself, and what it leaves alone."""

import math

import pytest

from tests.system.browser import Visit, chromium
from tests.system.curves import TRAINING, has, started, train
from tests.system.service import Service

POLL_MS = 2_000


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running


def test_a_page_goes_on_with_its_run_until_the_run_ends(browser, service):
    """New steps, a new verdict and the end, without loading the page again; then it is quiet."""
    run, address = started(service, plan_steps=600)
    train(run, 0, 200)
    visit = Visit(browser, address)
    visit.page.clock.install()
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    with visit:
        visit.wait_for("Steps taken 200 of 600")
        visit.wait_for("Curves live")
        visit.page.evaluate("window.sameness = 1")
        before = visit.drawn("loss")

        train(run, 200, 400, loss=lambda _: math.nan)
        reach(visit, "Steps taken 400 of 600")
        reach(visit, "not finite")
        assert "sick The loss is nan" in visit.text
        assert visit.drawn("loss") != before

        run.finish()
        reach(visit, "by hand finished")
        assert "Curves live" not in visit.text
        count = len(asked)
        visit.page.clock.run_for(20 * POLL_MS)
        assert len(asked) == count
        assert visit.page.evaluate("window.sameness") == 1
        assert not visit.problems


def test_what_is_marked_is_left_alone_until_it_is_let_go(browser, service):
    """Also when the run has ended in the meantime: its last word is not lost."""
    run, address = started(service, plan_steps=600)
    train(run, 0, 200)
    visit = Visit(browser, address)
    visit.page.clock.install()
    with visit:
        visit.wait_for("Steps taken 200 of 600")
        visit.wait_for("Curves live")
        visit.page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
        train(run, 200, 400)
        run.finish()
        for _ in range(3):
            visit.page.clock.run_for(POLL_MS)
            visit.page.wait_for_timeout(300)
        assert "by hand running" in visit.text
        visit.page.evaluate("getSelection().removeAllRanges()")
        reach(visit, "by hand finished")
        reach(visit, "Steps taken 400 of 600")


def reach(visit: Visit, words: str) -> None:
    """Let the page's time pass until a person can read the words."""
    for _ in range(50):
        if words in visit.text:
            return
        visit.page.clock.run_for(POLL_MS)
        visit.page.wait_for_timeout(100)
    raise AssertionError(visit.text)


def test_a_part_that_was_zoomed_into_stays(browser, service):
    """New steps do not take it away from whoever looks at it."""
    run, address = started(service)
    train(run, 0, 300)
    visit = Visit(browser, address)
    visit.page.clock.install()
    with visit:
        visit.wait_for("training")
        box = visit.page.locator("#chart-loss .u-over").bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        visit.page.mouse.move(box["x"] + box["width"] * 0.5, y)
        visit.page.mouse.down()
        visit.page.mouse.move(box["x"] + box["width"] * 0.75, y, steps=5)
        visit.page.mouse.up()
        shown = visit.page.locator("#chart-loss .u-over")
        shown.hover(position={"x": 2, "y": 40})
        visit.wait_for("step 15")
        train(run, 300, 400)
        reach(visit, "Steps taken 400")
        shown.hover(position={"x": 3, "y": 40})

        visit.wait_for("step 15")
    run.finish()


def test_a_hidden_page_asks_for_nothing(browser, service):
    """It looks again as soon as somebody looks at it."""
    run, address = started(service)
    train(run, 0, 100)
    visit = Visit(browser, address)
    visit.page.clock.install()
    visit.page.add_init_script(
        "Object.defineProperty(document, 'hidden', {get: () => window.isAway ?? false})"
    )
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    with visit:
        visit.wait_for("Curves live")
        visit.page.evaluate("window.isAway = true")
        visit.page.clock.run_for(POLL_MS)
        count = len(asked)
        visit.page.clock.run_for(20 * POLL_MS)
        assert len(asked) == count
        train(run, 100, 200)
        visit.page.evaluate(
            "window.isAway = false; document.dispatchEvent(new Event('visibilitychange'))"
        )
        reach(visit, "Steps taken 200")
    run.finish()


def test_a_monitor_that_is_gone_is_said_and_come_back_to(browser, tmp_path):
    """Asked less and less often; what was shown stays."""
    with Service(tmp_path) as service:
        run, address = started(service, run_id="lonely-otter-0001")
        train(run, 0, 100)
        visit = Visit(browser, address)
        visit.page.clock.install()
        with visit:
            visit.wait_for("Curves live")
            service.kill()
            reach(visit, "not up to date: the monitor does not answer; trying again")
            assert has(visit.drawn("loss"), TRAINING["light"]) > 100
            service.restart()
            reach(visit, "Curves live")
        run.finish()
