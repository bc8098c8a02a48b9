"""What the verdicts of one judged point mean for one another: one pure step over all of them.

Detectors do not know each other. Here stands who silences whom, who makes whom worse, and what
is only information while a run is young.
"""

from collections.abc import Mapping
from dataclasses import replace

from flatline_monitor.detectors.contract import Abstain, Finding, Reason, Severity, Verdict
from flatline_monitor.runs.plan import YOUNG

Verdicts = Mapping[str, Verdict]

SILENCES: Mapping[str, frozenset[str]] = {
    "divergence": frozenset({"stagnation", "plateau", "overfitting", "suspicious_validation"}),
    "stagnation": frozenset({"plateau"}),
    "no_skill": frozenset({"plateau", "starved_class"}),
    "not_shuffled": frozenset({"loss_spike", "suspicious_validation"}),
}
"""A finding of the first makes the others abstain: it says more of the same."""

SILENCES_ALL = "non_finite"
"""A finding of it makes all others abstain: what they measure is no longer the model."""

WORSENS: Mapping[str, tuple[frozenset[str], Severity]] = {
    "vanishing_gradient": (frozenset({"stagnation", "no_skill"}), Severity.CRITICAL),
    "gradient_explosion": (frozenset({"divergence"}), Severity.CRITICAL),
    "frozen_layer": (frozenset({"stagnation", "no_skill", "class_collapse"}), Severity.CRITICAL),
    "plateau": (
        frozenset(
            {
                *("vanishing_gradient", "dead_units", "saturated_activations", "frozen_layer"),
                *("update_ratio", "lr_schedule", "loss_accuracy_inconsistency", "weight_growth"),
                *("clip_saturation", "over_regularised"),
            }
        ),
        Severity.WARNING,
    ),
    "init_loss": (
        frozenset({"stagnation", "no_skill", "divergence", "gradient_explosion"}),
        Severity.WARNING,
    ),
    "input_scale": (
        frozenset({"stagnation", "no_skill", "divergence", "gradient_explosion"}),
        Severity.WARNING,
    ),
}
"""Together with a grave finding of one of these, the first is of the severity beside them.

Early layers without gradient, and layers that are never updated, are critical when the run does
not learn; an odd beginning or odd inputs matter then. A loss that rests is a warning beside what
holds it up.
"""

CLAIMED_FROM_ABSENCE = frozenset(
    {
        *("no_skill", "stagnation", "class_collapse", "starved_class", "not_shuffled"),
        "clip_saturation",
    }
)
"""What has not happened yet may still happen: healthy short runs look the same early on."""

SUPPORTS = frozenset(
    {
        *("vanishing_gradient", "gradient_explosion", "update_ratio"),
        *("dead_units", "saturated_activations", "frozen_layer", "weight_growth"),
    }
)
"""A grave finding of one of these says why nothing will happen."""

YOUNG_STEPS = 50
"""Steps before which a claim from absence is only information, whatever the plan.

No optimizer learns much in fewer.
"""


def weigh(verdicts: Verdicts, step: int, share_of_plan: float | None) -> dict[str, Verdict]:
    """Return the verdicts as they count together."""
    found = {name for name, verdict in verdicts.items() if isinstance(verdict, Finding)}
    if not found:
        return dict(verdicts)
    silenced = frozenset[str]().union(*(SILENCES.get(name, frozenset()) for name in found))
    if SILENCES_ALL in found:
        silenced = frozenset(verdicts.keys() - {SILENCES_ALL})
    supported = any(_is_grave(verdicts[name]) for name in found & SUPPORTS)
    early = share_of_plan is not None and share_of_plan < YOUNG and not supported
    heard: dict[str, Verdict] = {
        name: Abstain(Reason.SUPPRESSED) if name in silenced else verdict
        for name, verdict in verdicts.items()
    }
    if early or step < YOUNG_STEPS:
        heard = {name: _only_remarked(name, verdict) for name, verdict in heard.items()}
    grave = {name for name, verdict in heard.items() if _is_grave(verdict)}
    return {name: _worsened(name, verdict, grave) for name, verdict in heard.items()}


def _is_grave(verdict: Verdict) -> bool:
    return isinstance(verdict, Finding) and verdict.severity is not Severity.INFO


def _only_remarked(name: str, verdict: Verdict) -> Verdict:
    if isinstance(verdict, Finding) and name in CLAIMED_FROM_ABSENCE:
        return replace(verdict, severity=Severity.INFO)
    return verdict


def _worsened(name: str, verdict: Verdict, grave: set[str]) -> Verdict:
    if isinstance(verdict, Finding) and name in WORSENS:
        company, severity = WORSENS[name]
        if grave & company:
            return replace(verdict, severity=severity)
    return verdict
