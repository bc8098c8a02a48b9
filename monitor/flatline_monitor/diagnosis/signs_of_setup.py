"""Signs that the set-up shows before anything is learned: the faults that the pre-flight knows."""

from flatline_monitor.detectors.faults import Rule
from flatline_monitor.detectors.preflight import RULES, Preflight
from flatline_monitor.diagnosis.case import Case, Sign


def _sign_of(rule: Rule) -> Sign:
    """Return the sign of one fault, by its name."""

    def sign(case: Case) -> str:
        return case.facts.faults.get(rule.__name__, "")

    sign.__name__, sign.__doc__ = rule.__name__, rule.__doc__
    return sign


SIGNS: tuple[Sign, ...] = tuple(_sign_of(rule) for rule in RULES)

FOUND_BY = {rule.__name__: Preflight.name for rule in RULES}
"""Each is one side of that detector."""
