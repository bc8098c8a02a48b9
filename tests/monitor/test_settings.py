"""Flags over environment over file over defaults, and nothing that is not known."""

from dataclasses import fields
from pathlib import Path

import pytest

from flatline_monitor.ingest.limits import Limits
from flatline_monitor.settings import Settings, SettingsError, load


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Keep the settings of whoever runs the tests out of them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def config(home: Path) -> Path:
    path = home / "config" / "flatline" / "monitor.toml"
    path.parent.mkdir(parents=True)
    return path


def test_without_anything_the_defaults_hold(home: Path) -> None:
    """Loopback, and the directories of the XDG specification."""
    settings = load()

    assert (settings.grpc_address, settings.http_address) == ("127.0.0.1:7511", "127.0.0.1:7512")
    assert settings.data_dir == home / "state" / "flatline"
    assert settings.limits == Limits()
    assert settings.detectors == {}


def test_each_source_overrides_the_one_below(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A section is merged setting by setting."""
    config.write_text(
        'log_level = "debug"\nseries_cap = 1\nkeep_days = 1\n'
        "[limits]\nstreams = 1\nruns = 1\n[detectors.no_skill]\nfloor = 0.5\n"
    )
    monkeypatch.setenv("FLATLINE_MONITOR_SERIES_CAP", "2")
    monkeypatch.setenv("FLATLINE_MONITOR_KEEP_DAYS", "2")
    monkeypatch.setenv("FLATLINE_MONITOR_LIMITS__RUNS", "2")

    settings = load(flags={"keep_days": 3, "log_format": None})

    assert (settings.log_level, settings.series_cap, settings.keep_days) == ("debug", 2, 3)
    assert (settings.limits.streams, settings.limits.runs, settings.limits.ranks) == (1, 2, 1024)
    assert settings.detectors == {"no_skill": {"floor": 0.5}}
    assert settings.log_format == "auto"


def test_a_detector_can_be_set_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that the catalogue knows are checked by the catalogue."""
    monkeypatch.setenv("FLATLINE_MONITOR_DETECTORS__NO_SKILL__FLOOR", "0.25")

    assert load().detectors == {"no_skill": {"floor": 0.25}}


def test_a_file_that_is_named_is_read_instead(config: Path, tmp_path: Path) -> None:
    """And must be there."""
    config.write_text("series_cap = 1\n")
    named = tmp_path / "named.toml"
    named.write_text("keep_days = 5\n")

    settings = load(named)

    assert (settings.keep_days, settings.series_cap) == (5, 20_000)
    with pytest.raises(SettingsError, match=r"missing\.toml cannot be read .* must name a TOML"):
        load(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "grpc_adress = 'x'",
            "the file has grpc_adress, which is no setting; the nearest is grpc_a",
        ),
        (
            "[limits]\nstream = 1",
            "[limits] has stream, which is no setting; the nearest is streams",
        ),
        ("[limit]\nstreams = 1", "the file has limit, which is no setting; the nearest is limits"),
        ("series_cap = many", "is not TOML"),
        ("series_cap = 'many'", "setting series_cap is 'many': Input should be a valid integer"),
        ("[limits]\nstreams = 'x'", "setting limits.streams is 'x'"),
        ("limits = 3", "setting limits is 3"),
        ("keep_days = 0", "setting keep_days is 0: Input should be greater than 0"),
        ("log_format = 'xml'", "setting log_format is 'xml'"),
        ("grpc_address = '7511'", "it must be host:port"),
        ("http_address = '127.0.0.1:99999'", "it must be host:port"),
        ("public_url = 'monitor'", "it must begin with http"),
        ("[detectors.no_skill]\nfloor = 'low'", "setting detectors.no_skill.floor is 'low'"),
        (
            "[projects.'my project']\nkeep_days = 3",
            '[projects."my project"] has keep_days, which is no setting; the nearest is detectors',
        ),
        ("[projects.x.detectors.plateau]\ndone = 'x'", "setting projects.x.detectors.plateau.done"),
        ("[projects]\nx = 3", "setting projects.x is 3"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(config: Path, content: str, sentence: str) -> None:
    """With what would be right."""
    config.write_text(content)

    with pytest.raises(SettingsError) as error:
        load()
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("FLATLINE_MONITOR_GRPC_ADRESS", "FLATLINE_MONITOR_GRPC_ADDRESS"),
        ("FLATLINE_MONITOR_LIMITS__STREAM", "FLATLINE_MONITOR_LIMITS__STREAMS"),
        ("FLATLINE_MONITOR_LIMITS_STREAMS", "FLATLINE_MONITOR_LIMITS__STREAMS"),
    ],
)
def test_a_misspelt_variable_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    """Pydantic would pass over it in silence."""
    monkeypatch.setenv(name, "1")

    with pytest.raises(SettingsError, match=f"{name} is no setting; the nearest is {nearest}"):
        load()


def test_every_setting_can_be_given_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is accepted; its value may still be wrong."""
    names = [*Settings.model_fields, *(f"limits__{field.name}" for field in fields(Limits))]
    for name in names:
        monkeypatch.setenv(f"FLATLINE_MONITOR_{name.upper()}", "[]")

    with pytest.raises(SettingsError, match=r"^setting "):
        load()


@pytest.mark.parametrize("name", ["grpc_address", "http_address"])
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "10.1.2.3", "monitor.example"])  # noqa: S104 - the case in point
def test_other_machines_are_let_in_on_purpose_only(name: str, host: str) -> None:
    """Either with tokens or by saying that none are wanted."""
    flags = {name: f"{host}:7511"}

    with pytest.raises(SettingsError, match=rf"{name} .* can be reached from other machines"):
        load(flags=flags)
    assert getattr(load(flags=flags | {"allow_unauthenticated": True}), name) == f"{host}:7511"
    assert load(flags=flags | {"token_file": Path("tokens")}).token_file == Path("tokens")


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.8.8.8:1", "[::1]:2", "localhost:3"])
def test_loopback_needs_no_token(address: str) -> None:
    """A person at their own machine just starts it."""
    assert load(flags={"grpc_address": address}).grpc_address == address


def test_a_limit_of_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A monitor that takes no runs would refuse every training."""
    monkeypatch.setenv("FLATLINE_MONITOR_LIMITS__RUNS", "0")

    with pytest.raises(SettingsError, match=r"limits.runs is 0; it must be 1 or more"):
        load()
