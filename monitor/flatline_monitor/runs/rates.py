"""The learning rate of a run, by the step from which it holds: what is kept of its changes."""

import math
from collections.abc import Mapping
from itertools import islice

import numpy as np

RATES_KEPT = 256

Rates = Mapping[int, float]


def in_force(rates: Rates, steps: np.ndarray) -> np.ndarray:
    """Return the rate at each step; nan before the first change that is known."""
    if not rates:
        return np.full(len(steps), np.nan)
    changes = np.fromiter(rates, np.int64, len(rates))
    values = np.fromiter(rates.values(), np.float64, len(rates))
    at = np.searchsorted(changes, steps, side="right") - 1
    return np.asarray(np.append(values, np.nan)[at])


def until(rates: Rates, step: int) -> dict[int, float]:
    """Leave out changes that have arrived with a later block: no verdict hangs on that."""
    return {at: rate for at, rate in rates.items() if at <= step}


def kept(rates: Rates, begin: int) -> Rates:
    """Leave out the oldest changes, but the highest of them: a schedule is measured by its peak.

    Those of later blocks, from step `begin` on, do not count: they may come later.
    """
    if len(rates) <= RATES_KEPT:
        return rates
    settled = sum(at < begin for at in rates)
    gone = max(0, settled - RATES_KEPT)
    highest = max(islice(rates.items(), gone), key=lambda each: _or_least(each[1]), default=None)
    latest = islice(rates.items(), gone, None)
    return dict(latest if highest is None else (highest, *latest))


def _or_least(rate: float) -> float:
    return -math.inf if math.isnan(rate) else rate
