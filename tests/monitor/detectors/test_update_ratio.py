"""The line between updates that are too large, too small, and as they should be."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.alerts.suppression import weigh
from flatline_monitor.detectors.contract import (
    Abstain,
    Clear,
    Finding,
    NotMeasurableError,
    Reason,
    Severity,
)
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.update_ratio import UpdateRatio
from flatline_monitor.runs.records import LossKind
from tests.columns import PATHS
from tests.signals import HELLO, flat, run
from tests.views import last_view

LN_2 = float(np.log(2))
ANY_LOSS = dataclasses.replace(HELLO, loss_kind=LossKind.UNKNOWN)
STEPS = 60  # of a plan of 400: settled, and windows are of 40 steps
SIZE = 4.0  # norm of a kernel of 16 x 16 as Glorot would begin it
KERNELS, BIASES = slice(0, None, 2), slice(1, None, 2)


def updating(first=(), then=1e-3, *, of=slice(None), size=SIZE, **more):
    """A run whose first steps have these ratios, and the others `then`; the rest has 0.001."""
    loss = more.pop("loss", LN_2)
    ratio = np.broadcast_to(then, STEPS).astype(float)
    ratio[: len(first)] = first
    updates = np.full((STEPS, len(PATHS)), 1e-3 * size, np.float32)
    updates[:, of] = size * ratio[:, None]
    weights = np.full((STEPS, len(PATHS)), size, np.float32)
    return run(loss=flat(1.0, STEPS) * loss, steps=STEPS, **more).with_columns(
        update_norm=updates, weight_norm=weights
    )


def check(signals, steps=STEPS):
    return UpdateRatio().check(last_view(signals, steps=steps))


FIRST = {
    "two above the ceiling": ([0.21, 0.21], True),
    "five below it": ([0.19] * 5, False),
    "one alone": ([0.9], False),
    "the second largest of five": ([0.9, 0.0, 0.0, 0.0, 0.21], True),
    "the sixth does not count": ([0.9, 0.1, 0.1, 0.1, 0.1, 0.9], False),
    "Adam at 0.05": ([0.1, 0.1, 0.08, 0.06, 0.05], False),
}
SMALL = {
    "learns nothing": (LN_2, HELLO, True),
    "high": (0.55 * LN_2, HELLO, True),
    "fine-tuning, low from the start": (0.45 * LN_2, HELLO, False),
    "rests high": ([1.0] * 20 + [0.92] * 40, ANY_LOSS, True),
    "tail of a schedule": ([1.0] * 20 + [0.88] * 40, ANY_LOSS, False),
}


@pytest.mark.parametrize(("first", "expected"), FIRST.values(), ids=FIRST)
def test_the_second_largest_of_the_first_five_decides(first, expected):
    """Of a run that has not made up for it."""
    assert (check(updating(first)) is not None) == expected


@pytest.mark.parametrize(("of", "expected"), [(slice(2, 3), True), (BIASES, False)])
def test_one_kernel_is_enough_and_no_bias_is(of, expected):
    """Biases begin at zero: their ratio is large however small the update."""
    assert (check(updating([0.5] * 5, 0.5, of=of)) is not None) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.55, True), (0.45, False)])
def test_a_run_that_has_made_up_for_it_is_quiet(share, expected):
    """Half of the null model's loss is gone, or of the first loss where nobody knows that."""
    known = updating([0.5] * 5, loss=share * LN_2)
    loss = np.where(np.arange(STEPS) < 20, 3.0, 3.0 * share)
    unknown = updating([0.5] * 5, loss=loss, hello=ANY_LOSS)

    assert (check(known) is not None) == (check(unknown) is not None) == expected


def test_targets_in_the_thousands_are_reached_by_such_steps():
    """An early run that has left half of its very first loss behind is on its way."""
    loss = np.geomspace(100.0, 5.0, STEPS)
    finding = check(updating([0.5] * 5, loss=loss, hello=ANY_LOSS), steps=20)

    assert finding.severity is Severity.INFO


def test_while_the_loss_falls_large_updates_are_information():
    """By a tenth over the last half: they may be bold and do no harm."""
    falls, rests = np.linspace(1.0, 0.6, STEPS), np.full(STEPS, 0.69)
    severities = [check(updating(then=0.2, loss=loss)).severity for loss in (falls, rests)]

    assert severities == [Severity.INFO, Severity.WARNING]


def test_kernels_that_began_near_zero_do_not_count():
    """A quarter of Glorot's size: the first updates are what the kernel is made of."""
    assert check(updating([0.9] * 5, size=1.0)) is None


def test_steps_that_changed_nothing_do_not_count():
    """With accumulated gradients the first updates come late; they are the first all the same."""
    signals = updating([0.0] * 20 + [0.5] * 2, of=KERNELS)
    updates = signals.sampled["update_norm"].copy()
    updates[:20] = 0

    assert check(signals.with_columns(update_norm=updates)) is not None


