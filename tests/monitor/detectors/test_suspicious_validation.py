"""The line between a validation that measures something else and one that is hard or small."""

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
from flatline_monitor.detectors.suspicious_validation import SuspiciousValidation
from flatline_monitor.runs.records import EndStatus, Evaluation, LossKind, Role, Task
from tests.play import firing, play
from tests.signals import HELLO, classes, in_order, run, too_good
from tests.views import last_view

EPOCH = 20


def trained(epochs=1, *, signals=None, **more):
    """The picture of a run after so many epochs; the healthy one is right in 28 of 32."""
    view = last_view(run() if signals is None else signals, steps=epochs * EPOCH)
    return dataclasses.replace(view, **more)


def validated(view, loss=0.5, *, accuracy=None, n=1_000, **counts):
    """The same with a validation at its end, and as many before it as there are epochs."""
    metrics = {"loss": loss} | ({} if accuracy is None else {"accuracy": accuracy})
    steps = range(EPOCH, view.step + 2, EPOCH)
    told = tuple(Evaluation(at, at // EPOCH - 1, n, metrics, **counts) for at in steps)
    return dataclasses.replace(view, evaluations=told, final=True)


def severity(view, *args, **more):
    finding = SuspiciousValidation().check(validated(view, *args, **more))
    return None if finding is None else finding.severity.value


@pytest.mark.parametrize(
    ("accuracy", "n", "expected"),
    [(0.5, 1_000, "warning"), (0.62, 1_000, None), (0.5, 40, None), (0.9, 1_000, None)],
    ids=["at chance", "more than half of the way", "of few samples", "as good as the training"],
)
def test_a_validation_far_worse_in_the_first_epoch(accuracy, n, expected):
    """The training is right in 87.5 % of samples that are new to it as well, at least in 80 %."""
    assert severity(trained(), accuracy=accuracy, n=n) == expected


def test_a_training_below_chance_is_no_measure():
    """Class weights have it answer the rare class too often at first, and the validation too."""
    counts = classes(400, [31, 1], [14, 18], [14, 1])

    assert severity(trained(signals=run(counts=counts)), accuracy=0.4) is None


@pytest.mark.parametrize(("loss", "expected"), [(0.85, None), (1.1, "warning"), (np.nan, None)])
def test_a_validation_loss_above_every_batch_by_half_the_null_model(loss, expected):
    """The worst of the last ten batches had about 0.6, and guessing loses 0.69."""
    assert severity(trained(), loss) == expected


@pytest.mark.parametrize(("loss", "expected"), [(3.0, None), (4.0, "warning")])
def test_in_a_regression_it_takes_three_null_models(loss, expected):
    """An outlier in a small validation set is no other preparation."""
    hello = dataclasses.replace(HELLO, task=Task.REGRESSION, loss_kind=LossKind.SQUARED_ERROR)
    columns = {
        "target_mean": np.zeros((400, 1), np.float32),
        "target_variance": np.ones((400, 1), np.float32),
    }

    assert severity(trained(signals=run(hello=hello, counts=columns)), loss) == expected


def test_after_two_epochs_it_may_be_overfitting():
    """Then it cannot say; and a validation that has come round is clear."""
    assert severity(trained(2), accuracy=0.5) == "warning"
    with pytest.raises(NotMeasurableError):
        severity(trained(3), accuracy=0.5)
    assert judge(SuspiciousValidation(), validated(trained(3), accuracy=0.85)) == Clear()


def test_what_only_the_second_epoch_shows_may_be_memory():
    """Its samples are not new any more: a large model knows a few hundred of them by then."""
    view = validated(trained(2), accuracy=0.5)
    first, second = view.evaluations
    as_good = dataclasses.replace(first, metrics={"loss": 0.5, "accuracy": 0.87})
    view = dataclasses.replace(view, evaluations=(as_good, second))

    with pytest.raises(NotMeasurableError):
        SuspiciousValidation().check(view)


def test_a_further_fit_has_no_first_epoch():
    """Its samples are known to the model."""
    again = dataclasses.replace(HELLO, fit=1)
    with pytest.raises(NotMeasurableError):
        severity(trained(hello=again), accuracy=0.5)


def test_a_model_that_was_trained_before_knows_its_samples():
    """Its first loss is less than half of what guessing loses."""
    with pytest.raises(NotMeasurableError):
        severity(trained(signals=run(loss=np.full(400, 0.3))), accuracy=0.5)


@pytest.mark.parametrize(
    ("layer_class", "role", "let_off"),
    [
        ("BatchNormalization", Role.GAMMA, True),
        ("", Role.GAMMA, True),
        ("LayerNormalization", Role.GAMMA, False),
        ("Dense", Role.KERNEL, False),
    ],
)
def test_moving_means_lag_behind_at_first(layer_class, role, let_off):
    """A batch normalisation of a few steps is not ready for a validation."""
    view = trained()
    one = dataclasses.replace(view.variables[0], layer_class=layer_class, role=role)
    view = dataclasses.replace(view, variables=(one, *view.variables[1:]))
    verdict = judge(SuspiciousValidation(), validated(view, accuracy=0.5))

    assert verdict == Abstain(Reason.TOO_FEW_POINTS) if let_off else isinstance(verdict, Finding)


def test_sorted_data_are_no_test_for_what_comes():
    """The last half of the epoch was of one class, and that is answered best."""
    counts = dict(in_order().sampled)
    counts["correct_count"] = counts["label_count"]
    view = trained(signals=run(counts={name: counts[name] for name in counts if "count" in name}))

    assert severity(view, accuracy=0.2) is None
    told = Finding(Severity.WARNING, "it is so", ())
    verdicts = weigh({"not_shuffled": told, "suspicious_validation": told}, 100, 0.5)
    assert verdicts["suspicious_validation"] == Abstain(Reason.SUPPRESSED)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((500, 500), None),
        ((800, 200), None),
        ((960, 40), "info"),
        ((8, 2), None),
        ((0, 0), None),
        ((500, 250, 250), None),
    ],
    ids=["the same", "other proportions", "far others", "few", "not counted", "other classes"],
)
def test_labels_of_another_set(labels, expected):
    """Two fifths of them are others, and that is no chance."""
    assert severity(trained(), label_counts=labels) == expected


