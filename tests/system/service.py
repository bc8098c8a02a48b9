"""The real service, started as an operator starts it, to be stopped and killed at will."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE_SECONDS = 60.0


class Service:
    """`flatline-monitor serve` on free ports of loopback, with a data directory of its own.

    The ports stay the same over `restart`, so that clients find it again. Used as a context
    manager it is started, and killed at the end if it still runs.
    """

    def __init__(self, directory: Path, *flags: str, **environ: str) -> None:
        self.directory = directory
        self.grpc = self.http = "127.0.0.1:0"
        self._flags = flags
        self._environ = {k: v for k, v in os.environ.items() if not k.startswith("FLATLINE_")}
        self._environ |= {"XDG_CONFIG_HOME": str(directory / "config")} | environ
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.kill()

    @property
    def data_dir(self) -> Path:
        """Where it keeps what must survive."""
        return self.directory / "data"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None, "the service is not running"
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it takes runs."""
        before = len(self.events())
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flatline_monitor.cli", "serve", *self._arguments()],
                stdout=log,
                stderr=log,
                env=self._environ,
            )
        self.grpc, self.http = self._addresses(before)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """End it as an operator does; return its exit code."""
        return self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Start it again where it was, after `kill` or `terminate`."""
        self.start()

    def get(self, path: str) -> str:
        """Return what the HTTP port answers; raise urllib's HTTPError if it refuses."""
        with urllib.request.urlopen(f"http://{self.http}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def events(self) -> list[dict[str, Any]]:
        """Return its log so far, without what is no event."""
        path = self.directory / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def log(self) -> str:
        """Return all that it wrote."""
        return (self.directory / "log").read_text()

    def _arguments(self) -> list[str]:
        return [
            f"--grpc-address={self.grpc}",
            f"--http-address={self.http}",
            f"--data-dir={self.data_dir}",
            "--log-format=json",
            *self._flags,
        ]

    def _addresses(self, before: int) -> tuple[str, str]:
        """Wait for the event that says where it serves."""
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for event in self.events()[before:]:
                if event["event"] == "serving":
                    return event["grpc"], event["http"]
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(self.log())

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None, "the service is not running"
        self._process.send_signal(number)
        code = self._process.wait(PATIENCE_SECONDS)
        self._process = None
        return code


def metric(page: str, name: str, **labels: str) -> float | None:
    """Return the first sample of a metric that has the labels; None: there is none."""
    for line in page.splitlines():
        series, _, value = line.rpartition(" ")
        if series.partition("{")[0] == name and all(
            f'{label}="{text}"' in series for label, text in labels.items()
        ):
            return float(value)
    return None