@pytest.mark.parametrize(
    ("plan", "steps", "expected"), [(400, 16, False), (400, 20, True), (20, 3, True)]
)
def test_the_first_steps_are_judged_at_once(plan, steps, expected):
    """After twenty steps, three of a short run: nobody need wait for the end."""
    verdict = judge(UpdateRatio(), last_view(updating([0.5] * 5).with_plan(plan), steps=steps))

    assert isinstance(verdict, Finding) == expected


@pytest.mark.parametrize(("ratio", "expected"), [(0.09, False), (0.11, True)])
def test_every_step_changes_a_tenth_of_a_kernel(ratio, expected):
    """One kernel is enough, and it is named."""
    finding = check(updating(then=ratio, of=slice(4, 5)))

    assert (finding is not None) == expected
    assert not expected or finding.variables == ("dense_2/kernel",)


@pytest.mark.parametrize(("share", "expected"), [(0.4, False), (0.6, True)])
def test_the_median_of_the_window_counts(share, expected):
    """A few large steps are ordinary."""
    large = np.where(np.arange(STEPS) % 10 < 10 * share, 0.15, 1e-3)

    assert (check(updating(then=large)) is not None) == expected


@pytest.mark.parametrize(("steps", "expected"), [(36, False), (40, True)])
def test_later_updates_are_judged_once_they_have_settled(steps, expected):
    """The first steps of ordinary recipes are large, and those of a warm-up small."""
    for ratio in (0.15, 1e-7):
        signals = updating(then=ratio, size=1.0)
        assert (check(signals, steps) is not None) == expected


@pytest.mark.parametrize(
    ("ratio", "of", "expected"),
    [(0.9e-5, KERNELS, True), (1.1e-5, KERNELS, False), (0.9e-5, slice(0, 10, 2), False)],
)
def test_hardly_anything_changes(ratio, of, expected):
    """Only if it is so for all kernels; the last one may be updated as usual."""
    assert (check(updating(then=ratio, of=of)) is not None) == expected


@pytest.mark.parametrize(("loss", "hello", "expected"), SMALL.values(), ids=SMALL)
def test_small_updates_may_be_meant(loss, hello, expected):
    """Where the loss is low, or a tenth of it is gone."""
    assert (check(updating(then=1e-7, loss=loss, hello=hello)) is not None) == expected


@pytest.mark.parametrize(("ratio", "expected"), [(0.15, True), (1e-3, False)])
def test_steps_that_the_optimizer_skipped_are_left_out(ratio, expected):
    """Three of four steps accumulate: the fourth is the one that counts."""
    signals = updating(then=ratio)
    updates = signals.sampled["update_norm"].copy()
    updates[np.arange(STEPS) % 4 > 0] = 0

    assert (check(signals.with_columns(update_norm=updates)) is not None) == expected


def test_updates_that_are_no_numbers_are_not_measured():
    """It abstains when all are; with some it looks at the others."""
    signals = updating(then=0.15)
    updates = signals.sampled["update_norm"].copy()
    updates[::3] = np.nan
    assert check(signals.with_columns(update_norm=updates)) is not None

    updates[:] = np.nan
    with pytest.raises(NotMeasurableError):
        check(signals.with_columns(update_norm=updates))


def test_a_run_without_variables_cannot_be_measured():
    """A loop of one's own may send norms and no names; with them a thousandth is clear."""
    view = dataclasses.replace(last_view(updating(then=0.15, size=1.0)), variables=())

    assert judge(UpdateRatio(), view) == Abstain(Reason.TOO_FEW_POINTS)
    assert judge(UpdateRatio(), last_view(updating())) == Clear()


def test_the_first_updates_are_of_step_zero_and_the_first_learning_rate():
    """What is found later names the rate of now."""
    first, late = (
        UpdateRatio().check(
            dataclasses.replace(last_view(signals), learning_rate={0: 0.1, 50: 0.01})
        )
        for signals in (updating([0.5] * 5), updating(then=0.15, size=1.0))
    )

    assert (first.since_step, late.since_step) == (0, None)
    assert [e.value for e in first.evidence] == pytest.approx([0.5, 0.1])
    assert [e.value for e in late.evidence] == pytest.approx([0.15, 0.01])


def test_it_lifts_the_patience_with_a_young_run():
    """First updates that swept the weights away say why nothing will be learned."""
    found = Finding(Severity.CRITICAL, "no better than guessing", ())
    verdicts = {"no_skill": found, "update_ratio": check(updating([0.5] * 5))}

    assert weigh(verdicts, 100, 0.1)["no_skill"].severity is Severity.CRITICAL
