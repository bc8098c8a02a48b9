"""`make demo`: real trainings, sick and healthy, against a running monitor.

Starts the service on free ports, trains each program of `tests/gallery/programs.py` through the
real client, prints what the monitor says of it, and at last what Prometheus would read. Fails if
a sick run is not found out, its cause is not among the first three, or a healthy one has a
warning. `make demo-seeds` does so with many seeds and prints a table instead.
"""

import argparse
import logging
import os
import signal
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tests.outcome import FIRST_CAUSES, GRAVE, Outcome, ended, table
from tests.system.service import Service

SHOWN = (
    "flatline_alert_active",
    "flatline_run_state",
    "flatline_run_verdict",
    "flatline_alerts_fired_total",
)
WIDTH = 100
SHARE_RIGHT = 0.95
"""Share of the sick runs of a program that must be found out, over many seeds."""


def main() -> int:
    """Run the demo; return 0 if the monitor was right about every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the service running")
    parser.add_argument("--seeds", type=int, help="train each program this often, print a table")
    parser.add_argument("names", nargs="*", help="programs to train; default: all")
    given = parser.parse_args()
    # Leave the with-block below, and with it the service, also when somebody ends the demo.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with (
        tempfile.TemporaryDirectory(prefix="flatline-demo-") as directory,
        Service(Path(directory)) as service,
    ):
        if given.seeds:
            return many(service, given.seeds, given.names)
        say(f"monitor: gRPC on {service.grpc}, pages and metrics on http://{service.http}")
        outcomes = [told(outcome) for outcome in trained(service, 1, given.names)]
        show_metrics(service.get("/metrics"))
        wrong = [f"{each.program.name}: {each.wrong}" for each in outcomes if each.wrong]
        say(
            "\nthe monitor was wrong about: " + "; ".join(wrong)
            if wrong
            else "\nevery sick run was found out with its cause, no healthy one was warned of"
        )
        if given.keep:
            wait_for_ctrl_c(service)
    return 1 if wrong else 0


def many(service: Service, seeds: int, names: list[str]) -> int:
    """Train every program with many seeds, and print how often the monitor was right."""
    logging.getLogger("flatline").addHandler(logging.StreamHandler(sys.stderr))
    outcomes = []
    for outcome in trained(service, seeds, names):
        outcomes.append(outcome)
        say(f"{outcome.program.name} seed {outcome.seed}: {outcome.wrong or 'right'}")
    lines, worst = table(outcomes)
    say("\n" + "\n".join(lines))
    return 0 if worst >= SHARE_RIGHT else 1


def trained(service: Service, seeds: int, names: list[str]) -> Any:
    """Train the programs, and yield what came of each run."""
    from flatline.keras import MonitorCallback  # noqa: PLC0415 - TensorFlow takes seconds
    from tests.gallery.programs import PROGRAMS, seeded  # noqa: PLC0415 - the same

    if unknown := set(names) - {program.name for program in PROGRAMS}:
        sys.exit(f"no program {', '.join(unknown)}; there are {[p.name for p in PROGRAMS]}")
    for seed in range(seeds):
        for program in PROGRAMS:
            if names and program.name not in names:
                continue
            if seeds == 1:
                say(f"\n{'-' * WIDTH}\n{program.name}: {program.title}")
            callback = MonitorCallback(service.grpc, name=program.name, project="demo")
            began = time.monotonic()
            seeded(program, [callback], seed)
            run = ended(service, callback.run_id or "")
            yield Outcome(program, seed, run, callback.findings, time.monotonic() - began)


def told(outcome: Outcome) -> Outcome:
    """Print what the monitor says of one run."""
    run = outcome.run
    say(f"  {run['state']} after {run['step'] + 1} steps, {outcome.seconds:.1f} s, run {run['id']}")
    told_of = [alert for alert in run["alerts"] if alert["severity"] in GRAVE]
    paragraph("verdict", f"{run['verdict']['level']}: {run['verdict']['sentence']}")
    for alert in told_of:
        resolved = ", resolved" if alert["state"] == "resolved" else ""
        head = (
            f"{alert['detector']} ({alert['severity']}, since step {alert['since_step']}{resolved})"
        )
        paragraph(head, alert["summary"])
        for entry in alert["evidence"]:
            say(f"      {evidence(entry)}")
    causes = run["causes"] or [cause for alert in told_of for cause in alert["causes"]]
    if told_of and causes:
        cause = causes[0]
        paragraph("probably", f"{cause['title']} (strength of the evidence {cause['weight']:.0%})")
        for sentence in cause["for"]:
            say(f"      + {sentence}")
        for sentence in cause["against"]:
            say(f"      - {sentence}")
        for other in causes[1:FIRST_CAUSES]:
            paragraph("or", f"{other['title']} ({other['weight']:.0%})")
        paragraph("remedy", cause["remedy"]["text"])
        for line in cause["remedy"]["code"].splitlines():
            say(f"      {line}")
    return outcome


def evidence(entry: dict[str, Any]) -> str:
    """Return one number with its limit."""
    value = entry["value"]
    number = f"{value:.4g}" if isinstance(value, float | int) else str(value)
    limit = "" if entry["limit"] is None else f" (fires {entry['fires']} {entry['limit']:.4g})"
    return f"{entry['statistic']} = {number}{limit} {entry['unit']}".rstrip()


def paragraph(head: str, text: str) -> None:
    """Print a text that may be long."""
    lines = textwrap.wrap(f"{head}: {text}", WIDTH - 4)
    say("\n".join([f"  {lines[0]}", *(f"    {line}" for line in lines[1:])]))


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
