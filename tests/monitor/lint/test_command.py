"""`flatline-monitor lint`: what it prints, and what a build makes of it."""

import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from typer.testing import CliRunner

from flatline_monitor.commands.main import command_line
from tests.monitor.lint.made import by_heart, csv_of, fine_tuning


@pytest.fixture
def lint(tmp_path, monkeypatch):
    """Run lint over a sick and a healthy log, and return its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for make in (by_heart, fine_tuning):
        (tmp_path / make.__name__).write_text(csv_of(make(np.random.default_rng(0))))

    def run(*arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(command_line(), ["lint", *arguments])
        return done.exit_code, done.stdout, done.stderr

    return run


def test_people_read_a_verdict_what_was_found_and_what_was_not_looked_at(lint):
    """With the evidence, the likely cause and the remedy."""
    code, out, _ = lint("by_heart", "fine_tuning")

    lines = out.splitlines()
    assert code == 1
    assert lines[0].startswith("by_heart: SUSPICIOUS: the validation loss rises (overfitting since")
    assert lines[1].startswith("  WARNING overfitting since epoch ")
    assert "(ill above 0.2)" in lines[2]
    assert lines[3].startswith("    probably ")
    assert lines[4].startswith("    remedy: ")
    assert "fine_tuning: HEALTHY: the loss went from 2." in out
    assert "read as CSV, 30 rows, 10 steps each (step=step, loss=loss)" in out
    assert "no_skill, loss_accuracy_inconsistency (no accuracy)" in out


def test_the_exit_code_is_what_was_asked_for(lint):
    """0: nothing as grave as that; 1: something; 2: it was asked wrongly."""
    assert lint("fine_tuning")[0] == 0
    assert lint("by_heart", "--fail-on", "critical")[0] == 0
    assert lint("by_heart", "--fail-on", "warning")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonesuch"], "flatline-monitor: nonesuch cannot be read: No such file or directory"),
        (["."], "flatline-monitor: . is a folder without event files of TensorBoard"),
        (["by_heart", "--columns", "los=x"], "it is QUANTITY=NAME, with one of epoch, step, loss"),
        (["by_heart", "--classes", "1"], "--classes 1: a classification has 2 classes or more"),
    ],
)
def test_misuse_gets_a_sentence(lint, arguments, sentence):
    """And exit code 2; the other files are judged all the same."""
    code, _, err = lint(*arguments)

    assert code == 2
    assert sentence in err
    assert "fine_tuning: HEALTHY" in lint("fine_tuning", "nonesuch")[1]


def test_programs_read_json_sarif_and_junit(lint):
    """The same findings, in their words."""
    told = json.loads(lint("by_heart", "--format", "json")[1])
    sarif = json.loads(lint("by_heart", "fine_tuning", "--format", "sarif")[1])
    junit = ET.fromstring(lint("by_heart", "fine_tuning", "--format", "junit")[1])  # noqa: S314 - ours

    assert told[0]["verdict"] == "suspicious"
    assert told[0]["findings"][0]["detector"] == "overfitting"
    [result] = sarif["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("overfitting", "warning")
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"] == "by_heart"
    assert result["ruleId"] in {rule["id"] for rule in sarif["runs"][0]["tool"]["driver"]["rules"]}
    sick, healthy = junit.findall("testsuite")
    assert [case.get("name") for case in sick if case.find("failure") is not None] == [
        "overfitting"
    ]
    assert (sick.get("failures"), healthy.get("failures")) == ("1", "0")
    assert healthy.find("testcase[@name='overfitting']/skipped").get("message") == "no val_loss"
