"""The command line: what it prints, and how it says no."""

import json
import os
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.class_collapse import ClassCollapse

Command = Callable[..., str]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Return a function that runs flatline-monitor away from anybody's settings."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("FLATLINE_")}
    environ |= {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}

    def run(*arguments: str, code: int = 0, **more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "flatline_monitor.cli", *arguments],
            capture_output=True,
            text=True,
            env=environ | more,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr

    return run


def test_it_lists_its_detectors(command: Command) -> None:
    """Each with its severities and what it says, in a line."""
    lines = command("detectors").splitlines()[1:]

    assert [line.split()[0] for line in lines] == [each.name for each in CATALOGUE]
    [line] = [line for line in lines if line.startswith("class_collapse ")]
    assert "  info, warning, critical  The predictions use far fewer classes" in line


def test_it_tells_all_of_a_detector(command: Command) -> None:
    """Its definition in its own words, what it needs, what may cause it, how it is set."""
    told = command("detectors", "class_collapse")

    assert told.startswith("class_collapse (info, warning, critical)\n\nThe predictions use far")
    for part in (
        *("\nStatistic\n", "\nFires when\n", "\nMust not fire\n", "\nSources\n"),
        "\nNeeds\n    label_count, prediction_count\n",
        "\nNot for\n    gan, rl, ssl\n",
        "    an alert fires after 3 findings in a row and is resolved after 5 quiet ones\n",
        "\nLikely causes\n    the classes are imbalanced",
    ):
        assert part in told
    assert "Not for\n" not in command("detectors", "non_finite")
    assert "there are non_finite" in command("detectors", "nonsense", code=2)


def test_a_detector_s_settings_are_those_in_force_and_can_be_copied(
    command: Command, tmp_path: Path
) -> None:
    """What the operator has changed says so; the section is TOML."""
    (tmp_path / "set.toml").write_text("[detectors.class_collapse]\nspread_floor = 0.25\n")
    configured = ("--config", str(tmp_path / "set.toml"))
    _, _, section = command("detectors", "class_collapse", *configured).partition("Settings\n")
    settings = tomllib.loads(textwrap.dedent(section))["detectors"]["class_collapse"]

    assert "spread_floor = 0.25  # configured; by default 0.5" in section
    assert "    window = 200\n" in section
    assert settings == asdict(ClassCollapse(spread_floor=0.25))
    assert "configured" not in command("detectors", "class_collapse")


def test_programs_read_the_detectors_as_json(command: Command) -> None:
    """All of them as a list, or one."""
    everything = json.loads(command("detectors", "--json"))
    one = json.loads(
        command(
            *("detectors", "no_skill", "--json"), FLATLINE_MONITOR_DETECTORS__NO_SKILL__FLOOR="0.5"
        )
    )

    assert [each["name"] for each in everything] == [each.name for each in CATALOGUE]
    for each in everything:
        assert list(each["definition"]) == ["statistic", "fires_when", "must_not_fire", "sources"]
        assert all(each["definition"].values())
        assert each["settings"] == each["defaults"]
    assert (one["settings"]["floor"], one["defaults"]["floor"]) == (0.5, 0.02)
    assert one["causes"][0]["name"]


def test_what_config_prints_can_be_read_back(command: Command, tmp_path: Path) -> None:
    """The settings in force, as a file that gives them again."""
    given = '[projects."my \\"p\\"".detectors.no_skill]\nfloor = 0.25\n'
    (tmp_path / "given.toml").write_text(given)
    config = f"--config={tmp_path / 'given.toml'}"
    first = command("config", config, FLATLINE_MONITOR_DETECTORS__NO_SKILL__FLOOR="0.5")
    (tmp_path / "back.toml").write_text(first)

    assert "[detectors.no_skill]\nfloor = 0.5" in first
    assert given in first
    assert command("config", "--config", str(tmp_path / "back.toml")) == first


def test_it_knows_its_version(command: Command) -> None:
    """The one of the package that is installed."""
    assert command("version").strip().count(".") >= 1


@pytest.mark.parametrize(
    ("arguments", "environ", "sentence"),
    [
        (["serve", "--http-address=0.0.0.0:1"], {}, "can be reached from other machines"),
        (["serve", "--log-format=xml"], {}, "setting log_format is 'xml'"),
        (["serve", "--config=missing.toml"], {}, "missing.toml cannot be read"),
        (["serve", "--token-file=missing"], {}, "token_file missing cannot be read"),
        (["serve", f"--data-dir={__file__}"], {}, "cannot be written to"),
        (["config"], {"FLATLINE_MONITOR_GRPC": "1"}, "FLATLINE_MONITOR_GRPC is no setting"),
        (["serve"], {"FLATLINE_MONITOR_DETECTORS__NO_SKIL__X": "1"}, "[detectors] has no no_skil"),
        (["serve"], {"FLATLINE_MONITOR_DETECTORS__NO_SKILL__X": "1"}, "has no setting x; it has"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    command: Command, arguments: list[str], environ: dict[str, str], sentence: str
) -> None:
    """Exit code 2, no traceback."""
    lines = command(*arguments, code=2, **environ).splitlines()

    assert len(lines) == 1
    assert lines[0].startswith("flatline-monitor: ")
    assert sentence in lines[0]


def test_a_project_s_mistake_is_said_at_the_start(command: Command, tmp_path: Path) -> None:
    """Before a run of it comes."""
    for name, content, sentence in (
        ("serve", "no_skil]\nfloor = 1", ".detectors] has no no_skil; it has non_finite"),
        ("config", "no_skill]\nwindow = 0.5", ".detectors.no_skill] window is 0.5; it must be a"),
    ):
        (tmp_path / "set.toml").write_text(f"[projects.'a b'.detectors.{content}\n")
        told = command(name, f"--config={tmp_path / 'set.toml'}", code=2)
        assert f'[projects."a b"{sentence}' in told


def test_a_missing_library_is_named_with_what_to_install() -> None:
    """The command is there without the extra that it needs."""
    hide = "import sys; sys.modules['typer'] = None; from flatline_monitor.cli import main; "
    done = subprocess.run(
        [sys.executable, "-c", f"{hide} sys.exit(main())"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr == "flatline-monitor: typer is missing: pip install 'flatline[monitor]'\n"
