"""Signs that lie in what a model is fed with: inputs, labels and targets that are odd."""

from flatline_monitor.diagnosis.case import Case, Sign


def inputs_constant(case: Case) -> str:
    """There is nothing in the inputs."""
    return "all inputs are one and the same number" if case.facts.constant_inputs else ""


def input_outlier(case: Case) -> str:
    """A single batch is far beyond all others."""
    if case.facts.input_outlier is None:
        return ""
    step, usual, here = case.facts.input_outlier
    return f"the batch of step {step} holds a number of size {here:.3g}; {usual:.3g} is usual"


def inputs_changed(case: Case) -> str:
    """The inputs became others, and remained so."""
    if case.facts.input_change is None:
        return ""
    step, before, since = case.facts.input_change
    return f"from step {step} on the inputs are of size {since:.3g}; before it was {before:.3g}"


def labels_outside(case: Case) -> str:
    """The output has no place for some labels."""
    share, classes = case.facts.labels_outside, len(case.facts.labels)
    if share < 0.01 or 0 not in case.facts.labels:  # noqa: PLR2004 - an ignore index leaves no class empty
        return ""
    return f"{share:.0%} of the labels are none of the {classes} classes, 0 to {classes - 1}"


def targets_are_labels(case: Case) -> str:
    """A squared error is told to tell classes apart."""
    if not case.facts.targets_are_labels:
        return ""
    return "all targets are 0 or 1, which are classes, and the loss is a squared error"


SIGNS: tuple[Sign, ...] = (
    inputs_constant,
    input_outlier,
    inputs_changed,
    labels_outside,
    targets_are_labels,
)
