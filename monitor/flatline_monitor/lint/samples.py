"""How many samples a validation had, where its accuracies tell: shares of n are n-ths."""

import math
from fractions import Fraction

from flatline_monitor.lint.log import Log

FEWEST = 3
"""Different accuracies of which a common denominator says something."""
MOST = 20_000
CHANCE = 1e-3
"""Most that may be expected of denominators that fit by chance."""


def validated(log: Log) -> int | None:
    """Return the smallest number of samples of which all validation accuracies are shares.

    None: they are too few, or not told exactly enough. It may be a part of the true number: then
    their noise is taken for wider than it is.
    """
    shares = {row.val_accuracy for row in log.rows if row.val_accuracy is not None}
    found = sorted(share for share in shares if 0 < share < 1)
    if len(found) < FEWEST:
        return None
    error = _error(found)
    n = 1
    for share in found:
        n = math.lcm(n, Fraction(share).limit_denominator(MOST).denominator)
        if n > MOST:
            return None
    exact = all(abs(share * n - round(share * n)) <= error * n + 1e-9 for share in found)
    by_chance = n * (2 * error * n) ** len(found)
    return n if exact and by_chance < CHANCE else None


def _error(shares: list[float]) -> float:
    """Return by how much a share may be off: half of its last digit, or a float32's rounding."""
    digits = max(len(repr(share).partition(".")[2]) for share in shares)
    return max(0.5 * 10.0**-digits, 6e-8)
