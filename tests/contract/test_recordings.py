"""Real trainings are judged the same however they were cut, restarted or replayed.

They are recordings of the gallery, chosen so that every detector has something to say.
"""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.detectors.catalogue import CATALOGUE, Catalogues
from flatline_monitor.engine.advance import Arrival, Ask, Run, advance, open_run
from flatline_monitor.engine.codec import snapshot
from flatline_monitor.engine.embedded import Engine
from flatline_monitor.ingest.decode import decode
from flatline_monitor.runs.records import NO_SAMPLES, Chunk, Hello, Sampled
from tests.contract.test_cuts import PHASES, plain
from tests.gallery.replay import load

TRAININGS = (
    *("momentum_that_runs_away", "sorted_and_unscaled", "weights_of_five"),
    *("validated_on_raw_pixels", "logits_taken_for_probabilities", "logarithm_of_negatives"),
    *("a_hundred_times_the_rate_half_way", "small_weights_in_ten_layers"),
    *("decay_of_a_half", "every_element_clipped", "features_made_anew_ever_slower"),
)
FIRED = {State.FIRING, State.RESOLVED}

a_training = st.sampled_from(TRAININGS)
few = functools.partial(settings, deadline=None, phases=PHASES)


@dataclass(frozen=True)
class Played:
    """What was said at each judged point, and how the run stands at the end."""

    verdicts: Sequence[Any]
    state: Any


@functools.cache
def arrivals(name: str) -> list[Arrival]:
    """The records of a training's one run, as they came."""
    (entries,) = load(name)
    return [Arrival(e.stream, e.sequence, decode(e.raw)[1], e.received_at) for e in entries]


def played(told: Sequence[Arrival]) -> Played:
    """Feed them to the core."""
    verdicts: list[Any] = []
    ask = Ask(CATALOGUE, heard=lambda said: verdicts.append(plain(said)))
    run = functools.reduce(lambda run, arrival: advance(run, arrival, ask), told, opened(told))
    return Played(verdicts, plain(run))


def opened(told: Sequence[Arrival]) -> Run:
    hello = told[0].record
    assert isinstance(hello, Hello), "a journal begins with a hello"
    return open_run(hello, told[0].now)


@functools.cache
def as_it_came(name: str) -> Played:
    return played(arrivals(name))


def cut(told: Sequence[Arrival], steps: set[int]) -> list[Arrival]:
    """The same rows in chunks that end at these steps, and where something else was told."""
    recut: list[Arrival] = []
    edges = [-1, *sorted(steps), np.inf]
    for is_chunk, group in itertools.groupby(told, lambda each: isinstance(each.record, Chunk)):
        same = list(group)
        if is_chunk:
            whole = [each.record for each in same if isinstance(each.record, Chunk)]
            parts = [_part(chunk, a, b) for chunk in whole for a, b in itertools.pairwise(edges)]
            chunks = _joined([part for part in parts if len(part.step)], steps)
            same = [replace(same[-1], record=chunk) for chunk in chunks]
        recut += same
    return recut


def _part(chunk: Chunk, begin: float, end: float) -> Chunk:
    """Its rows of the steps in [begin, end)."""

    def inside(steps):
        return (steps >= begin) & (steps < end)

    rows, sampled = inside(chunk.step), inside(chunk.sampled.step)
    changes = inside(chunk.learning_rate_step)
    return replace(
        chunk,
        step=chunk.step[rows],
        columns={name: column[rows] for name, column in chunk.columns.items()},
        sampled=_rows_of(chunk.sampled, sampled) if sampled.any() else NO_SAMPLES,
        learning_rate_step=chunk.learning_rate_step[changes],
        learning_rate=chunk.learning_rate[changes],
        scalars={},
    )


def _rows_of(sampled: Sampled, rows: np.ndarray) -> Sampled:
    columns = {name: column[rows] for name, column in sampled.columns.items()}
    return replace(sampled, step=sampled.step[rows], columns=columns)


def _joined(parts: Sequence[Chunk], steps: set[int]) -> list[Chunk]:
    """Put neighbours together that are alike and have no cut between them."""
    chunks = list(parts[:1])
    for part in parts[1:]:
        before = chunks[-1]
        if int(part.step[0]) in steps or _layout(before) != _layout(part):
            chunks.append(part)
        else:
            chunks[-1] = _both(before, part)
    return chunks


def _layout(chunk: Chunk) -> object:
    shapes = {name: column.shape[1:] for name, column in chunk.sampled.columns.items()}
    return set(chunk.columns), chunk.sampled.revision, shapes


def _both(a: Chunk, b: Chunk) -> Chunk:
    def end_to_end(one, other):
        return {name: np.concatenate((one[name], other[name])) for name in one}

    columns = end_to_end(a.sampled.columns, b.sampled.columns)
    step = np.concatenate((a.sampled.step, b.sampled.step))
    return replace(
        b,
        step=np.concatenate((a.step, b.step)),
        columns=end_to_end(a.columns, b.columns),
        sampled=replace(b.sampled, step=step, columns=columns),
        learning_rate_step=np.concatenate((a.learning_rate_step, b.learning_rate_step)),
        learning_rate=np.concatenate((a.learning_rate, b.learning_rate)),
        health=b.health or a.health,
    )


def fed(told: Sequence[Arrival]) -> Engine:
    """The monitor's own engine, after these records."""
    engine = Engine(Catalogues(), max_runs=1)
    assert isinstance(told[0].record, Hello), "a journal begins with a hello"
    engine.admit(told[0].record, told[0].now)
    for arrival in told:
        engine.feed(arrival)
    return engine


def standing(engine: Engine, run_id: str) -> tuple[object, object]:
    """The state of the run, and what is shown of it."""
    (run,) = engine.due([run_id], at_once=True)
    return plain(run), plain(engine.report(run_id))


@functools.cache
def live(name: str) -> tuple[object, object]:
    return standing(fed(arrivals(name)), arrivals(name)[0].stream.run_id)


def test_every_detector_fires_in_one_of_them():
    """Else what follows would say little of it."""
    pages = [page for name in TRAININGS for page in as_it_came(name).state["book"].items()]
    fired = {detector for detector, page in pages if page["alert"]["state"] in FIRED}

    assert {detector.name for detector in CATALOGUE} == fired


@few(max_examples=8)
@given(name=a_training, steps=st.sets(st.integers(1, 400), min_size=3, max_size=40))
def test_cuts_do_not_matter(name, steps):
    """All verdicts of all judged points are the same, and so is the run in the end."""
    assert played(cut(arrivals(name), steps)) == as_it_came(name)


@few(max_examples=5)
@given(name=a_training, share=st.floats(0.05, 0.95))
def test_a_monitor_that_restarts_goes_on_as_if_it_had_not(name, share):
    """From a snapshot taken anywhere and the journal after it: the same run, shown the same."""
    told = arrivals(name)
    at, run_id = max(1, int(share * len(told))), told[0].stream.run_id
    (run,) = fed(told[:at]).due([run_id], at_once=True)
    again = Engine(Catalogues(), max_runs=1)
    again.restore(snapshot(run), told[at:])

    assert plain(again.report(run_id)) == live(name)[1]


@pytest.mark.parametrize("name", TRAININGS)
def test_a_replay_gives_what_was_said_live(name):
    """The core, fed with the journal alone, comes to the state that the monitor came to."""
    assert as_it_came(name).state == live(name)[0]
