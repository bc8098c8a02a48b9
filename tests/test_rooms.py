"""The house keeps its shape: imports point inwards, and the core does no input or output."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "monitor" / "flatline_monitor"
CLIENT = ROOT / "client" / "flatline"
CORE = ["runs", "detectors", "diagnosis", "alerts"]
AROUND = ["engine", "backtest", "lint", "ingest", "exposition", "storage", "web", "logs"]
ALSO = {"backtest": {"engine"}, "lint": {"engine"}}
"""What a room around the core may import besides: to judge a run again is to drive the engine."""
JOINING = ["settings", "http_server", "app", "commands", "cli"]
OUTSIDE = {
    *("asyncio", "concurrent", "flatline", "google", "grpc", "http", "multiprocessing", "os"),
    *("pathlib", "prometheus_client", "pydantic", "random", "socket", "sqlite3", "starlette"),
    *("structlog", "subprocess", "tempfile", "tensorflow", "threading", "time", "uvicorn"),
}
LIGHT = {"flatline", "google", "grpc", "keras", "numpy", "tensorflow", "tf_keras"}
"""Third-party packages that the client may import."""


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def allowed(room: str) -> set[str]:
    """The rooms that a room may import, its own included."""
    if room in CORE:
        return set(CORE[: CORE.index(room) + 1])
    if room in AROUND:
        return {room, *CORE, *ALSO.get(room, ())}
    return {*CORE, *AROUND, *JOINING}


FILES = [path for path in sorted(HOUSE.rglob("*.py")) if room_of(path) != "__init__"]
CLIENT_FILES = [path for path in sorted(CLIENT.rglob("*.py")) if path.parent.name != "v1"]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_room_knows_only_what_lies_further_in(path):
    """The core points left, the rooms around it know the core, and `app` alone knows them all."""
    used = {name.split(".")[1] for name in imports(path) if name.startswith("flatline_monitor.")}

    assert used <= allowed(room_of(path))


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) in CORE], ids=named)
def test_the_core_does_no_input_or_output(path):
    """No clock, thread, socket, disk, dice or wire format in the rooms that decide."""
    assert not {name.split(".")[0] for name in imports(path)} & OUTSIDE


@pytest.mark.parametrize("path", CLIENT_FILES, ids=named)
def test_the_client_needs_little(path):
    """The standard library, grpc, protobuf, numpy, and Keras where the user has it."""
    import sys  # noqa: PLC0415 - the list of the running interpreter

    roots = {name.split(".")[0] for name in imports(path)} - {""}

    assert roots - set(sys.stdlib_module_names) <= LIGHT


def test_the_root_holds_what_the_design_names():
    """A newcomer finds the room from the name."""
    rooms = {"proto", "monitor", "client", "deploy", "tests"}
    files = {"pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "LICENSE"}
    made = {"dist"}

    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}

    assert found - made == rooms | files
