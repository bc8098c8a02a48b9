"""From rows of numbers to columns."""

import numpy as np
import pytest
import tensorflow as tf

from flatline.capture.columns import Entry, sampled_columns
from flatline.capture.layout import Column, Layout, pack, pooled
from flatline.capture.ledger import Ledger
from flatline.capture.losses import RunningLoss
from flatline.capture.statistics import moments, square_sums, summed
from flatline.rows import EXACT, RECONSTRUCTED, UNKNOWN, Axes


def test_moments_of_parts_make_the_moments_of_the_whole() -> None:
    """Replicas may see batches of different size, and bad values."""
    draw = np.random.default_rng(1)
    values = draw.normal(1000, 2, 300).astype(np.float32)
    values[[5, 6]] = np.nan, np.inf
    parts = np.stack([moments(tf.constant(part)).numpy() for part in np.split(values, [100])])

    count, mean, variance, low, high, bad = pooled(parts)

    finite = values[np.isfinite(values)].astype(np.float64)
    expected = [298, finite.mean(), finite.var(), finite.min(), finite.max(), 2]
    np.testing.assert_allclose([count, mean, variance, low, high, bad], expected, rtol=1e-4)


def test_an_input_without_finite_elements_has_no_mean() -> None:
    """Absent, zero and nan are three different things."""
    count, *known, bad = pooled(moments(tf.fill([4], np.nan)).numpy()[None])

    assert count == 0
    assert np.isnan(known).all()
    assert bad == 4


def test_duplicate_rows_of_a_sparse_gradient_are_added_before_they_are_squared() -> None:
    """The norm is that of the dense gradient."""
    slices = tf.IndexedSlices(
        tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        tf.constant([7, 2, 7]),
        tf.constant([9, 2]),
    )
    dense = tf.convert_to_tensor(slices)

    assert square_sums([summed(slices)]).numpy() == pytest.approx(square_sums([dense]).numpy())


def test_a_half_precision_gradient_does_not_overflow() -> None:
    """Squares are taken in float32."""
    assert square_sums([tf.fill([10], tf.constant(1e4, tf.float16))]).numpy() == pytest.approx(1e9)


def test_replicas_are_summed_averaged_or_taken_as_equal() -> None:
    """As each column says."""
    slots, _ = pack(
        [
            Column("label_count", tf.zeros([2]), "sum"),
            Column("regularization_loss", tf.zeros([]), "mean"),
            Column("loss_scale", tf.zeros([])),
        ]
    )
    layout = Layout(slots, Axes())
    merged = layout.merged(np.array([[3, 4, 1, 2], [7, 4, 5, 6]], np.float32))

    assert merged.tolist() == [5, 4, 6, 8]  # single numbers come first
    columns = sampled_columns(layout, merged[None])
    assert columns["label_count"].dtype == np.uint32
    assert columns["loss_scale"].tolist() == [4]


def test_losses_come_back_out_of_their_running_mean() -> None:
    """Batches may differ in size; after a value that is not finite nothing is known."""
    losses, sizes = np.array([2.0, 1.0, 4.0, np.nan, 1.0]), np.array([4, 4, 2, 4, 4])
    means = np.cumsum(losses * sizes) / np.cumsum(sizes)
    running = RunningLoss()

    seen = [running.advance(float(m), float(n)) for m, n in zip(means, sizes, strict=True)]

    np.testing.assert_allclose([loss for loss, _ in seen], [2, 1, 4, np.nan, np.nan])
    sources = [EXACT, RECONSTRUCTED, RECONSTRUCTED, RECONSTRUCTED, UNKNOWN]
    assert [source for _, source in seen] == sources


def test_a_last_batch_waits_for_its_size() -> None:
    """Everything before it goes out; it follows when the epoch has ended."""
    ledger = Ledger()
    loss, source = ledger.running.advance(2.0, 4)
    ledger.entries += [Entry(0.1, 0, loss, source), Entry(0.1, 0, held=3.0)]

    first = ledger.take(None, 0, everything=False)
    ledger.settle(2)
    second = ledger.take(None, 0, everything=True)

    assert first is not None
    assert second is not None
    second_rows = second.rows()
    assert (first.first_step, first.rows().loss.tolist()) == (0, [2.0])
    assert (second_rows.first_step, second_rows.loss.tolist()) == (1, [5.0])
    assert second_rows.loss_source.tolist() == [RECONSTRUCTED]


def test_the_learning_rate_is_told_once() -> None:
    """Again only when it is another one than in the rows before."""
    ledger = Ledger()
    told = []
    for rates in ([0.1, None, 0.1], [0.1, 0.05]):
        ledger.entries += [Entry(0.1, 0, rate=rate) for rate in rates]
        rows = ledger.take(None, 0, everything=True)
        assert rows is not None
        told.append(rows.rows().learning_rate)

    assert told == [[(0, 0.1)], [(1, 0.05)]]
