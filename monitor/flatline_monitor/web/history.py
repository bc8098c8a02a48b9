"""What the curves of a run are drawn from, as JSON columns."""

from collections.abc import Iterable

import numpy as np

from flatline_monitor.alerts.report import RunReport
from flatline_monitor.runs.records import Evaluation
from flatline_monitor.web.shapes import Json, number, seen

Column = list[float | str | None]


def history_shape(report: RunReport) -> Json:
    """Return the run as columns, one entry for each point of its curve.

    null: nothing was measured in the steps of the point; "NaN": something was, none of it finite.
    """
    curve = report.curve
    return {
        "state": report.state.value,
        "step": report.step,
        "curve": {
            "step": curve["last"].astype(np.int64).tolist(),
            "loss": _column(curve.loss, curve["loss_bad"]),
            "loss_min": _column(curve["loss_min"], curve["loss_bad"]),
            "loss_max": _column(curve["loss_max"], curve["loss_bad"]),
            "loss_bad": curve["loss_bad"].astype(np.int64).tolist(),
            "accuracy": _column(curve.accuracy),
            "learning_rate": _column(curve["learning_rate"]),
            "global_grad_norm": _column(curve.global_grad_norm, curve["norm_bad"]),
        },
        "evaluations": _evaluations(report.evaluations),
        "alerts": [
            {
                "detector": alert.detector,
                "severity": None if alert.severity is None else alert.severity.value,
                "state": alert.state.value,
                "since_step": alert.since_step,
                "last_step": alert.last_step,
            }
            for alert in seen(report)
        ],
    }


def _column(values: np.ndarray, bad: np.ndarray | None = None) -> Column:
    """Return a column in which nan is told apart: there was nothing, or nothing finite."""
    measured = np.zeros(len(values)) if bad is None else bad
    return [
        number(value) if lost or value == value else None  # noqa: PLR0124 - false for nan
        for value, lost in zip(values.tolist(), measured.tolist(), strict=True)
    ]


def _evaluations(evaluations: Iterable[Evaluation]) -> Json:
    passes = tuple(evaluations)
    names = sorted({name for each in passes for name in each.metrics})
    return {
        "step": [each.step for each in passes],
        "metrics": {n: [number(each.metrics.get(n)) for each in passes] for n in names},
    }
