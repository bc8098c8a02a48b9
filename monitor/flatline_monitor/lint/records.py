"""A log becomes what the engine hears of a run: each row is one step of its own kind."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from flatline_monitor.lint import classes
from flatline_monitor.lint.log import Kind, Log, Quantity, Row
from flatline_monitor.lint.samples import validated
from flatline_monitor.runs.records import (
    NO_SAMPLES,
    Chunk,
    End,
    EndStatus,
    Evaluation,
    Hello,
    LossKind,
    LossSource,
    Record,
    Sampled,
)

EPOCH_STEPS = 100
"""Steps that a row is taken for of which nobody knows how many it was: as many as matter."""
ANSWERS = 1000
"""Answers that an accuracy of a row is taken to be the share of."""
LARGEST = float(np.finfo(np.float32).max)


def hello(log: Log) -> Hello:
    """Return who is calling: the log, with its rows as the plan."""
    rows = len(log.trained)
    return Hello(
        run_id="log",
        name=log.name,
        plan_steps=rows,
        plan_epochs=_epochs(log, rows),
        task=log.task,
        loss_kind=LossKind.CROSS_ENTROPY if log.class_shares else LossKind.UNKNOWN,
        class_count=len(log.class_shares) or None,
        row_steps=log.row_steps or (EPOCH_STEPS if log.kind is Kind.EPOCH else 1),
    )


def records(log: Log) -> Iterator[Record]:
    """Yield the rows and validations in their order, and the end."""
    accuracies, n = classes.answers(log), validated(log)
    begin = done = validations = 0
    for row in log.rows:
        done += row.loss is not None
        metrics = _metrics(row)
        if not metrics:
            continue
        if done > begin:
            yield _chunk(log, accuracies, begin, done)
        begin, validations = done, validations + 1
        if done:
            yield Evaluation(done, _epoch(log, row, validations), n, metrics)
    if done > begin:
        yield _chunk(log, accuracies, begin, done)
    yield End(EndStatus.FINISHED, "", done)


def _epochs(log: Log, rows: int) -> int | None:
    if log.kind is Kind.EPOCH:
        return rows
    epochs = [row.epoch for row in log.trained if row.epoch is not None]
    if len(epochs) < 2:  # noqa: PLR2004 - one says nothing of how many there were
        return None
    count = math.floor(epochs[-1]) - math.floor(epochs[0])
    whole = all(epoch == int(epoch) for epoch in epochs)
    return max(1, min(count + whole, rows))


def _epoch(log: Log, row: Row, validations: int) -> int:
    """Return the epoch of a validation, from 0."""
    if log.kind is Kind.EPOCH:
        return max(0, round(row.at) - 1)
    return validations - 1 if row.epoch is None else max(0, math.ceil(row.epoch) - 1)


def _metrics(row: Row) -> dict[str, float]:
    told = {"loss": row.val_loss, "accuracy": row.val_accuracy}
    return {name: value for name, value in told.items() if value is not None}


def _chunk(log: Log, accuracies: Sequence[float | None], begin: int, end: int) -> Chunk:
    rows, step = log.trained[begin:end], np.arange(begin, end)
    loss = _float32([math.nan if row.loss is None else row.loss for row in rows])
    before = log.trained[begin - 1].learning_rate if begin else None
    rates = []
    for i, row in enumerate(rows):
        if row.learning_rate is not None and row.learning_rate != before:
            rates.append((begin + i, row.learning_rate))
            before = row.learning_rate
    return Chunk(
        step=step,
        columns={
            "loss": loss,
            "loss_source": np.full(len(step), LossSource.AS_LOGGED, np.uint8),
        },
        sampled=_sampled(log, rows, accuracies[begin:end], begin),
        learning_rate_step=np.array([at for at, _ in rates], np.int64),
        learning_rate=_float32([rate for _, rate in rates]),
    )


def _sampled(
    log: Log, rows: Sequence[Row], accuracies: Sequence[float | None], begin: int
) -> Sampled:
    """Return what else is known of these rows: the gradient's norm, and right answers.

    A norm that is not finite beside a loss that is was an overflow, which loss scaling skips.
    """
    norms = [row.gradient_norm for row in rows]
    has_norm = Quantity.GRADIENT_NORM in log.columns
    known = [
        i
        for i, norm in enumerate(norms)
        if (not has_norm or (norm is not None and math.isfinite(norm)))
        and (not log.class_shares or _is_share(accuracies[i]))
    ]
    if not known or not (has_norm or log.class_shares):
        return NO_SAMPLES
    columns = {}
    if has_norm:
        columns["global_grad_norm"] = _float32([norms[i] or 0.0 for i in known])
    if log.class_shares:
        columns |= _answers(
            log, [rows[i].loss or 0.0 for i in known], [accuracies[i] or 0.0 for i in known]
        )
    return Sampled(begin + np.array(known), 0, columns)


def _answers(
    log: Log, losses: Sequence[float], accuracies: Sequence[float]
) -> dict[str, np.ndarray]:
    """Return labels as frequent as they are taken to be, and how many of them were right."""
    labels = np.round(ANSWERS * np.array(log.class_shares))
    right = np.round(np.array(accuracies)[:, None] * labels)
    return {
        "data_loss": _float32(losses),
        "label_count": np.tile(labels, (len(losses), 1)).astype(np.uint32),
        "correct_count": right.astype(np.uint32),
        "sample_count": np.full(len(losses), int(labels.sum()), np.uint32),
    }


def _is_share(accuracy: float | None) -> bool:
    return accuracy is not None and 0 <= accuracy <= 1


def _float32(values: Sequence[float]) -> np.ndarray:
    """Return the values; those that are too large for a float32 are the largest, not infinite."""
    exact = np.array(values, np.float64)
    return np.where(np.isfinite(exact), np.clip(exact, -LARGEST, LARGEST), exact).astype(np.float32)
