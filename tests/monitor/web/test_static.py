"""What pages load is served by us, and what is not ours is as its makers released it."""

import hashlib
import re
from pathlib import Path

import pytest

import flatline_monitor.web
from tests.monitor.reports import RUN_ID, run_report
from tests.monitor.web.asking import Site, read

STATIC = Path(flatline_monitor.web.__file__).parent / "static"
UPLOT = {
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""SHA-256 of the files of uplot 1.6.32 in the npm registry."""
TYPES = {
    ".css": {"text/css; charset=utf-8"},
    ".js": {"text/javascript; charset=utf-8", "application/javascript"},
    ".svg": {"image/svg+xml"},
}


@pytest.mark.parametrize(("name", "digest"), UPLOT.items())
def test_uplot_is_as_it_was_released(name, digest):
    assert (
        hashlib.sha256((STATIC / "vendor/uplot-1.6.32" / name).read_bytes()).hexdigest() == digest
    )


def test_nothing_else_is_vendored():
    files = {path.name for path in (STATIC / "vendor").rglob("*") if path.is_file()}

    assert files == set(UPLOT)


@pytest.mark.parametrize("path", ["/", f"/runs/{RUN_ID}"])
def test_what_a_page_loads_is_there_and_of_its_kind(path):
    """A browser told not to guess runs no script that is served as something else."""
    site = Site(run_report())
    loaded = [
        attributes.get("src") or attributes.get("href") or ""
        for tag, attributes in read(site, path).tags
        if tag in {"script", "link"}
    ]

    assert loaded
    for address in loaded:
        answer = site.ask(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"] in TYPES[Path(address).suffix]


def test_scripts_import_only_scripts_that_are_there():
    """A module that is renamed would be missed only in a browser."""
    for script in STATIC.glob("*.js"):
        for address in re.findall(r'from "(.*?)"', script.read_text()):
            assert (STATIC / address.removeprefix("/static/")).is_file(), (script.name, address)
