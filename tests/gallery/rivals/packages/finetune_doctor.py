"""finetune-doctor 0.2.2, fed as its own loader does: a Trainer's log of a run that is over.

Findings that only remark on the set-up are left out, in its favour: no evaluation, few of them,
a run that did not finish. So is what it marks as information.
"""

from collections.abc import Iterator
from typing import Any

from finetune_doctor.diagnosis import diagnose
from finetune_doctor.findings import Severity
from finetune_doctor.history import from_trainer_state

from tests.gallery.rivals.packages.log import Log

REMARKS = frozenset({"no_eval", "incomplete", "rl_run"})


def findings(log: Log) -> Iterator[tuple[int, str]]:
    """Return what it says, and when: at the end."""
    rows: list[dict[str, Any]] = [{"step": step + 1, **row} for step, row in log.logged()]
    for epoch in log.validations:
        scores = {"eval_loss": epoch.val_loss, "eval_accuracy": epoch.val_accuracy}
        rows.append({"step": epoch.step + 1, **scores})
    state = {"log_history": rows, "max_steps": log.planned, "global_step": len(log.step)}
    for finding in diagnose(from_trainer_state(state)).findings:
        if finding.severity >= Severity.WARNING and finding.check not in REMARKS:
            yield log.step[-1], f"{finding.check}: {finding.title}"
