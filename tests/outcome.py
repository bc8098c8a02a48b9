"""What the monitor made of a program's run, and whether that was right."""

import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flatline.findings import Found
from tests.system.service import Service

if TYPE_CHECKING:
    from tests.gallery.programs import Program

PATIENCE_SECONDS = 30.0
GRAVE = ("warning", "critical")
FIRST_CAUSES = 3


@dataclass(frozen=True)
class Outcome:
    """One run of a program, as the API tells it and as its client was told of it."""

    program: "Program"
    seed: int
    run: dict[str, Any]
    findings: tuple[Found, ...]
    seconds: float

    @property
    def grave(self) -> dict[str, dict[str, Any]]:
        """The alerts that fired as a warning or worse at any time, by detector."""
        return {a["detector"]: a for a in self.run["alerts"] if a["severity"] in GRAVE}

    @property
    def found(self) -> bool:
        """Whether every detector fired that must, or none where none may."""
        finds = self.program.finds
        return finds <= self.grave.keys() if finds else not self.grave

    @property
    def explained(self) -> bool:
        """Whether the causes are among the first three of those detectors' alerts."""
        first = {
            cause["name"]
            for name in self.program.finds & self.grave.keys()
            for cause in self.grave[name]["causes"][:FIRST_CAUSES]
        }
        return self.program.causes <= first

    @property
    def concluded(self) -> bool:
        """Whether the closing verdict says what it must."""
        verdict = self.run["verdict"]
        return self.program.verdict in f"{verdict['level']}: {verdict['sentence']}"

    @property
    def wrong(self) -> str:
        """What the monitor got wrong; empty: nothing."""
        if not self.found:
            missing = sorted(self.program.finds - self.grave.keys())
            return f"fired {sorted(self.grave)}" + (f", not {missing}" if missing else "")
        if not self.explained:
            return f"{sorted(self.program.causes)} are not among the first causes"
        if not self.concluded:
            return f"the verdict is {self.run['verdict']}"
        return ""

    @property
    def delay(self) -> float | None:
        """Share of the plan after which the first of the right warnings was said; None: never."""
        steps = [
            found.step
            for found in self.findings
            if found.detector in self.program.finds and found.severity in GRAVE
        ]
        plan = self.run["plan"]["steps"] or self.run["step"] + 1
        return min(steps) / plan if steps else None


def ended(service: Service, run_id: str) -> dict[str, Any]:
    """Return the run as the API tells it, once it is over."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        run: dict[str, Any] = json.loads(service.get(f"/api/v1/runs/{run_id}"))
        if run["state"] != "running" or time.monotonic() > deadline:
            return run
        time.sleep(0.05)


def table(outcomes: Iterable[Outcome]) -> tuple[Sequence[str], float]:
    """Return a line for each program, and the share of right runs of the worst of them."""
    by_program: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_program[outcome.program.name].append(outcome)
    lines = ["program                 right finding  right cause  right verdict  median delay"]
    worst = 1.0
    for name, runs in by_program.items():
        n, sick = len(runs), bool(runs[0].program.finds)
        counts = [
            f"{sum(getattr(run, what) for run in runs)}/{n}"
            for what in ("found", "explained", "concluded")
        ]
        delays = [run.delay for run in runs if run.delay is not None]
        delay = f"{statistics.median(delays):.0%} of plan" if delays else "silent"
        columns = (counts[0], counts[1] if sick else "-", counts[2], delay)
        lines.append(f"{name:<22}" + "".join(f"{column:>14}" for column in columns))
        right = sum(not run.wrong for run in runs) / n
        worst = min(worst, right if sick or right == 1 else 0.0)
    return lines, worst
