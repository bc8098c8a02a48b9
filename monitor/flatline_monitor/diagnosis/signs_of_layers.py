"""Signs that lie in single layers: cut off from the loss, frozen, or dead at the very end."""

from flatline_monitor.diagnosis.case import Case, Sign
from flatline_monitor.diagnosis.signs_of_model import gradients_all_gone, no_updates


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


SIGNS: tuple[Sign, ...] = (
    no_gradient_path,
    layers_left_out,
    layers_fixed,
    output_rectified,
    output_dead,
)
