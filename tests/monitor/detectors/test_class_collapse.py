"""The line between collapsed predictions and ordinary ones."""

import numpy as np
import pytest

from flatline_monitor.detectors.class_collapse import ClassCollapse
from flatline_monitor.detectors.contract import NotMeasurableError
from tests.signals import STEPS, classes, flat, run
from tests.views import last_view


def check(labels, predicted):
    correct = np.minimum(labels, predicted).tolist()
    return ClassCollapse().check(last_view(run(counts=classes(STEPS, labels, predicted, correct))))


@pytest.mark.parametrize(
    ("labels", "predicted", "fires"),
    [
        ([29, 3], [32, 0], True),
        ([16, 16], [32, 0], True),
        ([8] * 4, [32, 0, 0, 0], True),
        ([8] * 4, [16, 16, 0, 0], True),
        ([29, 3], [30, 2], False),
        ([8] * 4, [11, 11, 10, 0], False),
        ([16, 16], [20, 12], False),
    ],
    ids=[
        "90/10, only the majority",
        "even, only one",
        "four, only one",
        "four, only two",
        "90/10, a little less of the minority",
        "four, one of them missing",
        "even, one a little more",
    ],
)
def test_it_fires_when_few_classes_are_predicted(labels, predicted, fires):
    """A quarter of the classes missing, and less than half of their spread."""
    assert (check(labels, predicted) is not None) == fires


def test_one_class_alone_cannot_collapse():
    """Where all labels are of one class there is nothing to tell apart."""
    with pytest.raises(NotMeasurableError):
        check([32, 0], [32, 0])


def test_the_sentence_says_what_is_predicted_and_what_is_not():
    """With the shares of this run."""
    finding = check([29, 3], [32, 0])

    assert finding.summary == (
        "The predictions collapse: 100.0% of them are class 0; "
        "class 1 is (almost) never predicted, although "
        "9.4% of the labels are of it"
    )


@pytest.mark.parametrize(
    ("labels", "predicted", "loss", "severity"),
    [
        ([29, 3], [32, 0], 0.32, "critical"),
        ([29, 3], [32, 0], 0.25, "info"),
        ([17, 15], [32, 0], 0.25, "critical"),
    ],
    ids=["no skill", "a rare event that is known of", "half of the labels, whatever the loss"],
)
def test_a_rare_class_may_rightly_never_be_the_likelier(labels, predicted, loss, severity):
    """With skill, and a class that few samples have, it is only information."""
    correct = np.minimum(labels, predicted).tolist()
    signals = run(loss=flat(loss), counts=classes(STEPS, labels, predicted, correct))

    assert ClassCollapse().check(last_view(signals)).severity == severity
