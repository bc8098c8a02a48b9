"""gradsnitch 0.1.0, fed with each step of a run that is over."""

import math
from collections.abc import Iterator

import pandas as pd
from gradsnitch import lint

from tests.gallery.rivals.packages.log import Log


def findings(log: Log) -> Iterator[tuple[int, str]]:
    """Return what it says, and when: at the end."""
    validated = {epoch.step: epoch.val_loss for epoch in log.validations}
    table = pd.DataFrame(
        {
            "step": log.step,
            "train_loss": log.loss,
            "lr": log.rate,
            "grad_norm": log.grad_norm,
            "update_ratio": log.update_ratio,
            "val_loss": [validated.get(step, math.nan) for step in log.step],
        }
    )
    known = table[~table["train_loss"].isna()].dropna(axis="columns", how="all")
    for finding in lint(known):
        yield log.step[-1], f"{finding.code} {finding.name}"