def test_classes_that_the_training_has_not_shown_cannot_be_right():
    """A validation split off sorted arrays; half of it is of a third class."""
    counts = classes(400, [16, 16, 0], [16, 16, 0], [14, 14, 0])
    view = trained(signals=run(counts=counts))

    assert severity(view, label_counts=(0, 300, 700)) == "warning"
    assert severity(view, label_counts=(0, 700, 300)) == "info"


@pytest.mark.parametrize(
    ("accuracy", "n", "expected"), [(0.999, 1_000, "info"), (0.96, 1_000, None), (1.0, 30, None)]
)
def test_a_validation_far_better_is_remarked_on(accuracy, n, expected):
    """The training is right in 87.5 %, at most in 92.4 % of samples like these."""
    assert severity(trained(3), accuracy=accuracy, n=n) == expected


def test_it_takes_three_validations_to_be_better():
    """In the first epochs the training is behind by half an epoch."""
    assert severity(trained(2), accuracy=0.999) is None


def test_counts_tell_the_accuracy_where_there_is_no_metric():
    """And how many samples there were."""
    counts = {"label_counts": (500, 500), "correct_counts": (250, 250)}

    assert severity(trained(), n=None, **counts) == "warning"


def test_it_is_asked_once_for_each_validation():
    """Without one it abstains, in between too."""
    assert judge(SuspiciousValidation(), trained()) == Abstain(Reason.TOO_FEW_POINTS)
    view = dataclasses.replace(validated(trained(), accuracy=0.5), final=False)
    later = dataclasses.replace(view, sampled_from=view.step + 2)

    assert judge(SuspiciousValidation(), later) == Abstain(Reason.NO_NEW_SAMPLE)


def test_two_validations_in_a_row_must_be_suspicious():
    """Or the last one of the run."""
    signals = too_good()
    records = signals.records()
    third = [*records[: 1 + 2 * 3], signals.chunk(66, 80)]
    fourth = [*records[: 1 + 2 * 4], signals.chunk(88, 100)]

    assert firing(play(third)) == {}
    assert firing(play(fourth)) == {"suspicious_validation": "info"}
    ended = play(signals.records(end=EndStatus.FINISHED))
    assert firing(ended) == {"suspicious_validation": "info"}


def test_the_sentences_compare_validation_and_training():
    """By what tells them apart."""
    check = SuspiciousValidation().check

    assert check(validated(trained(), accuracy=0.5)).summary == (
        "The validation is worse than training on samples that are new to it as well: 50.0% "
        "right, the training 87.5%"
    )
    assert check(validated(trained(3), accuracy=0.999)).summary.startswith(
        "The validation is better than the training: 99.9% right, the training 87.5%"
    )
    assert check(validated(trained(), label_counts=(960, 40))).summary == (
        "The validation set has other labels than the training: 96% of them are class 0, in the "
        "training 50%"
    )
