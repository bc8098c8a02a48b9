"""The line between a class that is not recognised and one that is hard, rare or still to come."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.contract import Abstain, Clear, NotMeasurableError, Reason
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.starved_class import StarvedClass
from flatline_monitor.runs.records import EndStatus, Evaluation
from tests.play import firing, play
from tests.signals import HELLO, STEPS, classes, run, starved
from tests.views import last_view

EVEN = [8, 8, 8, 8]


def counted(labels, correct, **more):
    """A run whose batches are like this, and where what is not right is called class 0."""
    predicted = list(correct)
    predicted[0] += sum(labels) - sum(correct)
    return run(counts=classes(STEPS, labels, predicted, correct), **more)


def severity(labels, correct, **more):
    finding = StarvedClass().check(last_view(counted(labels, correct, **more)))
    return None if finding is None else finding.severity.value


@pytest.mark.parametrize(
    ("labels", "correct", "expected"),
    [
        (EVEN, [7, 0, 7, 7], "warning"),
        (EVEN, [7, 1, 7, 7], "warning"),
        (EVEN, [7, 2, 7, 7], None),
        (EVEN, [8, 0, 8, 6], "warning"),
        (EVEN, [7, 0, 7, 6], "info"),
        (EVEN, [6, 0, 6, 6], None),
        ([10, 10, 10, 2], [9, 9, 9, 0], "info"),
        ([8] * 5, [8, 0, 7, 0, 8], "info"),
        ([26, 2, 2, 2], [26, 0, 0, 0], None),
    ],
    ids=[
        "never recognised",
        "one in eight",
        "one in four: the upper bound is above",
        "the others a little less",
        "the others not surely told apart",
        "the others not told apart",
        "a rare class",
        "two of five, as the middle of ratings",
        "only the commonest is answered",
    ],
)
def test_it_fires_where_others_are_told_apart(labels, correct, expected):
    """An epoch has 640 samples, and that many count."""
    assert severity(labels, correct) == expected


@pytest.mark.parametrize("labels", [[16, 16], [29, 3]])
def test_of_two_classes_there_are_no_others_to_tell_apart(labels):
    """One of them is never predicted: that is a collapse."""
    assert severity(labels, [labels[0], 0]) is None


def test_few_samples_are_no_evidence():
    """The set has ten samples of the class, however often they are seen."""
    tiny = dataclasses.replace(HELLO, batch_size=2)

    assert severity(EVEN, [7, 0, 7, 7]) == "warning"
    assert severity(EVEN, [7, 0, 7, 7], hello=tiny) is None


def test_a_class_that_is_learned_now_is_let_be():
    """Over the last quarter of the run its recall rises by more than a twentieth."""
    correct = np.tile(np.array([7, 0, 7, 7], np.uint32), (STEPS, 1))
    correct[-50:, 1] = 1

    assert severity(EVEN, [7, 0, 7, 7]) == "warning"
    signals = counted(EVEN, [7, 0, 7, 7]).with_columns(correct_count=correct)
    assert StarvedClass().check(last_view(signals)) is None


def test_a_run_that_lacks_time_is_only_remarked_on():
    """Ten epochs of forty steps, each better than the one before."""
    t = np.arange(STEPS)
    hello = dataclasses.replace(HELLO, plan_epochs=10, plan_steps=2 * STEPS)
    still = run(loss=1.4 - t / STEPS, counts=starved().sampled, hello=hello)

    assert StarvedClass().check(last_view(still)).severity == "info"


def test_before_thirty_hundredths_of_the_plan_it_is_information():
    """A model learns some classes first; and in ten epochs of twenty steps it lacks time."""
    records = starved().records()[:1]
    early = play([*records, starved().chunk(0, 100)])
    late = play([*records, starved().chunk(0, 220)])

    assert firing(early)["starved_class"] == "info"
    assert firing(late)["starved_class"] == "warning"


def test_a_model_without_skill_starves_no_class():
    """What does no better than guessing says more."""
    guessing = run(loss=np.full(STEPS, np.log(4)), counts=starved().sampled)
    none = dict(guessing.sampled) | classes(STEPS, EVEN, [32, 0, 0, 0], [8, 0, 0, 0])
    state = play(dataclasses.replace(guessing, sampled=none).records(end=EndStatus.FINISHED))

    assert "no_skill" in firing(state)
    assert "starved_class" not in firing(state)


@pytest.mark.parametrize(
    ("correct", "expected"), [((90, 190, 190, 5), True), ((90, 190, 190, 80), False), ((), False)]
)
def test_the_validation_tells_too(correct, expected):
    """A class that is recognised in training, and of which hardly one in forty is here."""
    view = last_view(counted(EVEN, [8, 8, 8, 8]))
    last = Evaluation(STEPS, 19, 700, {"loss": 0.5}, (100, 200, 200, 200), (), correct)
    if not correct:
        last = dataclasses.replace(last, label_counts=())
    finding = StarvedClass().check(dataclasses.replace(view, evaluations=(last,)))

    assert (finding is not None) is expected
    assert finding is None or finding.summary.startswith(
        "Class 3 is hardly recognised: 2.5% of its samples of the validation are, and more than"
    )


def test_the_sentence_names_the_class():
    """With its recall, and what the others are known to reach at least."""
    finding = StarvedClass().check(last_view(starved()))

    assert finding.summary == (
        "Class 1 is hardly recognised: 0.0% of its samples are, and more than 82% of those of "
        "the others"
    )
    assert [round(e.value, 2) for e in finding.evidence] == [0.0, 0.82, 0.25, 1.0]


def test_all_classes_recognised_is_clear():
    """And without any label nothing can be said."""
    assert judge(StarvedClass(), last_view(counted(EVEN, [7, 7, 7, 7]))) == Clear()
    empty = last_view(counted([0, 0, 0, 0], [0, 0, 0, 0]))
    with pytest.raises(NotMeasurableError):
        StarvedClass().check(empty)
    assert judge(StarvedClass(), empty) == Abstain(Reason.TOO_FEW_POINTS)
