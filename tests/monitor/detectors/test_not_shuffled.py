"""The line between data in order and batches that are small, rare, or alike by design."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatline_monitor.detectors.contract import Abstain, Finding, Reason
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.not_shuffled import Batches, NotShuffled
from flatline_monitor.runs.records import EndStatus, Evaluation
from tests.play import firing, play
from tests.signals import HELLO, STEPS, flat, in_order, run
from tests.views import last_view


def drawn(labels, size, *, loss=None, hello=HELLO):
    """A run of the labels in this order, so many a batch."""
    of_classes = np.eye(int(labels.max()) + 1, dtype=np.uint32)
    counts = of_classes[labels[: STEPS * size].reshape(STEPS, size)].sum(axis=1, dtype=np.uint32)
    table = {"label_count": counts, "prediction_count": counts, "correct_count": counts}
    return run(loss=flat(0.6) if loss is None else loss, counts=table, hello=hello)


def shuffled(classes, size, seed=0, share=None):
    return np.random.default_rng(seed).choice(classes, STEPS * size, p=share)


def fires(signals, **more):
    verdict = judge(NotShuffled(), dataclasses.replace(last_view(signals), **more))
    return verdict.severity.value if isinstance(verdict, Finding) else None


def batches(labels, prior):
    return Batches(labels, labels.sum(axis=1), prior, float((prior**2).sum()))


@pytest.mark.parametrize("size", [1, 2, 4, 32])
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_shuffled_data_are_silent_however_small_the_batches(size, classes):
    """Batches of one sample are put together, and a hundred classes do not fit into four."""
    for seed in range(5):
        assert fires(drawn(shuffled(classes, size, seed), size)) is None


@pytest.mark.parametrize("size", [1, 2, 4, 32])
@pytest.mark.parametrize("classes", [2, 10])
def test_sorted_data_are_found_however_small_the_batches(size, classes):
    """Four epochs, each of which has the classes one after the other."""
    epoch = np.repeat(np.arange(classes), STEPS // 4 * size // classes)

    guessing = flat(0.95 * np.log(classes))
    assert fires(drawn(np.tile(epoch, 4), size, loss=guessing)) == "warning"


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 40))
@settings(max_examples=30, deadline=None)
def test_the_likeness_is_the_share_of_pairs_beyond_chance(seed, classes, size):
    """Computed pair by pair."""
    rng = np.random.default_rng(seed)
    prior = rng.dirichlet(np.ones(classes)) * 0.9 + 0.1 / classes
    labels = rng.multinomial(size, prior, 5).astype(float)
    same = float((prior**2).sum())
    pairs = [
        sum(i != j and a == b for i, a in enumerate(batch) for j, b in enumerate(batch))
        / (size * (size - 1))
        for batch in ([k for k, n in enumerate(row) for _ in range(int(n))] for row in labels)
    ]

    likeness, error = batches(labels, prior).likeness()
    assert likeness == pytest.approx((np.mean(pairs) - same) / (1 - same))
    assert error >= 0


def test_its_error_is_that_of_shuffled_batches():
    """Over many runs of a few small batches."""
    prior = np.array([0.7, 0.2, 0.1])
    labels = np.random.default_rng(0).multinomial(6, prior, (4_000, 5)).astype(float)
    runs = [batches(each, prior).likeness() for each in labels]
    likenesses = np.array([likeness for likeness, _ in runs])

    assert likenesses.mean() == pytest.approx(0, abs=0.02)
    assert likenesses.std() == pytest.approx(runs[0][1], rel=0.05)


@pytest.mark.parametrize(
    ("labels", "size"),
    [
        (shuffled(2, 16, share=[0.98, 0.02]), 16),
        (np.repeat(shuffled(40, 4), 8), 32),
        (np.repeat(np.arange(STEPS) % 2, 32), 32),
    ],
    ids=["a rare class", "eight samples of each of four classes", "two classes that take turns"],
)
def test_batches_that_are_alike_by_design_are_let_be(labels, size):
    """A metric is learned, or the two sides of a GAN are told apart."""
    assert fires(drawn(labels, size)) is None


@pytest.mark.parametrize(("pairs", "expected"), [(5, None), (11, "warning")])
def test_the_limit_lies_between_a_sampler_and_an_order(pairs, expected):
    """So many of 32 samples of a batch are of the class whose turn it is, of ten."""
    labels = shuffled(10, 32).reshape(STEPS, 32)
    labels[:, : 2 * pairs] = (np.arange(STEPS) // 10 % 10)[:, None]

    assert fires(drawn(labels.reshape(-1), 32, loss=flat(2.2))) == expected


def test_a_run_that_learns_all_the_same_is_only_remarked_on():
    """By the loss of its validation, or at the steps at which the labels change."""
    signals = in_order()
    told = [
        ({"loss": 0.2}, "info"),
        ({"loss": 0.6}, "warning"),
        ({"loss": 0.6, "acc": 1}, "warning"),
    ]
    for metrics, expected in told:
        assert fires(signals, evaluations=(Evaluation(STEPS, 0, 99, metrics),)) == expected

    learned = dataclasses.replace(signals, sampled={**signals.sampled, "data_loss": flat(0.2)})
    assert (fires(signals), fires(learned)) == ("warning", "info")


def test_the_loss_at_changes_counts():
    """What was learned for the moment is forgotten when the labels change."""
    signals = in_order()
    changes = np.arange(STEPS) % 10 == 0
    followed = np.where(changes, 0.9, 0.1).astype(np.float32)

    assert fires(signals.with_columns(data_loss=followed)) == "warning"
    assert fires(signals.with_columns(data_loss=1 - followed)) == "info"


def test_one_class_so_far_is_no_order():
    """The first step of the second class tells."""
    signals = in_order(300)
    assert judge(NotShuffled(), last_view(signals, steps=200)) == Abstain(Reason.TOO_FEW_POINTS)

    assert fires(signals) is not None


def test_a_loss_that_still_falls_excuses_it_until_the_end():
    """The run may come to terms with the order."""
    falling = np.linspace(1.0, 0.6, STEPS).astype(np.float32)
    signals = dataclasses.replace(in_order(), loss=falling).with_columns(data_loss=falling)

    assert NotShuffled().check(last_view(signals)).severity == "info"
    assert NotShuffled().check(last_view(signals, final=True)).severity == "warning"


def test_sorted_data_are_told_early_and_warned_of_in_time():
    """As information within 20 % of the plan."""
    signals = in_order()
    records = signals.records()[:1]

    assert firing(play([*records, signals.chunk(0, 80)]))["not_shuffled"] == "info"
    assert firing(play([*records, signals.chunk(0, 140)]))["not_shuffled"] == "warning"
    assert firing(play(signals.records(end=EndStatus.FINISHED)))["not_shuffled"] == "warning"


def test_a_long_run_is_judged_by_the_samples_that_it_has():
    """One step of twenty is sampled."""
    sparse = in_order(100).sparse(20)

    assert firing(play(sparse.records(end=EndStatus.FINISHED)))["not_shuffled"] == "warning"


def test_the_sentence_compares_a_batch_with_the_run():
    """By the share of the commonest label."""
    assert NotShuffled().check(last_view(in_order())).summary == (
        "The data are not shuffled: on average 100% of the labels of a batch are of one class, "
        "which has at most 50% of all labels"
    )
