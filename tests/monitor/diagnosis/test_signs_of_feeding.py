"""What the inputs, labels and targets tell, and how it is measured in a run."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.diagnosis import measures_of_data as measures
from flatline_monitor.diagnosis.case import Case
from flatline_monitor.diagnosis.infer import diagnose
from flatline_monitor.diagnosis.signs import present
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.records import LossKind, Task
from tests.monitor.diagnosis.cases import BLIND, facts, found
from tests.signals import STEPS, run
from tests.views import last_view

SIGNS = ("inputs_constant", "input_outlier", "inputs_changed", "labels_outside")
rng = np.random.default_rng(5)


def told(name, **changes):
    return present(Case({}, facts(**changes)), name)


def fed(size):
    """A run whose one input has these sizes, [step]."""
    size = np.asarray(size, np.float32)[:, None]
    sizes = {"input_mean": 0 * size, "input_std": size, "input_min": -3 * size}
    return last_view(run().with_columns(**sizes, input_max=3 * size))


def counted(**columns):
    """A run in which this was counted over all."""
    coarse = Blocks(
        {"first": np.zeros(1), "last": np.ones(1)} | {n: c[None] for n, c in columns.items()}
    )
    return dataclasses.replace(last_view(run()), coarse=coarse)


def ordinary(steps=STEPS):
    return np.exp(0.1 * rng.normal(size=steps))


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_inputs_that_become_others_are_told_by_their_step(share):
    """From the first batch on that is of another size, and of no other."""
    size, at = ordinary(), int(share * STEPS)
    size[at:] *= 100
    step, before, since = measures.change(fed(size)) or (0, 0, 0)

    assert step == at
    assert before == pytest.approx(1, rel=0.1)
    assert since == pytest.approx(100, rel=0.1)


def test_inputs_that_vary_have_not_changed():
    """Neither by noise, nor by a trifle, nor by a batch or two."""
    spiked, shifted = ordinary(), ordinary()
    spiked[-20] = 1e6
    shifted[STEPS // 2 :] *= 2

    for size in (ordinary(), spiked, shifted, np.exp(2 * rng.normal(size=STEPS))):
        assert measures.change(fed(size)) is None
    assert measures.change(last_view(run().without("input_mean"))) is None


def test_a_batch_far_beyond_all_others_is_an_outlier():
    """With its step, what is usual and what it held; many of them are usual themselves."""
    size = ordinary()
    size[-20] = 1e6
    step, usual, here = measures.outlier(fed(size)) or (0, 0, 0)

    assert (step, here) == (STEPS - 20, pytest.approx(3e6))
    assert usual == pytest.approx(3, rel=0.1)
    size[-40:] = 1e6
    assert measures.outlier(fed(size)) is None
    assert measures.outlier(fed(ordinary())) is None
    assert measures.outlier(last_view(run().without("input_min"))) is None


def test_inputs_are_constant_when_no_element_differs():
    """In all batches, not each in its own way."""
    same = np.ones((STEPS, 1), np.float32)
    other = same.copy()
    other[-1] = 2

    assert measures.are_constant(last_view(run().with_columns(input_min=same, input_max=same)))
    assert not measures.are_constant(
        last_view(run().with_columns(input_min=other, input_max=other))
    )
    assert not measures.are_constant(fed(ordinary()))


def test_labels_that_are_none_of_the_classes_are_counted():
    """What is missing in the histogram; words of a sentence are more than its samples."""
    labels = np.array([0, 30, 30])

    assert measures.labels_outside(counted(label_count=labels, samples=np.array(90))) == (
        pytest.approx(1 / 3)
    )
    assert measures.labels_outside(counted(label_count=labels, samples=np.array(6))) == 0
    assert measures.labels_outside(counted(samples=np.array(6))) == 0


@pytest.mark.parametrize(
    ("total", "squares", "kind", "expected"),
    [
        ([30.0, 70.0], [30.0, 70.0], LossKind.SQUARED_ERROR, True),
        ([30.0, 70.0], [31.0, 70.0], LossKind.SQUARED_ERROR, False),
        ([30.0, 70.0], [30.0, 70.0], LossKind.ABSOLUTE_ERROR, False),
        ([0.0, 0.0], [0.0, 0.0], LossKind.SQUARED_ERROR, False),
        ([30.0] * 99, [30.0] * 99, LossKind.SQUARED_ERROR, False),
    ],
    ids=["labels", "a fraction", "another loss", "noughts", "a picture"],
)
def test_targets_of_nought_and_one_are_labels(total, squares, kind, expected):
    """The sum of their squares is their sum."""
    view = counted(
        target_sum=np.array(total),
        target_square_sum=np.array(squares),
        target_count=np.full(len(total), 100.0),
    )
    view = dataclasses.replace(view, hello=dataclasses.replace(view.hello, loss_kind=kind))

    assert measures.are_labels(view) is expected


def test_the_size_of_targets_is_their_distance_from_zero():
    """Of the output where it is largest: a mean of 30 counts, whatever the spread."""
    view = counted(
        target_square_sum=np.array([100.0, 90_000.0]), target_count=np.array([100.0, 100.0])
    )

    assert measures.target_size(view) == pytest.approx(30)
    assert measures.target_size(counted(samples=np.array(6))) is None


def test_the_accuracy_is_that_of_late():
    """Of every answer that was counted; nothing where none was."""
    view = last_view(run())
    late = view.coarse.since(view.step - view.step // 4)
    share = late.total("correct_count").sum() / late.total("label_count").sum()

    assert measures.accuracy(view) == pytest.approx(share)
    assert measures.accuracy(counted(samples=np.array(6))) is None


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ((-0.003, 0.003, 0.0, 0.001), "inputs_tiny"),
        ((-3.0, 3.0, 0.0, 1.0), "inputs_around_one"),
        ((0.0, 255.0, 90.0, 80.0), "inputs_wide"),
        ((0.5, 0.5, 0.5, 0.0), "inputs_around_one"),
    ],
    ids=["tiny", "ordinary", "wide", "constant"],
)
def test_inputs_are_wide_tiny_or_around_one(inputs, expected):
    """One of the three."""
    names = ("inputs_wide", "inputs_tiny", "inputs_around_one")

    assert [name for name in names if told(name, inputs=(inputs,))] == [expected]


@pytest.mark.parametrize(
    ("size", "expected"),
    [(20.0, "targets_wide"), (2.0, ""), (0.001, "targets_tiny"), (0.0, "")],
)
def test_targets_are_wide_or_tiny_by_their_size(size, expected):
    """Neither of which a model begins with."""
    changes = {"task": Task.REGRESSION, "target_size": size, "null_loss": 1e-7}
    names = ("targets_wide", "targets_tiny")

    assert "".join(name for name in names if told(name, **changes)) == expected
    assert not any(told(name, target_size=size) for name in names)


def test_each_sign_says_its_numbers():
    """As a sentence for people."""
    assert told("inputs_constant", constant_inputs=True)
    assert told("input_outlier", input_outlier=(150, 3.0, 2e9)) == (
        "the batch of step 150 holds a number of size 2e+09; 3 is usual"
    )
    assert told("inputs_changed", input_change=(240, 1.0, 99.8)) == (
        "from step 240 on the inputs are of size 99.8; before it was 1"
    )
    assert told("labels_outside", labels_outside=0.33, labels=(0, 50, 50)) == (
        "33% of the labels are none of the 3 classes, 0 to 2"
    )
    assert told("targets_are_labels", targets_are_labels=True)


def test_labels_that_the_loss_ignores_are_not_outside():
    """They leave no class empty."""
    assert not told("labels_outside", labels_outside=0.33, labels=(50, 50, 50))


def test_a_run_that_sent_nothing_has_none_of_them():
    """Nor has an ordinary one."""
    for name in (*SIGNS, "targets_are_labels"):
        assert not present(Case({}, BLIND), name)
        assert not told(name)


@pytest.mark.parametrize(
    ("findings", "known", "cause"),
    [
        (
            found("divergence", "loss_spike", "dead_units", "no_skill"),
            facts(input_outlier=(150, 3.0, 2e9), kernels_without_gradient=3),
            "bad_values_in_data",
        ),
        (
            found("non_finite", "loss_spike"),
            facts(input_change=(240, 1.0, 99.8), bad_place="loss", bad_step=250),
            "data_changed",
        ),
        (
            found("non_finite"),
            facts(labels_outside=0.3, labels=(0, 50, 50), bad_place="loss", bad_step=0),
            "wrong_last_layer_or_loss",
        ),
        (
            found("no_skill", "class_collapse", "stagnation"),
            facts(constant_inputs=True, inputs=()),
            "no_information",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_fed_explains_what_came_of_it(findings, known, cause):
    """Dead units and a bad loss are what it led to."""
    assert diagnose(findings, known)[0].name == cause
