"""The story of a run: what happened when, the checkpoint, and how it ended."""

import dataclasses

import pytest

from flatline.v1 import monitor_pb2
from flatline_monitor.alerts.closing import closing_report
from flatline_monitor.alerts.story import MOST
from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.engine.reports import run_report
from flatline_monitor.ingest import answers
from flatline_monitor.runs.records import End, EndStatus, Stalled
from tests.play import play
from tests.signals import HEALTHY, SICK, STEPS

ALL = {**SICK, **HEALTHY}


def told(signals, *records):
    return closing_report(run_report(play([*signals.records(), *records]), CATALOGUE))


@pytest.mark.parametrize("name", ALL)
def test_it_is_short_in_order_and_names_what_was_found(name):
    """Of every run, sick or healthy; what is grave is never left out."""
    closing = told(ALL[name], End(EndStatus.FINISHED, "", STEPS))
    grave = {name for name in closing.verdict.sentence.split("(")[-1].split() if name in SICK}

    assert len(closing.story) <= MOST
    steps = [moment.step for moment in closing.story]
    assert steps == sorted(steps)
    assert grave <= {moment.signal for moment in closing.story}


def test_layers_come_before_the_loss_and_the_loss_before_the_end():
    """An update that jumps, the gradients after it, then the loss; and what ended the run."""
    signals = HEALTHY["learns"]
    update, grad = (signals.sampled[name].copy() for name in ("update_norm", "grad_norm"))
    loss = signals.loss.copy()
    update[300:, 2] *= 1e4
    grad[310:, :4] *= 1e4
    loss[320:] = 50.0
    sick = dataclasses.replace(signals, loss=loss).with_columns(update_norm=update, grad_norm=grad)
    text = "x : Tensor had NaN values"
    closing = told(sick, End(EndStatus.FAILED, "InvalidArgumentError", STEPS, None, text))
    places = {moment.signal: moment.step for moment in closing.story}

    assert (places["update"], places["gradient"]) == (300, 310)
    assert places["gradient"] < min(places.get("loss", STEPS), places.get("divergence", STEPS))
    assert "gradient of 2 layers from dense_0 on step 310" in closing.story_line
    assert closing.story[-1].signal == "end"
    assert "it failed: a check found numbers" in closing.verdict.sentence
    assert closing.crash.exception_text == text


def test_a_healthy_run_is_told_by_its_milestones():
    """Its best validation and which weights to keep; no norms, though they shrink."""
    closing = told(HEALTHY["learns"], End(EndStatus.FINISHED, "", STEPS))

    assert {moment.signal for moment in closing.story} <= {"validation", "learning_rate"}
    assert closing.checkpoint_line.startswith("keep epoch ")
    assert closing.course


def test_the_training_s_own_log_is_told_too():
    """In two lines of the closing verdict, each cut to what a client will read."""
    verdict = RunVerdict(Level.SICK, "x", closing=True, story="s" * 9000, checkpoint="keep epoch 3")
    sent = monitor_pb2.WatchResponse.FromString(answers.verdict(verdict, ())).verdict

    assert sent.story == "s" * 2000
    assert sent.checkpoint == "keep epoch 3"


def test_a_run_that_fell_silent_was_killed_or_lost():
    closing = told(HEALTHY["learns"], Stalled())

    assert closing.crash.kind == "killed"
    assert closing.story[-1].signal == "end"
