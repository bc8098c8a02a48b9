"""The page of a run says first how it is, then why and what to do, then on what evidence."""

import re
from typing import Any

from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.diagnosis.contract import Cause, Remedy
from tests.monitor.reports import RUN_ID, firing_alert, run_report
from tests.monitor.web.asking import Site, Tags, read

VERDICT = RunVerdict(Level.SICK, "the model does no better than guessing since step 40")


def cause(name: str, weight: float = 0.5, **changes: Any) -> Cause:
    facts: dict[str, Any] = {
        "title": f"the {name} is wrong",
        "speaks_for": (f"{name} is 3.0",),
        "speaks_against": (),
        "remedy": Remedy(f"Change the {name}.", f'{name} = "right"'),
        "explains": frozenset({"no_skill"}),
    }
    return Cause(name, weight=weight, **facts | changes)


def page_of(*causes: Cause, alerts=None) -> Tags:
    alerts = (firing_alert("no_skill", causes=causes),) if alerts is None else alerts
    return read(Site(run_report(verdict=VERDICT, causes=causes, alerts=alerts)))


def has(page: Tags, tag: str, **attributes: str) -> bool:
    return any(t == tag and attributes.items() <= a.items() for t, a in page.tags)


def test_the_verdict_stands_before_everything_else():
    text = page_of(cause("rate")).text

    assert f"digits running sick {VERDICT.sentence} Steps taken" in text


def test_a_cause_in_full():
    """Its weight is the strength of the evidence, and not called a probability."""
    page = page_of(cause("rate", 0.816, speaks_against=("the loss falls",)))

    assert (
        "Why, and what to do Probably the rate is wrong "
        "Strength of the evidence 82 % · It would explain no skill "
        "For it rate is 3.0 Against it the loss falls "
        'What to do Change the rate. rate = "right" Copy' in page.text
    )
    assert has(page, "meter", min="0", max="1", value="0.816")
    assert has(page, "a", href="#no_skill")


def test_what_is_empty_is_left_out():
    """No sentence against it, nothing to type, nothing that it explains."""
    bare = cause("rate", speaks_for=(), remedy=Remedy("Wait."), explains=frozenset())
    page = page_of(bare)

    assert "Strength of the evidence 50 % What to do Wait. Curves" in page.text
    assert not {"pre", "button"} & {tag for tag, _ in page.tags}


def test_code_stands_as_it_was_written():
    """Line by line, with its indents, so that it can be copied without JavaScript too."""
    code = 'if x < 3:\n    model.fit(\n        "a & b",\n    )'
    site = Site(run_report(causes=(cause("rate", remedy=Remedy("Do.", code)),)))
    html = site.ask(f"/runs/{RUN_ID}").text

    shown = re.search(r"<pre><code>(.*?)</code></pre>", html, re.DOTALL)
    assert shown is not None
    escaped = code.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&#34;")
    assert shown.group(1) == escaped


def test_the_likeliest_cause_is_open_and_the_next_two_are_folded():
    """The others would only hide the rest of the page; the API has them all."""
    page = page_of(*(cause(name, 0.9 - i / 10) for i, name in enumerate("abcde")), alerts=())

    assert has(page, "article", id="cause-a")
    assert has(page, "details", id="cause-b")
    assert has(page, "details", id="cause-c")
    assert "the d is wrong" not in page.text


def test_an_alert_names_its_causes_and_tells_only_what_the_page_has_not_told():
    """A cause of several alerts stands on the page once."""
    first, own = cause("rate"), cause("depth", 0.25)
    alerts = (
        firing_alert("no_skill", causes=(first, own)),
        firing_alert("stagnation", causes=(first,)),
    )
    page = read(Site(run_report(causes=(first,), alerts=alerts)))

    assert page.text.count("Change the rate.") == 1
    assert page.text.count("Change the depth.") == 1
    assert [a["href"] for t, a in page.tags if t == "a"].count("#cause-rate") == 2
    assert has(page, "details", id="no_skill-depth")


def test_an_alert_names_three_causes_at_most():
    alert = firing_alert("no_skill", causes=tuple(cause(name) for name in "abcd"))
    text = read(Site(run_report(alerts=(alert,)))).text

    assert "the c is wrong" in text
    assert "the d is wrong" not in text


def test_a_run_without_causes_has_no_empty_section():
    assert "Why, and what to do" not in page_of().text
