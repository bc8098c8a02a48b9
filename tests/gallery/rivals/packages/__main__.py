"""Run by the packages' own interpreter: reads logs, one a line, and writes what each package says.

The first line that it writes names the packages that cannot be asked, and why; then there is one
for each log: {package: [[step, symptom], ...]}.
"""

import importlib
import json
import sys
import warnings
from multiprocessing import Pool
from types import ModuleType

from tests.gallery.rivals.packages.log import unpacked

PACKAGES = ("finetune_doctor", "sk_autod", "runmedic", "gradsnitch", "trainpulse")


def main() -> None:
    """Answer."""
    absent = {name: reason for name in PACKAGES if (reason := _why_absent(name))}
    sys.stdout.write(json.dumps(absent) + "\n")
    with Pool(2) as pool:
        for said in pool.imap(_said, sys.stdin, chunksize=4):
            sys.stdout.write(json.dumps(said) + "\n")


def _why_absent(name: str) -> str:
    try:
        _adapter(name)
    except ImportError as error:
        return str(error)
    return ""


def _adapter(name: str) -> ModuleType:
    return importlib.import_module(f"tests.gallery.rivals.packages.{name}")


def _said(line: str) -> dict[str, list[tuple[int, str]]]:
    warnings.simplefilter("ignore")
    log, said = unpacked(line), {}
    for name in PACKAGES:
        if not _why_absent(name):
            said[name] = _findings(name, log)
    return said


def _findings(name: str, log: object) -> list[tuple[int, str]]:
    """Return a package's findings; one that it fails with is none of its user's."""
    try:
        found: list[tuple[int, str]] = list(_adapter(name).findings(log))
    except Exception as error:  # noqa: BLE001 - a fault of the package is part of what is measured
        sys.stderr.write(f"{name} failed: {type(error).__name__}: {error}\n")
        return []
    return found


if __name__ == "__main__":
    main()
