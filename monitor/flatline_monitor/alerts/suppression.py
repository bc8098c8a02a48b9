"""What the verdicts of one judged point mean for one another: one pure step over all of them.

Detectors do not know each other. Here stands who silences whom, who makes whom worse, and what
is only information while a run is young.
"""

from collections.abc import Mapping
from dataclasses import replace

from flatline_monitor.detectors.contract import Abstain, Finding, Reason, Severity, Verdict

Verdicts = Mapping[str, Verdict]

SILENCES: Mapping[str, frozenset[str]] = {
    "non_finite": frozenset({"no_skill", "class_collapse", "vanishing_gradient"}),
}
"""A finding of the first makes the others abstain: what they measure is no longer the model."""

WORSENS: Mapping[str, frozenset[str]] = {
    "vanishing_gradient": frozenset({"stagnation", "no_skill"}),
}
"""Both together are critical: early layers without gradient, and a loss that does not fall."""

CLAIMED_FROM_ABSENCE = frozenset({"no_skill", "stagnation", "class_collapse"})
"""What has not happened yet may still happen: healthy short runs look the same early on."""

SUPPORTS = frozenset(
    {"vanishing_gradient", "gradient_explosion", "update_ratio", "input_scale", "init_loss"}
)
"""A finding of one of these says why nothing will happen."""

YOUNG = 0.3
"""Share of the plan before which a claim from absence is only information."""


def weigh(verdicts: Verdicts, share_of_plan: float | None) -> dict[str, Verdict]:
    """Return the verdicts as they count together."""
    found = {name for name, verdict in verdicts.items() if isinstance(verdict, Finding)}
    silenced = frozenset[str]().union(*(SILENCES.get(name, frozenset()) for name in found))
    young = share_of_plan is not None and share_of_plan < YOUNG and not found & SUPPORTS
    return {
        name: Abstain(Reason.SUPPRESSED)
        if name in silenced
        else _weighed(name, verdict, found, young=young)
        for name, verdict in verdicts.items()
    }


def _weighed(name: str, verdict: Verdict, found: set[str], *, young: bool) -> Verdict:
    if not isinstance(verdict, Finding):
        return verdict
    if young and name in CLAIMED_FROM_ABSENCE:
        return replace(verdict, severity=Severity.INFO)
    if found & WORSENS.get(name, frozenset()):
        return replace(verdict, severity=Severity.CRITICAL)
    return verdict
