"""runmedic 0.1.1, fed with the series that its loaders make of a log of a run that is over.

What it marks as information is left out.
"""

from collections.abc import Iterator

from runmedic.checks import run_checks
from runmedic.model import Run
from runmedic.roles import detect

from tests.gallery.rivals.packages.log import Log

NAMES = {"loss": "train_loss", "learning_rate": "lr", "grad_norm": "grad_norm"}


def findings(log: Log) -> Iterator[tuple[int, str]]:
    """Return what it says, and when: at the end."""
    run = Run(name="run", source="jsonl", path="")
    for step, row in log.logged():
        for name, value in row.items():
            run.get(NAMES[name]).add(step, value)
    for epoch in log.validations:
        run.get("val_loss").add(epoch.step, epoch.val_loss)
    run.finalize()
    for finding in run_checks(run, detect(run)):
        if finding.severity != "info":
            yield log.step[-1], finding.check
