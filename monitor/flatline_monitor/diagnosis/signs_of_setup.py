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


def nothing_squashes(case: Case) -> str:
    """There is no sigmoid or tanh that could be saturated."""
    return "no hidden layer squashes its outputs" if case.facts.squashing_layers == 0 else ""


def pictures(case: Case) -> str:
    """Whole numbers are what pixels are."""
    return "the inputs are pictures" if case.facts.are_pictures else ""


def weights_reversed(case: Case) -> str:
    """The classes are weighed the wrong way round."""
    return case.facts.weights_reversed


SIGNS: tuple[Sign, ...] = (
    *(_sign_of(rule) for rule in RULES),
    nothing_squashes,
    pictures,
    weights_reversed,
)

FOUND_BY = {rule.__name__: Preflight.name for rule in RULES}
"""Each is one side of that detector."""
