"""The page of a run in a real browser, over the real service: what a person sees and can do."""

import json
import math

import keras
import pytest

from flatline.keras import MonitorCallback
from tests.gallery.programs import only_one_class
from tests.system.browser import Visit, chromium
from tests.system.curves import TRAINING, has, started, train
from tests.system.service import Service

CHARTS = ("loss", "accuracy", "learning_rate", "global_grad_norm")


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

        assert turns(visit, "loss", TRAINING["dark"])
        assert not visit.problems


def turns(visit: Visit, chart: str, rgb: str) -> bool:
    """Say whether a chart is soon drawn in a colour: the page hears of a scheme when it can."""
    for _ in range(50):
        if has(visit.drawn(chart), rgb) > 300:
            return True
        visit.page.wait_for_timeout(100)
    return False


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
