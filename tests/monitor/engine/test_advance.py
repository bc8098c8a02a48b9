"""One run moved on by one record at a time."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.engine.advance import Arrival, Ask, advance
from flatline_monitor.engine.codec import pack, unpack
from flatline_monitor.engine.reports import run_report
from flatline_monitor.runs.model import Array, Feature, Layer, Loss, Model
from flatline_monitor.runs.records import End, EndStatus, Stalled, StreamKey
from tests.contract.test_cuts import plain
from tests.play import alert, evaluation, firing, play
from tests.signals import HEALTHY, HELLO, SICK, STEPS, STREAM


def test_an_ended_run_shows_how_it_ended():
    """State and exception are those of the last record."""
    state = play(SICK["no_skill"].records(end=EndStatus.FAILED))

    assert state.state == "failed"
    assert state.ended_at is not None


def test_a_finding_at_the_end_needs_no_more_hits():
    """A run of one tenth of its plan, too short for three judged points after the warm-up."""
    signals = SICK["no_skill"].with_plan(3_900)
    records = signals.records(end=EndStatus.INTERRUPTED)

    assert firing(play(records[:-1], signals.hello)) == {}
    assert "no_skill" in firing(play(records, signals.hello))


def test_a_run_that_comes_to_no_step_is_judged_by_its_set_up():
    """What made the first step fail is often written there, and nowhere else."""
    targets = Array("y", (), "int64", 90, (Feature(0, 4, 2, 1, whole=True, distinct=5),))
    output = Layer("z", "Dense", "softmax", 3, output=True)
    loss = Loss("sparse_categorical_crossentropy", from_logits=False)
    model = Model(layers=(output,), loss=loss, targets=(targets,))

    state = play([model, End(EndStatus.FAILED, "InvalidArgumentError", 0)])

    assert firing(state) == {"preflight": "info"}
    assert alert(state, "preflight").seen == 0
    assert run_report(state, CATALOGUE).causes[0].name == "wrong_last_layer_or_loss"
    assert firing(play([End(EndStatus.FAILED, "InvalidArgumentError", 0)])) == {}


def test_a_stalled_run_is_judged_on_the_side():
    """What a dead run leaves is shown; when it comes back it goes on as if nothing happened."""
    signals = SICK["no_skill"].with_plan(3_000)
    whole = play(signals.records([300]), signals.hello)
    first, second = signals.chunk(0, 300), signals.chunk(300, STEPS)
    dead = play([*signals.records()[:1], first, Stalled()], signals.hello)
    back = play([second], signals.hello, run_so_far=dead)

    assert dead.state == "stalled"
    assert "no_skill" in firing(dead)
    assert plain(back) == plain(whole)


def test_a_snapshot_gives_the_run_back():
    """Packed and unpacked in the middle, the run goes on exactly as it would have."""
    for signals in [*SICK.values(), *HEALTHY.values()][::3]:
        head, tail = signals.records([170])[:2], signals.records([170], EndStatus.FINISHED)[2:]
        halfway = play([*head, evaluation(170)], signals.hello)
        restored = unpack(pack(halfway))

        assert plain(restored) == plain(halfway)
        assert plain(play(tail, run_so_far=restored)) == plain(play(tail, run_so_far=halfway))


def test_going_back_goes_on_from_a_mark():
    """Steps that come again after a restart are judged from the newest mark before them."""
    signals = SICK["no_skill"]
    state = play(signals.records())
    again = play([signals.chunk(250, STEPS)], run_so_far=state)

    assert again.history.step == STEPS - 1
    assert "restart from a checkpoint; judged on from step" in again.notes[-1]
    assert firing(again) == firing(state)
    assert again.history.coarse["first"][0] == 0


def test_going_back_before_every_mark_begins_anew():
    """Nothing from before is kept, and the note says so; the alert stays."""
    signals = dataclasses.replace(SICK["no_skill"], first_step=100)
    state = play(signals.records())
    early = dataclasses.replace(signals, first_step=0)
    again = play([early.chunk(0, 10)], run_so_far=state)

    assert again.notes[-1].endswith("nothing is kept from before it, so it is judged anew")
    assert firing(again) == firing(state)


def test_steps_that_never_arrived_leave_a_gap():
    """Blocks without rows are passed over, however many they are."""
    signals = SICK["no_skill"]
    far = dataclasses.replace(signals, first_step=10**12)
    state = play([*signals.records(), far.chunk(0, STEPS)])

    assert state.history.step == 10**12 + STEPS - 1


def test_other_ranks_are_remembered_and_not_judged():
    """Rank 1 moves its own sequence and nothing else."""
    signals = SICK["no_skill"]
    state = play(signals.records())
    rank_1 = Arrival(StreamKey("run-1", 0, 1), 7, SICK["non_finite"].chunk(0, STEPS), 0.0)
    after = advance(state, rank_1, Ask(CATALOGUE))

    assert after.sequence(rank_1.stream) == 7
    assert after.sequence(STREAM) == state.sequence(STREAM)
    assert after.book == state.book


def test_a_further_fit_opens_the_run_again():
    """Finished becomes running, steps go on, and the plan no longer counts."""
    signals = SICK["no_skill"]
    done = play(signals.records(end=EndStatus.FINISHED))
    again = play([dataclasses.replace(HELLO, fit=1)], run_so_far=done)

    assert (again.state, again.ended_at, again.history.plan) == ("running", None, None)


def test_non_finite_is_seen_at_its_own_step():
    """The row itself is a judged point: the alert does not wait for the block to be full."""
    state = play(SICK["non_finite"].records())
    found = alert(state, "non_finite")

    assert (found.since, found.severity) == (150, "critical")
    assert found.finding.summary == "The input is nan or infinite, first at step 150"


def test_an_unknown_loss_is_not_a_non_finite_one():
    """After a nan the running mean says nothing until the epoch ends: unknown is not nan."""
    signals = HEALTHY["learns"]
    chunk = signals.chunk(0, STEPS)
    columns = {
        **chunk.columns,
        "loss": np.full(STEPS, np.nan, np.float32),
        "loss_source": np.zeros(STEPS, np.uint8),
    }
    state = play([*signals.records()[:1], dataclasses.replace(chunk, columns=columns)])

    assert "non_finite" not in firing(state)


@pytest.mark.parametrize("name", ["no_skill", "class_collapse"])
def test_early_in_the_plan_it_is_only_information(name):
    """Before 30 % of the plan nobody is paged for what has not happened yet."""
    signals = SICK[name]
    at_20_percent = play([*signals.records()[:1], signals.chunk(0, STEPS // 5)])
    at_the_end = play(signals.records())

    assert firing(at_20_percent)[name] == "info"
    assert set(firing(at_20_percent).values()) == {"info"}
    assert firing(at_the_end)[name] == "critical"
