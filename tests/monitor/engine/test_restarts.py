"""Restarts of the training's process: what is true of the run now stays true."""

import dataclasses

import pytest

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.engine.advance import Arrival, Ask, Run, advance
from flatline_monitor.engine.codec import pack, unpack
from flatline_monitor.runs.records import EndStatus, Record, Stalled, StreamKey, Variables
from tests.columns import VARIABLES
from tests.play import evaluation, firing, play
from tests.signals import HELLO, SICK, STEPS, STREAM

SECOND = StreamKey("run-1", 1, 0)
AGAIN = dataclasses.replace(HELLO, incarnation=1, plan_steps=4_000, batch_size=8)
FEWER = Variables(1, VARIABLES.variables[:4], ("x",))


def restarted(step: int = 250) -> Run:
    """A run whose process died and began again from a checkpoint, with another model."""
    signals = SICK["no_skill"]
    run = play([*signals.records(), evaluation(100), evaluation(380)])
    narrow = signals.without("grad_norm", "update_norm", "weight_norm")
    records: list[Record] = [AGAIN, FEWER, narrow.chunk(step, STEPS)]
    for number, record in enumerate(records):
        run = advance(run, Arrival(SECOND, number, record, 1e3), Ask(CATALOGUE))
    return run


def test_a_new_life_brings_its_own_plan_and_variables():
    """Going back to a mark takes the summaries back, and not who is calling."""
    run = restarted()

    assert run.history.hello == AGAIN
    assert run.history.plan == 4_000
    assert run.history.variables == FEWER
    assert [e.step for e in run.history.evaluations] == [100]


def test_the_axes_of_every_stream_survive_a_snapshot():
    """Ranks and lives may have other variables; none is taken for another's."""
    other = StreamKey("run-1", 0, 1)
    run = advance(restarted(), Arrival(other, 1, VARIABLES, 0.0), Ask(CATALOGUE))
    back = unpack(pack(run))

    assert back.variables_of(STREAM) == VARIABLES
    assert back.variables_of(SECOND) == FEWER
    assert back.variables_of(other) == VARIABLES


def test_an_earlier_life_has_no_say_any_more():
    """What a process that was taken for dead still sends is remembered and not judged."""
    run = restarted()
    late = advance(run, Arrival(STREAM, 99, SICK["no_skill"].chunk(0, 50), 0.0), Ask(CATALOGUE))

    assert late.history == run.history
    assert late.sequence(STREAM) == 99


@pytest.mark.parametrize("end", [EndStatus.FAILED, EndStatus.INTERRUPTED, None])
def test_a_run_that_was_cut_short_is_not_paged_for(end):
    """At a fifth of the plan, dead or alive: what has not happened yet could still have."""
    signals = SICK["no_skill"]
    cut = dataclasses.replace(
        signals,
        loss=signals.loss[: STEPS // 5],
        sampled={name: column[: STEPS // 5] for name, column in signals.sampled.items()},
    )
    records = cut.records(end=end)
    run = play(records if end else [*records, Stalled()])

    assert set(firing(run).values()) == {"info"}


def test_fits_in_a_loop_are_no_ends():
    """A further fit is judged as it goes; only the first end may count hits that were too few."""
    signals = SICK["no_skill"].with_plan(None)
    run = play([])
    for fit in range(4):
        hello = dataclasses.replace(HELLO, plan_steps=None, fit=fit)
        part = signals.chunk(20 * fit, 20 * fit + 20)
        run = play(
            [hello, VARIABLES, part, *signals.records(end=EndStatus.FINISHED)[-1:]], run_so_far=run
        )

    assert run.history.step == 79
    assert not {"warning", "critical"} & set(firing(run).values())
