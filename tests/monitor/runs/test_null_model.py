"""The loss of the best constant predictor, against what such a predictor really loses."""

import numpy as np
import pytest

from flatline_monitor.runs.blocks import Blocks, append_coarse, append_fine
from flatline_monitor.runs.null_model import null_loss
from flatline_monitor.runs.records import LossKind


def blocks(**columns):
    n = len(next(iter(columns.values())))
    steps = {"first": np.arange(n), "last": np.arange(n)}
    return Blocks({**steps, **{name: np.array(column) for name, column in columns.items()}})


def test_cross_entropy_of_the_label_shares():
    """A constant answer of the labels' shares loses their entropy."""
    labels = np.array([0] * 90 + [1] * 10)
    shares = np.array([0.9, 0.1])
    constant = -np.log(shares[labels]).mean()
    counted = blocks(label_count=[[40, 5], [50, 5]])

    assert null_loss(counted, LossKind.CROSS_ENTROPY) == pytest.approx(constant)
    assert null_loss(counted, LossKind.BINARY_CROSS_ENTROPY) == pytest.approx(constant)


def test_binary_cross_entropy_is_the_mean_over_labels():
    """Several labels: each has its own best constant."""
    labels = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 0], [1, 1, 1]])
    shares = labels.mean(axis=0)
    constant = -(labels * np.log(shares) + (1 - labels) * np.log(1 - shares)).mean()
    counted = blocks(samples=[4], positive_count=[labels.sum(axis=0)])

    assert null_loss(counted, LossKind.BINARY_CROSS_ENTROPY) == pytest.approx(constant)


def test_squared_error_is_the_variance_within_and_between_batches():
    """Batches of different means and sizes add up to the variance of all targets."""
    targets = [np.array([1.0, 2.0, 3.0]), np.array([10.0, 14.0])]
    sums = [[t.sum()] for t in targets]
    squares = [[(t**2).sum()] for t in targets]
    counted = blocks(target_count=[[3.0], [2.0]], target_sum=sums, target_square_sum=squares)

    assert null_loss(counted, LossKind.SQUARED_ERROR) == pytest.approx(
        np.concatenate(targets).var()
    )


@pytest.mark.parametrize("kind", list(LossKind))
def test_it_is_not_known_when_nothing_was_sent(kind):
    """No labels, no targets: no null model, and no guess."""
    assert null_loss(Blocks(), kind) is None
    assert null_loss(blocks(loss_sum=[1.0]), kind) is None


def test_blocks_span_the_whole_run_in_constant_memory():
    """Sums survive merging; the fine series keeps the recent past."""
    coarse = fine = Blocks()
    for step in range(1_000):
        block = Blocks(
            {
                "first": np.array([step]),
                "last": np.array([step]),
                "loss_median": np.array([1.0]),
                "loss_sum": np.array([2.0]),
            }
        )
        coarse, fine = append_coarse(coarse, block), append_fine(fine, block)

    assert 20 <= len(coarse) <= 40
    assert (coarse["first"][0], coarse["last"][-1], coarse.total("loss_sum")) == (0, 999, 2_000)
    assert (len(fine), fine["last"][-1]) == (128, 999)
    assert len(coarse.since(900)) < len(coarse)
