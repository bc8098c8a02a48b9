"""What speaks for or against a cause: findings of detectors, and signs that the facts show.

A finding is a sign by itself, named like its detector. Limits that are not a detector's have
their source beside them.
"""

from collections.abc import Mapping

from flatline_monitor.diagnosis import (
    signs_of_answers,
    signs_of_data,
    signs_of_feeding,
    signs_of_layers,
    signs_of_model,
    signs_of_numbers,
    signs_of_setup,
    signs_of_updates,
)
from flatline_monitor.diagnosis.case import Case, Sign

ROOMS = (
    *(signs_of_data, signs_of_feeding, signs_of_numbers),
    *(signs_of_model, signs_of_updates, signs_of_layers, signs_of_answers),
    signs_of_setup,
)
SIGNS: Mapping[str, Sign] = {sign.__name__: sign for room in ROOMS for sign in room.SIGNS}


def present(case: Case, name: str) -> str:
    """Return the sentence of a sign or finding if it is present, else nothing."""
    if name in SIGNS:
        return SIGNS[name](case)
    finding = case.findings.get(name)
    return "" if finding is None else f"{name}: {finding.gist}"
