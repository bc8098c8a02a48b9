"""The median of a short array, for which np.median takes ten times what it costs."""

import math

import numpy as np


def median(x: np.ndarray) -> float:
    """Return the median of finite values, taken in their own type; nan when there are none."""
    if not x.size:
        return math.nan
    ordered = np.sort(x)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float(high if len(ordered) % 2 else (low + high) / 2)
