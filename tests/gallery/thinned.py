"""Recorded runs as the logs that other tools would have written of them."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping

import numpy as np

from flatline_monitor.detectors.statistics import ACCURACIES
from tests.gallery.series import Series

MOST_EVERY = 50
"""Steps between the rows of a log that is not by epochs, at most."""
ROWS = 20
"""Rows that a shorter run has at least, if it has as many steps."""


def csv_logger(run: Series) -> str:
    """Return what Keras' CSVLogger writes; empty: nothing to write."""
    rows = list(_epochs(run))
    if not rows:
        return ""
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="NA", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def history(run: Series) -> str:
    """Return the `history` of what fit returns, as JSON; empty: nothing to write."""
    rows = list(_epochs(run))
    columns = dict.fromkeys(name for row in rows for name in row if name != "epoch")
    if not rows:
        return ""
    return json.dumps({name: [row[name] for row in rows if name in row] for name in columns})


def trainer_state(run: Series) -> str:
    """Return a trainer_state.json with a row for every so many steps; empty: nothing to write."""
    every = max(1, min(MOST_EVERY, len(run.step) // ROWS))
    per_epoch = len(run.step) / max(len(run.epochs), 1)
    rows: list[dict[str, float]] = []
    validations = iter(run.evaluations)
    due = next(validations, None)
    for begin in range(0, len(run.step) - every + 1, every):
        part = slice(begin, begin + every)
        now = int(run.step[part][-1]) + 1
        row = {"epoch": now / per_epoch, "step": now}
        row |= {"loss": _mean(run, np.arange(begin, begin + every))}
        row |= _named("learning_rate", run.rate[part])
        row |= _named("grad_norm", _norms(run, part))
        if math.isfinite(row["loss"]) or _lost(run, np.arange(begin, begin + every)):
            rows.append(row)
        while due is not None and due.step <= now:
            told = {f"eval_{name}": value for name, value in due.metrics.items()}
            rows.append({"epoch": due.step / per_epoch, "step": due.step, **told})
            due = next(validations, None)
    return json.dumps({"log_history": rows}) if rows else ""


def _epochs(run: Series) -> Iterator[dict[str, float]]:
    validations = {each.epoch: each for each in run.evaluations}
    for part in run.epochs:
        epoch = int(run.epoch[part[0]])
        loss = _mean(run, part)
        if not math.isfinite(loss) and not _lost(run, part):
            continue
        row = {"epoch": epoch, "loss": loss}
        for name in ACCURACIES:
            if name in run.scalars:
                row |= _named(name, run.scalars[name][part])
        if epoch in validations:
            told: Mapping[str, float] = validations[epoch].metrics
            row |= {f"val_{name}": value for name, value in told.items()}
        yield row


def _mean(run: Series, part: np.ndarray) -> float:
    """Return the mean loss of these steps, nan if one was lost or none is known."""
    losses = run.loss[part].astype(np.float64)
    if _lost(run, part):
        return math.nan
    known = losses[np.isfinite(losses)]
    return float(known.mean()) if known.size else math.nan


def _lost(run: Series, part: np.ndarray) -> bool:
    return bool(np.isin(run.step[part], run.lost).any())


def _norms(run: Series, part: slice) -> np.ndarray:
    norms = run.columns.get("global_grad_norm")
    if norms is None:
        return np.zeros(0)
    first, last = int(run.step[part][0]), int(run.step[part][-1])
    return norms[(run.sampled >= first) & (run.sampled <= last)]


def _named(name: str, values: np.ndarray) -> dict[str, float]:
    """Return the last of the finite values under this name, if there is one."""
    finite = values[np.isfinite(values)]
    return {name: float(finite[-1])} if finite.size else {}
