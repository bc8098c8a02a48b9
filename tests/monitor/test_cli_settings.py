"""Every setting on the command line: what it is, what it means, and where it comes from."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flatline_monitor.commands.main import command_line

Listed = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Listed:
    """Return a function that gives the settings by their names."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def run(*arguments: str) -> dict[str, dict[str, Any]]:
        done = CliRunner().invoke(command_line(), ["settings", "--json", *arguments])
        assert done.exit_code == 0, done.output
        return {each["name"]: each for each in json.loads(done.stdout)}

    return run


def test_every_setting_says_what_it_means_and_in_what_unit(listed: Listed) -> None:
    """The meaning is a sentence of some words; a number has a unit, and is its default."""
    every = listed()

    assert {"keep_days", "limits.runs", "detectors.no_skill.floor"} <= every.keys()
    for name, each in every.items():
        assert len(each["meaning"].split()) >= 3, name
        assert each["source"] == "default"
        assert each["value"] == each["default"]
        number = isinstance(each["default"], (int, float)) and each["default"] is not False
        assert bool(each["unit"]) == number, name


def test_each_value_has_its_source(
    listed: Listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag over the environment over the file, and for a project what it has of its own."""
    monkeypatch.setenv("FLATLINE_MONITOR_LIMITS__RUNS", "7")
    monkeypatch.setenv("FLATLINE_MONITOR_DETECTORS__NO_SKILL__FLOOR", "0.5")
    (tmp_path / "set.toml").write_text(
        "keep_days = 3\n[limits]\nruns = 5\nranks = 4\n"
        "[projects.'my project'.detectors.no_skill]\nfloor = 0.25\n"
    )
    config = f"--config={tmp_path / 'set.toml'}"
    usual = listed(config, "--data-dir=/there")
    own = listed(config, "--project=my project", "detectors.no_skill")

    def told(found: dict[str, dict[str, Any]], name: str) -> tuple[Any, str]:
        return found[name]["value"], found[name]["source"]

    assert told(usual, "data_dir") == ("/there", "flag")
    assert told(usual, "keep_days") == (3, "file")
    assert told(usual, "limits.runs") == (7, "environment")
    assert told(usual, "limits.ranks") == (4, "file")
    assert told(usual, "detectors.no_skill.floor") == (0.5, "environment")
    assert told(own, "detectors.no_skill.floor") == (0.25, "file of the project")
    assert all(name.startswith("detectors.no_skill.") for name in own)


def test_it_is_a_table_for_people(listed: Listed) -> None:
    """One setting a line, and a sentence where there is none of that name."""
    table = CliRunner().invoke(command_line(), ["settings", "detectors.plateau"]).stdout
    wrong = CliRunner().invoke(command_line(), ["settings", "nonsense"])

    assert table.splitlines()[0].split() == [
        *("SETTING", "VALUE", "DEFAULT", "UNIT", "SOURCE", "MEANING")
    ]
    assert "detectors.plateau.done" in table
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("flatline-monitor: no setting begins with nonsense; ")
