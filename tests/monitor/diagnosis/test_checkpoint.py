"""The checkpoint to keep: the earliest that is as good as the best, but for noise."""

import numpy as np
import pytest

from flatline_monitor.diagnosis.checkpoint import checkpoint_by, checkpoints_of
from flatline_monitor.runs.records import Evaluation


def passes(losses, **others):
    return [
        Evaluation(10 * (i + 1), i, 100, {"loss": loss} | {k: v[i] for k, v in others.items()})
        for i, loss in enumerate(losses)
    ]


def test_of_a_curve_without_noise_it_is_the_best():
    """Falling by the same each time, there is nothing to be mistaken about."""
    kept = checkpoint_by(passes([1.0, 0.9, 0.8, 0.7, 0.6]), "loss")

    assert (kept.step, kept.epoch, kept.value, kept.band) == (50, 5, 0.6, pytest.approx(0))


@pytest.mark.parametrize("seed", range(5))
def test_on_a_noisy_floor_an_early_one_is_as_good(seed):
    """The band is the noise's own size, and a later lucky draw does not win."""
    noise = np.random.default_rng(seed).normal(0, 0.02, 60)
    losses = np.exp(-np.arange(60) / 3) + 0.5 + noise
    kept = checkpoint_by(passes(losses.tolist()), "loss")

    assert 0.01 < kept.band < 0.035
    assert kept.step <= kept.best_step
    assert kept.value <= kept.best + kept.band
    assert all(loss > kept.best + kept.band for loss in losses[: kept.epoch - 1])


def test_a_score_is_better_when_it_is_higher():
    """By the loss first, by the accuracy as well; each says its own epoch."""
    accuracy = [0.5, 0.6, 0.7, 0.8, 0.9]
    by_loss, by_score = checkpoints_of(passes([1.0, 0.5, 0.9, 1.5, 2.4], accuracy=accuracy))

    assert (by_loss.metric, by_score.metric) == ("loss", "accuracy")
    assert by_score.best == 0.9
    assert by_loss.best_epoch == 2
    assert "accuracy 0.9" in by_score.sentence


def test_a_loop_without_epochs_is_told_a_step():
    told = [Evaluation(each.step, 0, 9, each.metrics) for each in passes([4.0, 3.0, 2.0, 1.0])]

    assert checkpoint_by(told, "loss").sentence.startswith("keep step 40: validation loss 1 ")


@pytest.mark.parametrize(
    "losses", [[], [1.0, 0.5, 0.7], [1.0, float("nan"), 0.5, float("inf"), 0.2]]
)
def test_fewer_than_four_say_nothing(losses):
    """Those that are not finite do not count."""
    assert checkpoints_of(passes(losses)) == ()
