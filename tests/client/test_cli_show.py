"""`flatline show` tells everything of a run that somebody wants to know who has to mend it."""

import json
import textwrap

import pytest

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import RunState
from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.detectors.contract import Reason
from flatline_monitor.diagnosis.contract import Cause, Remedy
from tests.client.looking import Pages, flatline
from tests.monitor.reports import RUN_ID, firing_alert, quiet_alert, run_report
from tests.monitor.web.asking import Site

CODE = "if rate > 1e-3:\n    optimizer = keras.optimizers.Adam(1e-4)\nmodel.compile(optimizer)"


def cause(name="rate", code=CODE, weight=0.831):
    return Cause(
        name=name,
        title=f"the {name} is too high",
        weight=weight,
        speaks_for=("updates are 30 % of the weights",),
        speaks_against=("the loss falls",),
        remedy=Remedy("Lower it to 0.0001.", code),
    )


def show(capsys, *runs, run=RUN_ID):
    with Pages(*runs) as pages:
        status, said, wrong = flatline(capsys, "show", run, "--monitor", pages.url)
    assert (status, wrong) == (0, "")
    return said


def test_it_tells_verdict_alerts_causes_and_what_could_not_look(capsys):
    """In this order, each number beside its limit."""
    report = run_report(
        state=RunState.FINISHED,
        verdict=RunVerdict(Level.SICK, "it does no better than guessing", closing=True),
        alerts=(firing_alert("no_skill"), quiet_alert("overfitting", abstained=Reason.WARMING_UP)),
        causes=(cause(),),
    )
    said = " ".join(show(capsys, report).split())

    places = [
        said.index(part)
        for part in (
            "run calm-lake-00a1 (digits)",
            "finished, steps 62/100, epoch 2/2, loss 0.5",
            "verdict: sick: it does no better than guessing",
            "WARNING no_skill, firing since step 40, last seen at step 60",
            "The loss has not improved on always answering the same.",
            "evidence value unit limit skill 0.0125 - fires above 0.05",
            "null_model_loss 2.3 nat -",
            "variables: model/dense/kernel",
            "1. the rate is too high (strength of the evidence 83 %)",
            "for: updates are 30 % of the weights",
            "against: the loss falls",
            "to do: Lower it to 0.0001.",
            "could not look: overfitting (warming up)",
        )
    ]
    assert places == sorted(places)


def test_the_code_of_a_remedy_can_be_copied(capsys):
    """It stands by itself, and loses nothing but the margin."""
    said = show(capsys, run_report(causes=(cause(),)))
    block = next(block for block in said.split("\n\n") if "optimizer" in block)

    assert textwrap.dedent(block).rstrip() == CODE


def test_only_the_likeliest_causes_are_told_in_full(capsys):
    """The others are named."""
    causes = [cause(name) for name in ("first", "second", "third", "fourth", "fifth")]
    said = show(capsys, run_report(causes=tuple(causes)))

    assert said.count("to do: ") == 3
    assert "less likely: the fourth is too high (strength of the evidence 83 %); the fifth" in said


def test_foreign_text_does_nothing_to_a_terminal(capsys):
    """Neither names nor summaries nor code that is to be copied."""
    evil = "\x1b]0;x\x07\r\u202e\x9b"
    report = run_report(
        hello={"name": evil, "user": evil},
        verdict=RunVerdict(Level.SICK, evil),
        alerts=(firing_alert("no_skill", summary=evil, variables=(evil,)),),
        causes=(cause(evil, code=f"a{evil}\n\tb"),),
    )
    said = show(capsys, report)

    assert all(c.isprintable() or c == "\n" for c in said)


def test_what_has_found_something_is_not_said_to_be_blind(capsys):
    """Its alert stands above, though it could not look the last time."""
    alerts = (firing_alert("no_skill", abstained=Reason.SUPPRESSED, evidence=()),)

    assert "could not look" not in show(capsys, run_report(alerts=alerts))


def test_a_run_without_anything_can_be_shown(capsys):
    """Before its first step it has no loss, and no alerts."""
    said = show(capsys, run_report(step=None, epoch=None, loss=None, alerts=()))

    assert "running, steps -, loss -" in said
    assert "no alerts" in said


def test_json_is_what_the_api_says(capsys):
    """All of it, unchanged."""
    report = run_report(alerts=(firing_alert("no_skill"),), causes=(cause(),), loss=float("nan"))
    with Pages(report) as pages:
        said = flatline(capsys, "show", RUN_ID, "--monitor", pages.url, "--json")[1]

    assert json.loads(said) == Site(report).ask(f"/api/v1/runs/{RUN_ID}").json()


@pytest.mark.parametrize(
    ("run", "found"),
    [("brave-otter-1a2b", "brave-otter-1a2b"), ("brave-ow", "brave-owl-33ff"), ("br", "br")],
)
def test_the_beginning_of_an_id_is_enough(capsys, run, found):
    """An id that is one as a whole is that run, though others begin with it."""
    runs = [run_report(run_id) for run_id in ("br", "brave-otter-1a2b", "brave-owl-33ff")]

    assert show(capsys, *runs, run=run).startswith(f"run {found} ")


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        ("brave", "several runs begin with brave: brave-otter, brave-owl; give more of the id"),
        ("calm", "no run calm at {url}; `flatline runs` lists them"),
        ("", "'' is no id of a run; `flatline runs` lists them"),
        ("../metrics", "'../metrics' is no id of a run; `flatline runs` lists them"),
    ],
)
def test_a_run_that_cannot_be_told_is_said(capsys, run, sentence):
    """With the candidates, if there are any."""
    with Pages(run_report("brave-otter"), run_report("brave-owl"), run_report("zz")) as pages:
        answer = flatline(capsys, "show", run, "--monitor", pages.url)

    assert answer == (1, "", f"flatline: {sentence.format(url=pages.url)}\n")


def test_many_candidates_are_not_all_named(capsys):
    """Ten of them."""
    with Pages(*(run_report(f"run-{i:03}") for i in range(150))) as pages:
        wrong = flatline(capsys, "show", "run", "--monitor", pages.url)[2]

    assert wrong.count("run-") == 10
    assert "run-009 and others; give more of the id" in wrong


def test_a_resolved_alert_says_what_it_probably_was(capsys):
    """The run's causes explain what is present; an alert that is over has its own."""
    over = firing_alert("no_skill", state=State.RESOLVED, causes=(cause(),))
    said = " ".join(show(capsys, run_report(alerts=(over,))).split())

    assert "WARNING no_skill, resolved (seen from step 40 to 60)" in said
    assert "probably the rate is too high" in said
