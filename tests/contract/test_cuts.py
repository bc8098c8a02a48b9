"""The same rows give the same run, however they were cut into messages."""

import dataclasses
import enum
import functools
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from flatline_monitor.runs.records import Chunk, EndStatus, Evaluation
from tests.columns import Signals
from tests.play import firing, play
from tests.signals import HEALTHY, SICK, STEPS

# Shrinking would play a run for minutes; the cuts of a failure are readable as they are.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
ALL = {**SICK, **HEALTHY}
TIMES = {"entries", "started_at", "last_report_at", "ended_at", "transition_at", "sequences"}


def plain(value):
    """A run's state without what counts or times its messages, in comparable form."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        parts = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {name: part for name, part in parts.items() if name not in TIMES}
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return repr(value)


def after(signals: Signals, cuts, end=None):
    return plain(play(signals.records(cuts, end), signals.hello))


@functools.cache
def uncut(name: str, end=None):
    return after(ALL[name], (), end)


@settings(max_examples=15, deadline=None, phases=PHASES)
@given(name=st.sampled_from(sorted(ALL)), cuts=st.lists(st.integers(1, STEPS - 1), max_size=40))
def test_cuts_do_not_matter(name, cuts):
    """Alerts, summaries and pending rows are the same after every way of cutting."""
    assert after(ALL[name], cuts) == uncut(name)


@pytest.mark.parametrize("name", ALL)
def test_row_by_row_is_like_all_at_once(name):
    """One message for each step, or one for the whole run, end included."""
    end = EndStatus.FINISHED

    assert after(ALL[name], range(STEPS), end) == uncut(name, end)


@settings(max_examples=8, deadline=None, phases=PHASES)
@given(plan=st.none() | st.integers(1, 2 * STEPS), cuts=st.sets(st.integers(1, STEPS - 1)))
def test_it_holds_for_every_plan(plan, cuts):
    """Without a plan, with one that is too short, with one that is too long."""
    signals = SICK["no_skill"].with_plan(plan)

    assert after(signals, cuts, EndStatus.FINISHED) == after(signals, (), EndStatus.FINISHED)


@pytest.mark.parametrize("before", [1, 7, 19])
def test_an_evaluation_counts_the_same_before_and_after_the_rows_before_it(before):
    """A client sends a validation at once and its last rows a little later, or the other way."""
    signals = SICK["overfitting"]
    variables, *records = signals.records(end=EndStatus.FINISHED)
    early = [variables]
    for record in records:
        if isinstance(record, Evaluation):
            chunk = early.pop()
            assert isinstance(chunk, Chunk)
            cut = int(chunk.step[-1]) + 1 - before
            early += [signals.chunk(int(chunk.step[0]), cut), record]
            early.append(signals.chunk(cut, cut + before))
        else:
            early.append(record)

    assert plain(play(early, signals.hello)) == uncut("overfitting", EndStatus.FINISHED)
    assert "overfitting" in firing(play(early[:-1], signals.hello))
