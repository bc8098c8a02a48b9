"""Journals of made-up runs, without a wire."""

import pickle

from flatline_monitor.runs.journal import Entry
from flatline_monitor.runs.records import EndStatus
from tests.columns import Signals
from tests.signals import STREAM

decode = pickle.loads


def journal(signals: Signals) -> list[Entry]:
    """A run that finished, as a service would have kept it."""
    records = [signals.hello, *signals.records(end=EndStatus.FINISHED)]
    return [Entry(STREAM, n, float(n), pickle.dumps((n, each))) for n, each in enumerate(records)]
