"""The page of a run in a real browser, over the real service: what a person sees and can do."""

import json
import math

import keras
import pytest

import flatline
from flatline.keras import MonitorCallback
from tests.gallery.programs import only_one_class
from tests.system.browser import Visit, chromium
from tests.system.service import Service

CHARTS = ("loss", "accuracy", "learning_rate", "global_grad_norm")
TRAINING = {"light": "31,102,193", "dark": "111,177,255"}
"""The colour --training, in both schemes."""
POLL_MS = 2_000


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def sick(service):
    """The address of a real training that answers with one class only."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    callback = MonitorCallback(service.grpc, name="one class", project="tests")
    only_one_class(0, [callback])
    return f"http://{service.http}/runs/{callback.run_id}"


def started(service, **settings) -> tuple[flatline.Run, str]:
    """A training of one's own, and the address of its page."""
    run = flatline.Run(service.grpc, name="by hand", **settings)
    return run, f"http://{service.http}/runs/{run.run_id}"


def train(run: flatline.Run, begin: int, end: int, loss=lambda step: 2 * math.exp(-step / 100)):
    """Log steps with all that a curve can show; the evaluation at their end sends them."""
    for step in range(begin, end):
        sampled = {"global_grad_norm": 1 + step % 7, "label_count": [4, 4], "correct_count": [3, 1]}
        run.log(step, loss=loss(step), learning_rate=0.1 / (1 + step // 50), sampled=sampled)
    if end > begin:
        run.evaluate(end, loss=0.5, accuracy=0.75)


def has(colours: dict[str, int], rgb: str) -> int:
    """Pixels of this colour, whatever their opacity."""
    return sum(n for colour, n in colours.items() if colour.startswith(f"{rgb},"))


def test_a_sick_run_is_told_and_drawn(browser, service, sick):
    """Verdict, cause, remedy, alert with its evidence, and four curves; no complaint."""
    told = json.loads(service.get(sick.replace(f"http://{service.http}", "/api/v1")))
    sentence, cause = told["verdict"]["sentence"], told["causes"][0]
    with Visit(browser, sick) as visit:
        visit.wait_for("training")
        text = visit.text

        assert f"one class finished sick {sentence[0].upper()}{sentence[1:]}" in text
        assert f"Probably {cause['title']} Strength of the evidence" in text
        assert (
            " ".join(f"What to do {cause['remedy']['text']} {cause['remedy']['code']}".split())
            in text
        )
        assert "class collapse critical firing, since step 79" in text
        assert "share of classes not predicted 0.5 above 0.25" in text
        assert "class collapse steps 79–799" in text  # noqa: RUF001 - a dash between steps
        for chart in CHARTS:
            assert len(visit.drawn(chart)) > 20, chart
        assert not visit.problems


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_and_bands_are_in_the_colours_of_the_scheme(browser, sick, scheme):
    with Visit(browser, sick, color_scheme=scheme) as visit:
        visit.wait_for("training")
        colours = visit.drawn("loss")
        other = TRAINING["dark" if scheme == "light" else "light"]
        red = {"light": (179, 38, 30), "dark": (255, 138, 128)}[scheme]
        band = [n for colour, n in colours.items() if close(colour, red)]

        assert has(colours, TRAINING[scheme]) > 300
        assert not has(colours, other)
        # The alert fires over nine tenths of the run; lines and their range lie over its band.
        assert max(band) > 0.2 * sum(colours.values())


def close(colour: str, rgb: tuple[int, int, int]) -> bool:
    """Say whether a pixel is this colour seen through, with what rounding does to it."""
    *parts, alpha = map(int, colour.split(","))
    return 15 < alpha < 40 and all(abs(a - b) < 12 for a, b in zip(parts, rgb, strict=True))


def test_curves_follow_the_scheme_while_they_are_shown(browser, sick):
    with Visit(browser, sick, color_scheme="light") as visit:
        visit.wait_for("training")
        visit.page.emulate_media(color_scheme="dark")

        assert has(visit.drawn("loss"), TRAINING["dark"]) > 300
        assert not visit.problems


@pytest.mark.parametrize("is_secure", [True, False])
def test_code_is_copied(browser, sick, is_secure):
    """Over plain HTTP from another machine there is no navigator.clipboard."""
    context = {"permissions": ["clipboard-read", "clipboard-write"]}
    hidden = "window.kept = navigator.clipboard;"
    if not is_secure:
        hidden += "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
    visit = Visit(browser, sick, **context)
    visit.page.add_init_script(hidden)
    with visit:
        visit.page.evaluate("kept.writeText('something else')")
        code = visit.page.locator(".cause pre").first.inner_text()
        visit.page.locator(".cause button.copy").first.click()
        visit.page.locator(".cause button.copy", has_text="Copied").wait_for()

        assert visit.page.evaluate("kept.readText()") == code
        assert "fit(" in code
        assert not visit.problems


def test_an_alert_leads_to_its_cause(browser, sick):
    """A cause that is folded is unfolded by a link to it."""
    with Visit(browser, sick) as visit:
        folded = visit.page.locator("details.cause").first
        name = folded.get_attribute("id")
        assert not folded.locator("pre").is_visible()
        visit.page.locator(f"#alerts a[href='#{name}']").first.click()

        folded.locator("pre").wait_for(state="visible")


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
        assert "live" not in visit.text
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


def test_numbers_that_are_not_finite_break_nothing(browser, service):
    """Infinite, nan and absent, at the beginning, in the middle, and throughout."""
    run, address = started(service)
    losses = [math.nan, math.inf, *(0.5 + 0.1 * (n % 4) for n in range(60))]
    losses[30] = -math.inf
    for step, loss in enumerate(losses):
        run.log(step, loss=loss, sampled={"global_grad_norm": math.nan})
    run.evaluate(40, loss=math.nan, accuracy=math.inf)
    run.finish()
    with Visit(browser, address) as visit:
        visit.wait_for("× not finite")  # noqa: RUF001 - the cross that marks them
        text = visit.text

        assert "Learning rate not measured" in text
        assert "Gradient norm per step not finite" in text
        assert "validation not finite" in text
        assert has(visit.drawn("loss"), TRAINING["light"]) > 100
        assert not visit.problems


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_run_that_has_hardly_begun_has_a_page(browser, service, steps):
    run, address = started(service)
    train(run, 0, steps)
    run.finish()
    with Visit(browser, address) as visit:
        visit.wait_for("training" if steps else "not measured")

        assert not visit.problems


def test_without_javascript_everything_but_the_curves_is_there(browser, sick):
    """Code can still be marked, so there is no button that would do nothing."""
    with Visit(browser, sick, java_script_enabled=False) as visit:
        text = visit.text

        assert "one class finished sick" in text
        assert "What to do" in text
        assert "class collapse critical firing" in text
        assert "The curves are drawn by JavaScript, which is off." in text
        assert "Copy" not in text
        assert not visit.page.locator("figure").first.is_visible()


def test_a_phone_shows_the_page_without_scrolling_sideways(browser, sick):
    with Visit(browser, sick, viewport={"width": 400, "height": 800}) as visit:
        visit.wait_for("training")
        width = visit.page.evaluate("document.documentElement.scrollWidth")

        assert width == 400
