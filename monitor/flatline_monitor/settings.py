"""What an operator can set: flags over environment over file over defaults.

The file is TOML; a variable is FLATLINE_MONITOR_ and the name, sections joined by two
underscores: FLATLINE_MONITOR_LIMITS__STREAMS=500. A name that does not exist is refused, because
a setting that does nothing is found out when it is needed.
"""

import difflib
import ipaddress
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from flatline_monitor.ingest.limits import Limits

PREFIX = "FLATLINE_MONITOR_"


Layers: TypeAlias = Mapping[str, Mapping[str, Any]]


class SettingsError(Exception):
    """A setting is wrong; the message names it, and says what would be right."""


def _data_dir() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "flatline"


def default_config() -> Path:
    """Return where the file is looked for when none is named."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return home / "flatline" / "monitor.toml"


class Project(BaseModel):
    """What holds for the runs of one project."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    detectors: dict[str, dict[str, float]] = {}
    """Numbers of detectors in place of those of all runs."""


class Settings(BaseSettings):
    """All settings of the monitor; made by `load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    grpc_address: str = "127.0.0.1:7511"
    """Where trainings send to, host:port; port 0: any that is free."""
    http_address: str = "127.0.0.1:7512"
    """Where pages, API and /metrics are, host:port."""
    data_dir: Path = Field(default_factory=_data_dir)
    """Where the journal is, which must survive a crash."""
    token_file: Path | None = None
    """One token a line; who sends must know one."""
    allow_unauthenticated: bool = False
    """Listen on other than loopback addresses without a token file."""
    public_url: str | None = None
    """Address of the pages as people reach them, for links."""
    limits: Limits = Limits()
    """Bounds of everything that a client can make large."""
    detectors: dict[str, dict[str, float]] = {}
    """Numbers of detectors in place of their own."""
    projects: dict[str, Project] = {}
    """What holds for the runs of a project alone, by its name."""
    alert_linger_seconds: float = Field(300, ge=0)
    """How long alerts of a run that has ended stay at 1. [seconds]"""
    run_retention_seconds: float = Field(900, ge=0)
    """How long a run that has ended is exported. [seconds]"""
    keep_days: float = Field(30, gt=0)
    """How long a run of which nothing more came is kept on disk. [days]"""
    series_cap: int = Field(20_000, gt=0)
    """Series on /metrics, from which on the optional ones are left out. [series]"""
    log_format: Literal["auto", "console", "json"] = "auto"
    """How events are written; auto: for people on a terminal, JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least grave events that are written."""

    @property
    def numbers_of_projects(self) -> dict[str, dict[str, dict[str, float]]]:
        """Numbers of detectors by project."""
        return {name: project.detectors for name, project in self.projects.items()}

    @field_validator("grpc_address", "http_address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        host, separator, port = value.rpartition(":")
        if not (separator and host and port.isascii() and port.isdigit() and int(port) < 2**16):
            msg = "it must be host:port, for example 127.0.0.1:7511"
            raise ValueError(msg)
        return value

    @field_validator("public_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is None or value.startswith(("http://", "https://")):
            return value and value.rstrip("/")
        msg = "it must begin with http:// or https://"
        raise ValueError(msg)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return flags and environment; `load` puts the file below them."""
        return init_settings, env_settings


def load(config: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings in force; a flag that is None was not given.

    Raises SettingsError.
    """
    content = _read(config)
    _check_names("", content, Settings.model_fields)
    _check_environment()

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *args: Any, **kwargs: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            above = super().settings_customise_sources(settings_cls, *args, **kwargs)
            return *above, InitSettingsSource(settings_cls, content)

    given = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        settings = Layered(**given)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error
    _check_exposure(settings)
    return settings


def sources(config: Path | None = None, flags: Mapping[str, Any] | None = None) -> Layers:
    """Return where settings were given, by the name of the source, the strongest first.

    Takes what `load` took. Raises SettingsError where the file cannot be read.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    return {"flag": given, "environment": EnvSettingsSource(Settings)(), "file": _read(config)}


def split_address(address: str) -> tuple[str, int]:
    """Return host, without the brackets of IPv6, and port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _read(config: Path | None) -> dict[str, Any]:
    path = config or default_config()
    if config is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}); --config must name a TOML file"
        raise SettingsError(msg) from error
    except ValueError as error:
        msg = f"{path} is not TOML: {error}"
        raise SettingsError(msg) from error


def _check_names(section: str, content: Mapping[str, Any], known: Iterable[str]) -> None:
    """Look at what a file has; detectors and their fields are looked at by the catalogue."""
    names = sorted(known)
    for name, value in content.items():
        if name not in names:
            where = f"[{section}]" if section else "the file"
            raise SettingsError(_unknown(f"{where} has {name}, which is no setting", name, names))
        if name == "limits" and isinstance(value, Mapping):
            _check_names("limits", value, (field.name for field in fields(Limits)))
        if name == "projects" and isinstance(value, Mapping):
            _check_projects(value)


def _check_projects(projects: Mapping[str, Any]) -> None:
    for name, content in projects.items():
        if isinstance(content, Mapping):
            section = f"projects.{json.dumps(name, ensure_ascii=False)}"
            _check_names(section, content, Project.model_fields)


def _check_environment() -> None:
    names = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    names |= {f"{PREFIX}limits__{field.name}".upper() for field in fields(Limits)}
    open_ended = f"{PREFIX}DETECTORS__"
    for name in os.environ:
        if name.startswith(PREFIX) and name not in names and not name.startswith(open_ended):
            raise SettingsError(_unknown(f"{name} is no setting", name, names))


def _unknown(sentence: str, name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0)
    return f"{sentence}; the nearest is {near[0]}"


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"setting {place} is {first['input']!r}: {message}"


def _check_exposure(settings: Settings) -> None:
    if settings.token_file or settings.allow_unauthenticated:
        return
    for name in ("grpc_address", "http_address"):
        address = getattr(settings, name)
        if not _is_loopback(split_address(address)[0]):
            msg = (
                f"{name} {address} can be reached from other machines; set token_file, so that "
                "only who knows a token may send, or allow_unauthenticated"
            )
            raise SettingsError(msg)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
