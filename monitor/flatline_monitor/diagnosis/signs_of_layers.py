"""Signs that lie in single layers: cut off, frozen, dead or bounded at the very end, normalised."""

from flatline_monitor.diagnosis.case import Case, Sign
from flatline_monitor.diagnosis.signs_of_data import TINY_BATCH
from flatline_monitor.diagnosis.signs_of_updates import gradients_all_gone, no_updates

CUT_OFF = 0.1  # of the mean error; a linear last layer returns all of it
LAGGING = 0.3  # skill in training
FAR_BELOW = -0.1  # skill in the best validation, which is about 0 at chance


def no_gradient_path(case: Case) -> str:
    """Layers that should be trained are cut off from the loss, or from the optimizer."""
    paths = case.facts.untrained
    return f"no gradient reaches {', '.join(paths[:3])}" if paths else ""


def layers_left_out(case: Case) -> str:
    """Layers have gradients, and yet the optimizer does not change them."""
    finding, facts = case.findings.get("frozen_layer"), case.facts
    if finding is None or facts.untrained or facts.kernels_without_gradient or no_updates(case):
        return ""
    named = ", ".join(finding.variables[:3])
    return f"no step changes {named}, although there is a gradient" if named else ""


def layers_fixed(case: Case) -> str:
    """The program has frozen layers."""
    n = case.facts.fixed
    return f"the program has frozen {n} layer{'s' * (n > 1)} (trainable is False)" if n else ""


def output_rectified(case: Case) -> str:
    """The model cannot put out anything negative."""
    return "the last layer ends in a ReLU" if case.facts.rectified_output else ""


def output_dead(case: Case) -> str:
    """The last layer itself is dead."""
    if not ("dead_units" in case.findings and gradients_all_gone(case)):
        return ""
    told = output_rectified(case)
    return f"{told}, and puts out zero, which has no gradient" if told else ""


def error_not_returned(case: Case) -> str:
    """The answers are far off, and hardly anything of that reaches the last layer."""
    share = case.facts.error_returned
    if share is None or share >= CUT_OFF:
        return ""
    return (
        f"only {share:.1%} of the error comes back through the last layer, whose answers are far "
        "off: an activation bounds them"
    )


def linear_layers(case: Case) -> str:
    """Several layers without a nonlinearity are one."""
    depth = case.facts.depth
    told = f"no nonlinearity was seen between the {depth} dense layers, which makes them one"
    return told if case.facts.is_linear else ""


def tiny_batches_normalised(case: Case) -> str:
    """A normalisation over a handful of samples."""
    size = case.facts.batch_size
    if not case.facts.moves_means or not size or size > TINY_BATCH:
        return ""
    return f"batch normalisation takes its means over {size} sample{'s' * (size > 1)}"


def means_lag(case: Case) -> str:
    """Training goes well, and validation, which normalises by other means, does not at all."""
    skill, validated = case.facts.skill, case.facts.validation_skill
    if not case.facts.moves_means or skill is None or validated is None:
        return ""
    if skill < LAGGING or validated > FAR_BELOW:
        return ""
    return (
        "the model normalises batches, and is worse than a constant answer in validation, which "
        f"goes by moving means (skill {skill:.2f} in training)"
    )


SIGNS: tuple[Sign, ...] = (
    no_gradient_path,
    layers_left_out,
    layers_fixed,
    output_rectified,
    output_dead,
    error_not_returned,
    linear_layers,
    tiny_batches_normalised,
    means_lag,
)
