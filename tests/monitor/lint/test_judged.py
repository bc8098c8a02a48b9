"""What may be claimed from a few rows, and what may not."""

import numpy as np
import pytest

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.lint import csv_files, gather
from flatline_monitor.lint.judged import Judged, Level, judged
from flatline_monitor.lint.log import Kind
from tests.monitor.lint.made import HEALTHY, SICK, csv_of


def asked(columns, class_count: int | None = None) -> Judged:
    [table] = csv_files.read("log.csv", csv_of(columns))
    [log] = gather.logs(table, {}, class_count)
    return judged(log, CATALOGUE)


@pytest.mark.parametrize("make", HEALTHY, ids=lambda make: make.__name__)
def test_of_a_healthy_log_nothing_is_warned(make):
    """Whatever its noise."""
    for seed in range(5):
        found = asked(make(np.random.default_rng(seed))).found

        assert not [f"{x.detector}: {x.summary}" for x in found if x.severity.rank]


@pytest.mark.parametrize("make", SICK, ids=lambda make: make.__name__)
def test_what_a_log_shows_is_found(make):
    """By the right detector, as gravely as in a run that is watched."""
    detector, since = SICK[make]
    for seed in range(3):
        said = asked(make(np.random.default_rng(seed)))

        assert said.level in {Level.SICK, Level.SUSPICIOUS}
        [found] = [each for each in said.found if each.detector == detector]
        assert found.severity is not Severity.INFO
        assert found.since == since or not since


def test_places_are_told_as_the_log_counts_them():
    """Steps by their number, epochs from 1; rows are the engine's own business."""
    loss = np.append(np.full(12, 0.5), np.full(8, np.nan))

    by_step = asked({"step": 500 * np.arange(1, 21), "loss": loss})
    by_epoch = asked({"epoch": np.arange(20), "loss": loss})

    assert by_step.found[0].since == "step 6500"
    assert "first at step 6500" in by_step.found[0].summary
    assert "first at epoch 13" in by_epoch.found[0].summary
    assert by_step.log.row_steps == 500


def test_what_could_not_be_looked_at_is_said_with_the_reason():
    """A loss alone tells of itself and of nothing else."""
    said = asked({"epoch": np.arange(30), "loss": np.exp(-np.arange(30) / 9)})

    assert said.level is Level.HEALTHY
    assert said.unjudged["overfitting"] == "no val_loss"
    assert said.unjudged["no_skill"] == "no accuracy"
    assert said.unjudged["lr_schedule"] == "no learning_rate"
    assert said.unjudged["dead_units"] == "no log tells"
    assert "divergence" not in said.unjudged


@pytest.mark.parametrize("rows", [1, 2])
def test_one_or_two_rows_are_no_training(rows):
    """They are neither healthy nor sick, unless they are nan."""
    assert asked({"epoch": np.arange(rows), "loss": np.ones(rows)}).level is Level.CANNOT_JUDGE
    assert asked({"epoch": np.arange(rows), "loss": np.full(rows, np.nan)}).level is Level.SICK


def test_the_number_of_classes_can_be_told():
    """An accuracy of a tenth is guessing among ten classes, and much among a thousand."""
    columns = {
        "epoch": np.arange(20),
        "loss": np.full(20, 2.5) - 0.001 * np.arange(20),
        "accuracy": np.linspace(0.094, 0.101, 20),
    }

    assert "no_skill" in {each.detector for each in asked(columns, 10).found}
    assert not [each for each in asked(columns, 1000).found if each.detector == "no_skill"]


def test_an_accuracy_that_never_moves_beside_a_loss_that_falls_is_odd():
    """Half of the answers wrong cost more than such a loss."""
    columns = {
        "epoch": np.arange(15),
        "loss": 0.1 + 0.5 * np.exp(-np.arange(15) / 4),
        "accuracy": np.full(15, 0.5),
    }

    assert [each.detector for each in asked(columns).found] == ["loss_accuracy_inconsistency"]


def test_a_hundred_sparse_rows_say_what_ten_times_as_many_say():
    """Windows and warm-ups go by the training's steps."""
    t = np.arange(2000)
    rng = np.random.default_rng(0)
    loss = 0.5 + 2 * np.exp(-t / 200) + 0.01 * np.maximum(t - 1200, 0) + rng.normal(0, 0.02, 2000)

    for every in (10, 20, 100):
        said = asked({"step": 10 * t[::every], "loss": loss[::every]})
        assert said.found[0].detector == "divergence"
        assert said.log.kind is Kind.STEP
