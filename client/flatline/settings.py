"""What the user wants: arguments, else FLATLINE_* of the environment, else defaults."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from flatline import checks, names
from flatline.say import plain, say

PREFIX = "FLATLINE_"
SERVICE_PREFIX = "FLATLINE_MONITOR_"
"""Variables of the service; the client leaves them alone."""
PAGES = "FLATLINE_URL"
"""Where the monitor's pages are: for `flatline runs` and its like, no setting of a training."""


@dataclass(frozen=True)
class Settings:
    """All settings of the client, checked."""

    target: str = "127.0.0.1:7511"
    """HOST:PORT of the monitor."""
    name: str = ""
    project: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    run_id: str | None = None
    """None: the run makes one up."""
    overhead: float = 0.01
    """Share of the training's time that measuring may take."""
    allowance_seconds: float = 2.0
    """What measuring may take besides, in the whole run."""
    xla_exact: bool = False
    """Sample no step that is compiled by XLA, where a sampled one may differ in the last bit."""
    task: str = "auto"
    quiet: tuple[str, ...] = ()
    """Detectors whose findings are not printed in the training's log."""
    mode: str = "online"
    rank: int = 0
    world_size: int = 1
    token_file: str | None = None


_CHECKS: dict[str, Callable[[object], Any]] = {
    "target": checks.target,
    "name": checks.label,
    "project": checks.label,
    "tags": checks.tags,
    "run_id": checks.run_id,
    "overhead": checks.overhead,
    "allowance_seconds": checks.seconds,
    "xla_exact": checks.flag,
    "task": checks.task,
    "quiet": checks.quiet,
    "mode": checks.mode,
    "rank": checks.rank,
    "world_size": checks.world_size,
    "token_file": checks.token_file,
}
NAMES = tuple(setting.name for setting in fields(Settings))

_said: set[str] = set()


def resolve(environ: Mapping[str, str] | None = None, **arguments: object) -> Settings:
    """Return the settings; an argument that is None was not given.

    A wrong argument raises ValueError. A wrong or unknown FLATLINE_* variable is ignored, and said
    once in this process: the environment is not always the user's own.
    """
    unknown = sorted(arguments.keys() - set(NAMES))
    if unknown:
        message = f"there is no setting {', '.join(unknown)}; there are {', '.join(NAMES)}"
        raise TypeError(message)
    environ = os.environ if environ is None else environ
    rank, world_size = names.place(environ)
    values: dict[str, Any] = {"rank": rank, "world_size": world_size}
    values |= _from_environment(environ)
    values |= {name: checked(name, value) for name, value in arguments.items() if value is not None}
    values["world_size"] = max(values["world_size"], values["rank"] + 1)
    return Settings(**values)


def checked(name: str, value: object) -> Any:
    """Return the value of a setting; ValueError names it, what was wrong, and what is right."""
    try:
        return _CHECKS[name](value)
    except ValueError as error:
        message = f"{name} {error}"
        raise ValueError(message) from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable.startswith((SERVICE_PREFIX, PAGES)):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in _CHECKS:
            known = ", ".join(PREFIX + known.upper() for known in NAMES)
            _say_once(f"{variable} is no setting and is ignored; there are {known}")
        elif text:
            try:
                values[name] = _CHECKS[name](_parsed(name, text))
            except ValueError as error:
                _say_once(f"{variable} {error}; it is ignored")
    return values


def _parsed(name: str, text: str) -> object:
    """Return the text as the type that the setting's check expects."""
    if name in ("overhead", "allowance_seconds"):
        return _number(text, float)
    if name in ("rank", "world_size"):
        return _number(text, int)
    if name == "quiet":
        return [part.strip() for part in text.split(",") if part.strip()]
    if name == "tags":
        return _pairs(text)
    return text


def _number(text: str, kind: type[int] | type[float]) -> float | str:
    try:
        return kind(text)
    except ValueError:
        return text  # the check says what a right one looks like


def _pairs(text: str) -> dict[str, str]:
    """Read a=b,c=d."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(sign for _, sign, _ in pairs):
        raise checks.wrong(text, "pairs such as team=vision,gpu=a100")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _say_once(sentence: str) -> None:
    if sentence not in _said:
        _said.add(sentence)
        say(plain(sentence, 600), 30)
