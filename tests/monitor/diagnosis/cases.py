"""Made-up runs as a diagnosis sees them."""

import dataclasses
from typing import Any

from flatline_monitor.detectors.contract import Evidence, Finding, Severity, Side
from flatline_monitor.diagnosis.facts import Facts
from flatline_monitor.runs.records import Task

ORDINARY = Facts(
    step=639,
    task=Task.CLASSIFICATION,
    loss_name="binary_crossentropy",
    plan_steps=640,
    plan_epochs=20,
    batch_size=32,
    samples=1_024,
    loss=0.69,
    first_loss=0.7,
    began_at=0.7,
    null_loss=0.69,
    skill=0.0,
    improving=0.0,
    best_epoch=None,
    last_epoch=None,
    validation_skill=None,
    learning_rate=0.001,
    first_update_ratio=0.004,
    update_ratio=(0.001, 0.002),
    gradient_gap=0.2,
    kernels_without_gradient=0,
    usual_kernel_norm=6.2,
    first_kernel_norm=6.0,
    kernel_norm=6.5,
    regularization=None,
    regularization_share=None,
    inputs=((-3.0, 3.0, 0.0, 1.0),),
    whole_inputs=False,
    labels=(5_000, 5_000),
    predictions=(1_300, 1_300),
    highest_confidence=0.9,
    kernels=((4, 32), (32, 16), (16, 1)),
    depth=3,
    is_stack=True,
    parameters=705,
    rectified_output=False,
    zero_kernels=0,
    untrained=(),
    fixed=0,
    bad_place="",
    bad_step=None,
)
"""A classifier that does not learn, and of which nothing else is odd."""

_UNKNOWN: dict[str, Any] = {
    field.name: None
    for field in dataclasses.fields(Facts)
    if dataclasses.MISSING is field.default is field.default_factory
}
_NOTHING: dict[str, Any] = {
    **dict.fromkeys(("inputs", "labels", "predictions", "kernels", "untrained"), ()),
    **dict.fromkeys(("loss_name", "bad_place"), ""),
    **dict.fromkeys(("parameters", "kernels_without_gradient", "depth", "usual_kernel_norm"), 0),
    **dict.fromkeys(("zero_kernels", "fixed"), 0),
}
BLIND = Facts(
    **_UNKNOWN
    | _NOTHING
    | {"step": 9, "task": Task.UNKNOWN, "whole_inputs": False, "is_stack": False}
    | {"rectified_output": False}
)
"""A run that sent nothing but its loss."""


def facts(**changes: Any) -> Facts:
    """An ordinary run with something else about it."""
    if "kernels" in changes:
        changes = {"depth": len(changes["kernels"])} | changes
    return dataclasses.replace(ORDINARY, **changes)


def finding(
    summary: str = "It is so: 3 of 4.", statistic: str = "s", side: Side = Side.ABOVE
) -> Finding:
    return Finding(Severity.WARNING, summary, (Evidence(statistic, 1.0, 0.5, fires=side),))


def found(*names: str) -> dict[str, Finding]:
    """Findings of these detectors; update_ratio is one of updates that are too small."""
    return {
        name: finding(statistic="largest_update_ratio", side=Side.BELOW)
        if name == "update_ratio"
        else finding()
        for name in names
    }
