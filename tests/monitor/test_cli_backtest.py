"""Recorded runs on the command line: judged again, explained, kept."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flatline import wire
from flatline.identity import described, identity
from flatline.settings import resolve
from flatline_monitor.backtest.judging import judged
from flatline_monitor.commands.main import command_line
from flatline_monitor.detectors.catalogue import Catalogues
from flatline_monitor.ingest.decode import decode
from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import StreamKey
from flatline_monitor.storage.recording import load, save
from flatline_monitor.storage.store import SqliteStore
from tests.gallery.replay import RECORDED

SICK = RECORDED / "momentum_that_runs_away.xz"
SORTED = RECORDED / "sorted_and_unscaled.xz"
RUNS = tuple(load(path)[0][0].stream.run_id for path in (SICK, SORTED))

Command = Callable[..., str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    """The flag that names the data directory of a monitor that had two runs and holds it still."""
    directory = tmp_path_factory.mktemp("data")
    store = SqliteStore(directory)
    for path in (SICK, SORTED):
        (entries,) = load(path)
        store.commit(entries, [], [judged(entries, decode, Catalogues())])
    yield f"--data-dir={directory}"
    store.close()


@pytest.fixture
def command() -> Command:
    """Return a function that runs flatline-monitor, and says what it wrote."""

    def run(*arguments: str | Path, code: int = 0) -> str:
        done = CliRunner().invoke(command_line(), list(map(str, arguments)))
        assert done.exit_code == code, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.stdout if code == 0 else done.stderr

    return run


def test_a_run_is_shown_before_and_after(command: Command) -> None:
    """Each alert that fired, what it becomes, the verdict and the first cause."""
    told = command("replay", SICK, "--set", "detectors.divergence.factor=50")

    assert told.splitlines()[0] == (
        f"run {RUNS[0]} (momentum_that_runs_away): finished, 200 of 200 steps, task classification"
    )
    rows = {line.split()[0]: line for line in told.splitlines() if "  " in line}
    assert rows["divergence"].split("  ")[-1].strip() == "inactive"
    assert rows["update_ratio"].endswith("the same")
    assert "verdict before: sick: " in told
    assert "first cause: the learning rate is too high, before and after" in told


def test_what_changes_nothing_is_said(command: Command) -> None:
    """And then the run is shown as it is."""
    told = command("replay", SICK, "--set", "detectors.slow_steps.grave=31")

    assert "nothing changes with detectors.slow_steps.grave=31" in told
    assert "BEFORE" not in told
    assert "\nsick: the loss does not decrease" in told


def test_a_limit_is_tried_on_all_runs_of_a_monitor(command: Command, service: str) -> None:
    """A line for each as soon as it is judged, and how many change, while the monitor runs."""
    *lines, _, changed, levels, moved = command(
        "replay", "--all", service, "--set", "detectors.not_shuffled.limit=2"
    ).splitlines()

    assert [line.partition(":")[0] for line in lines] == sorted(RUNS, reverse=True)
    assert any(line.endswith("nothing changes") for line in lines)
    assert any("not_shuffled firing warning since 35 -> inactive" in line for line in lines)
    assert (changed, levels) == ("1 of 2 runs change", "sick: 2 -> 2")
    assert moved == "not_shuffled: another alert in 1 run"


def test_programs_read_it_as_json(command: Command, service: str) -> None:
    """The same as in words, of one run or of several."""
    change = ("--set", "detectors.divergence.factor=50", "--json")
    one, _ = json.loads(command("replay", *RUNS, service, *change))["runs"]

    assert (one["run"], one["changed"]) == (RUNS[0], True)
    assert {"detector", "before", "after"} == one["alerts"][0].keys()
    assert one["before"]["verdict"]["level"] == "sick"


def test_a_run_is_kept_in_a_file(command: Command, service: str, tmp_path: Path) -> None:
    """Which holds what was recorded, and is not written twice."""
    kept = tmp_path / "kept.xz"
    command("export", RUNS[0][:6], kept, service)

    assert load(kept) == load(SICK)
    assert "is there already" in command("export", RUNS[0][:6], kept, service, code=2)


def test_each_detector_says_in_a_line_why_it_is_silent(command: Command) -> None:
    """What it said how often, and which comparison held it back."""
    lines = command("explain", SORTED).splitlines()
    rows = {line.split()[0]: line for line in lines[2:]}

    assert "inactive" in rows["vanishing_gradient"]
    assert ": as far as len(kernels) 2 beside min_depth 3 (" in rows["vanishing_gradient"]
    assert ": held back by growth 3." in rows["weight_growth"]
    assert " beside factor 10 (" in rows["weight_growth"]
    assert "signal_not_sent" in rows["clip_saturation"]


def test_a_detector_is_shown_point_by_point(command: Command) -> None:
    """Thinned to a page, or all; each comparison with its value, and what held it back."""
    table = command("explain", SORTED, "divergence").splitlines()
    whole = command("explain", SORTED, "divergence", "--all").splitlines()
    (told,) = json.loads(command("explain", SORTED, "divergence", "--json"))
    (detector,) = told["detectors"]

    assert len(table) < 50 < len(whole)
    assert len(detector["points"]) == detector["judged_points"]
    assert "now | factor+material" in table[3]
    assert any(line.rstrip().endswith("!") for line in table)
    gates = [gate for point in detector["points"] for gate in point["gates"]]
    assert {gate["statistic"] for gate in gates} == {"now"}
    assert all(point["gates_visible"] for point in detector["points"])


def test_what_a_program_asked_for_itself_is_shown(command: Command, tmp_path: Path) -> None:
    """Its task, and the detectors that its own log is not told of: both are in its hello."""
    asked = resolve({}, task="regression", quiet=["plateau", "overfitting"], project="x")
    opening = wire.hello(identity(asked, "calm-otter"), described(asked, None))
    save(tmp_path / "run.xz", [[Entry(StreamKey("calm-otter", 0, 0), 0, 1.0, opening)]])
    told = "task regression, quiet in its log: plateau, overfitting"

    for name in ("explain", "replay"):
        first = command(name, tmp_path / "run.xz").splitlines()[0]
        assert first == f"run calm-otter (project x): running, 0 steps, {told}"
    (shape,) = json.loads(command("explain", tmp_path / "run.xz", "--json"))
    assert (shape["task"], shape["quiet"]) == ("regression", ["plateau", "overfitting"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["replay"], "name one or more of RUN and FILE, or --project NAME, or --all"),
        (["replay", "--all"], "there is no journal in "),
        (["replay", "nobody"], "there is no journal in "),
        (["replay", __file__], "is no recording of runs; `flatline-monitor export RUN FILE`"),
        (["replay", SICK, "--set", "x=1"], "--set x=1: it must be detectors.NAME.SETTING=NUMBER"),
        (["replay", SICK, "--set", "detectors.plateau.done=low"], "low is no number"),
        (["replay", SICK, "--set", "detectors.plato.done=1"], "[detectors] has no plato; it has"),
        (["replay", SICK, "--set", "detectors.plateau.don=1"], "has no setting don; it has begun"),
        (["replay", SICK, "--set", "detectors.plateau.window=1.5"], "window is 1.5; it must be a"),
        (["explain", SICK, "nonsense"], "there is no detector 'nonsense'; there are non_finite"),
        (["export", SICK, "/nowhere/file"], "/nowhere/file cannot be written (No such file"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    command: Command, arguments: list[str], sentence: str
) -> None:
    """Exit code 2, and what would be right."""
    (line,) = command(*arguments, code=2).splitlines()

    assert line.startswith("flatline-monitor: ")
    assert sentence in line


def test_a_project_without_runs_is_said(command: Command, service: str) -> None:
    """By its name."""
    assert "there is no run of project nobody" in command(
        "replay", "--project", "nobody", service, code=2
    )
