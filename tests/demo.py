"""`make demo`: real trainings, sick and healthy, against a running monitor.

Starts the service on free ports, trains each program through the real client, prints what the
monitor says of it, and at last what Prometheus would read. Fails if a sick run is not found out
or a healthy one has a warning.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tests.system.service import Service

PATIENCE_SECONDS = 30.0
GRAVE = {"warning", "critical"}
SHOWN = ("flatline_alert_active", "flatline_run_state", "flatline_alerts_fired_total")


def main() -> int:
    """Run the demo; return 0 if the monitor was right about every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the service running")
    keep = parser.parse_args().keep
    # Leave the with-block below, and with it the service, also when somebody ends the demo.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with (
        tempfile.TemporaryDirectory(prefix="flatline-demo-") as directory,
        Service(Path(directory)) as service,
    ):
        say(f"monitor: gRPC on {service.grpc}, pages and metrics on http://{service.http}")
        wrong = [name for name in trained(service) if name]
        show_metrics(service.get("/metrics"))
        say(
            "the monitor was wrong about: " + "; ".join(wrong)
            if wrong
            else "every sick run was found out, and no healthy one was paged for"
        )
        if keep:
            wait_for_ctrl_c(service)
    return 1 if wrong else 0


def trained(service: Service) -> list[str]:
    """Train every program; return what the monitor got wrong about each, or an empty string."""
    from flatline.keras import MonitorCallback  # noqa: PLC0415 - TensorFlow takes seconds
    from tests.gallery.programs import PROGRAMS, seeded  # noqa: PLC0415 - the same

    verdicts = []
    for program in PROGRAMS:
        say(f"\n{program.name}: {program.title}")
        callback = MonitorCallback(service.grpc, name=program.name, project="demo")
        began = time.monotonic()
        seeded(program, [callback])
        seconds = time.monotonic() - began
        run = ended(service, callback.run_id or "")
        show(run, seconds)
        verdicts.append(judged(program.name, program.expected, run))
    return verdicts


def ended(service: Service, run_id: str) -> dict[str, Any]:
    """Return the run as the API tells it, once it is over."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        run: dict[str, Any] = json.loads(service.get(f"/api/v1/runs/{run_id}"))
        if run["state"] != "running" or time.monotonic() > deadline:
            return run
        time.sleep(0.05)


def judged(name: str, expected: frozenset[str], run: dict[str, Any]) -> str:
    """Return what is wrong with the monitor's view of a run; empty: nothing."""
    grave = {
        alert["detector"]
        for alert in run["alerts"]
        if alert["state"] == "firing" and alert["severity"] in GRAVE
    }
    if expected - grave:
        return f"{name}: {', '.join(sorted(expected - grave))} did not fire"
    if not expected and grave:
        return f"{name}: {', '.join(sorted(grave))} fired on a healthy run"
    return ""


def show(run: dict[str, Any], seconds: float) -> None:
    """Print one run's alerts as a table."""
    say(f"  {run['state']} after {run['step'] + 1} steps, {seconds:.1f} s, run {run['id']}")
    firing = [alert for alert in run["alerts"] if alert["state"] == "firing"]
    if not firing:
        say("  no alerts")
        return
    say(f"  {'detector':<20} {'severity':<9} {'since step':>10}  evidence")
    for alert in firing:
        head = f"  {alert['detector']:<20} {alert['severity']:<9} {alert['since_step']:>10}  "
        lines = textwrap.wrap(alert["summary"], 78) + [evidence(e) for e in alert["evidence"]]
        say(head + lines[0])
        for line in lines[1:]:
            say(" " * len(head) + line)


def evidence(entry: dict[str, Any]) -> str:
    """Return one number with its limit."""
    value = entry["value"]
    number = f"{value:.4g}" if isinstance(value, float | int) else str(value)
    limit = "" if entry["limit"] is None else f" (fires {entry['fires']} {entry['limit']:.4g})"
    return f"{entry['statistic']} = {number}{limit} {entry['unit']}".rstrip()


def show_metrics(page: str) -> None:
    """Print what Prometheus would read about alerts and states, without the zeros."""
    say("\nfrom /metrics, without the series that are 0:")
    for line in page.splitlines():
        if line.startswith(SHOWN) and not line.endswith(" 0"):
            say(f"  {line}")


def wait_for_ctrl_c(service: Service) -> None:
    """Leave the service up until somebody has seen enough."""
    say(f"\nthe service stays up: http://{service.http}/ and /metrics; gRPC on {service.grpc}")
    say("Ctrl-C ends it")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say("")


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)  # noqa: T201 - this is what the demo is for


if __name__ == "__main__":
    sys.exit(main())
