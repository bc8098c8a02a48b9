"""Over every row of the table: what is sent is what happened, and nothing else happened."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from flatline.rows import EXACT, UNKNOWN
from tests.client.conformance.case import KNOWN, Case, Seen
from tests.client.conformance.experiment import Experiment, Truth, norm
from tests.client.conformance.table import CASES, FAST
from tests.client.models import Recorded


def rows() -> list[Any]:
    """All cases; the slower ones are left to `make conformance`."""
    return [
        pytest.param(name, id=name, marks=[] if name in FAST else [pytest.mark.long])
        for name in CASES
    ]


@pytest.fixture(scope="module", params=rows())
def experiment(request: pytest.FixtureRequest) -> Experiment:
    """A case, trained alone and watched; all claims are about the same trainings."""
    return Experiment.of(CASES[request.param])


@pytest.fixture(autouse=True)
def known_defects(request: pytest.FixtureRequest, experiment: Experiment) -> None:
    """Expect the claims to fail that a case says do not hold."""
    claim = request.function.__name__
    reason = experiment.case.xfail.get(claim)
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


def sampled_rows(experiment: Experiment) -> Iterator[tuple[dict[str, np.ndarray], Truth]]:
    """What was sent of each sampled step, beside what happened."""
    run = experiment.dense
    if not experiment.case.compare:
        pytest.skip("the numbers cannot be had by hand")
    assert len(experiment.truths) >= experiment.case.sampled
    for row, truth in enumerate(experiment.truths):
        yield {name: run.sampled(name)[row] for name in run.names & KNOWN}, truth


def test_norms(experiment: Experiment) -> None:
    """Gradients are measured unscaled and before clipping, weights after the update."""
    for columns, truth in sampled_rows(experiment):
        check_norms(experiment.case, columns, truth)


def test_losses(experiment: Experiment) -> None:
    """The loss of a step and its parts are those before the update."""
    case, run = experiment.case, experiment.dense
    for (columns, truth), step in zip(sampled_rows(experiment), run.sampled_steps, strict=True):
        check_losses(case, columns, truth.seen)
        if run.column("loss_source")[step] == EXACT:
            loss = run.column("loss")[step]
            np.testing.assert_allclose(loss, float(truth.seen.loss), rtol=case.tolerance)


def test_counts_and_moments(experiment: Experiment) -> None:
    """Labels, predictions, targets and inputs are those of the step's own batch and weights."""
    for columns, truth in sampled_rows(experiment):
        check_counts(experiment.case, columns, truth)
        check_inputs(columns, truth.batch[0])


def check_norms(case: Case, columns: dict[str, np.ndarray], step: Truth) -> None:
    """Gradients unscaled and before clipping, weights after the step, updates between."""
    if "grad_norm" not in columns:
        return
    total = norm(step.gradients)
    near: dict[str, Any] = {
        "rtol": case.tolerance,
        "atol": case.noise * total if np.isfinite(total) else 0.0,
    }
    np.testing.assert_allclose(columns["grad_norm"], step.gradients, **near)
    np.testing.assert_allclose(columns["global_grad_norm"], total, rtol=case.tolerance)
    exact = 1e-5 if case.stepwise is None else case.tolerance
    np.testing.assert_allclose(columns["weight_norm"], step.weights, rtol=exact)
    # What is added to a weight is rounded to half a unit of that weight.
    for update, expected, weight in zip(
        columns["update_norm"], step.updates, step.weights, strict=True
    ):
        np.testing.assert_allclose(update, expected, rtol=exact, atol=6e-8 * weight)
    if np.isfinite(total) and not case.noise:
        np.testing.assert_allclose(columns["grad_zero_share"], step.zeros, rtol=1e-5, atol=1e-6)
    if case.scaled:
        assert columns["loss_scale"] == step.scale


def check_losses(case: Case, columns: dict[str, np.ndarray], seen: Seen) -> None:
    """The parts of the loss, as far as they are told."""
    near: dict[str, Any] = {"rtol": case.tolerance, "atol": 1e-7 * abs(float(seen.loss or 0.0))}
    if "data_loss" in columns:
        np.testing.assert_allclose(columns["data_loss"], float(seen.data_loss), **near)
    if "regularization_loss" in columns:
        regularization = float(seen.regularization)
        np.testing.assert_allclose(columns["regularization_loss"], regularization, **near)


def check_counts(case: Case, columns: dict[str, np.ndarray], step: Truth) -> None:
    """Labels, predictions and hits; positives of each label; moments of targets."""
    if case.reads == "nothing":
        return
    y, prediction = case.seen_as(np.asarray(step.batch[1]), np.asarray(step.seen.prediction))
    if case.reads == "numbers" and "target_mean" in columns:
        wide = y.reshape(len(y), -1).astype(np.float64)
        mean, variance = wide.mean(0), wide.var(0)
        np.testing.assert_allclose(columns["target_mean"], mean, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(columns["target_variance"], variance, rtol=1e-5, atol=1e-6)
    if "positive_count" in columns:
        np.testing.assert_array_equal(columns["positive_count"], (y > 0.5).sum(0))
    if "label_count" in columns:
        guess = (prediction > 0.5) if case.reads == "threshold" else prediction.argmax(-1)
        classes = 2 if case.reads == "threshold" else prediction.shape[-1]
        labels, guess = y.ravel().astype(int), guess.ravel().astype(int)
        for name, values in (
            ("label_count", labels),
            ("prediction_count", guess),
            ("correct_count", labels[labels == guess]),
        ):
            np.testing.assert_array_equal(columns[name], np.bincount(values, minlength=classes))


def check_inputs(columns: dict[str, np.ndarray], x: Any) -> None:
    """Moments of each input, in Keras's order."""
    if "sample_count" not in columns:
        return
    inputs = [np.asarray(each) for each in keras.tree.flatten(x)]
    inputs = [each.astype(np.float64) for each in inputs if each.dtype.kind in "fiub"]
    assert columns["sample_count"] == len(inputs[0])
    for name, expected in (
        ("input_mean", [each.mean() for each in inputs]),
        ("input_std", [each.std() for each in inputs]),
        ("input_min", [each.min() for each in inputs]),
        ("input_max", [each.max() for each in inputs]),
    ):
        np.testing.assert_allclose(columns[name], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(columns["input_nonfinite_count"], [0] * len(inputs))


def test_what_cannot_be_known_is_absent(experiment: Experiment) -> None:
    """No column is sent that was not measured, and none that is only filled."""
    case, run = experiment.case, experiment.dense
    if case.sampled == 0:
        assert run.sampled_steps == []
        return
    assert len(run.sampled_steps) >= case.sampled
    assert run.names & KNOWN == case.expected
    overflown = "grad_norm" in run.names and not np.isfinite(run.sampled("grad_norm")).all()
    for name in run.names:
        column = run.sampled(name)
        assert len(column) == len(run.sampled_steps)
        assert overflown or not np.isnan(column).all(), name


def test_nothing_else_happened(experiment: Experiment) -> None:
    """All variables are the same, bit for bit; those of metrics and optimizers too."""
    if experiment.retraced is not None:
        check_retraced(experiment, experiment.retraced.after)
        return
    check_sampled(experiment)
    for ours, theirs in zip(experiment.watched.states, experiment.alone.states, strict=True):
        for watched, alone in zip(ours, theirs, strict=True):
            assert watched.dtype == alone.dtype
            np.testing.assert_array_equal(watched, alone)


def check_sampled(experiment: Experiment) -> None:
    """The first fit was sampled as far as it can be, the second one here and there."""
    case, dense, sparse = experiment.case, experiment.dense, experiment.sparse
    assert len(dense.sampled_steps) >= case.sampled
    if case.sampled:
        assert 0 < len(sparse.sampled_steps) <= len(sparse.steps)


def check_retraced(experiment: Experiment, after: list[Any]) -> None:
    """Under XLA an unsampled step is the program's own; a sampled one may round otherwise."""
    alone, sampled = experiment.alone.witnesses[0].after, set(experiment.dense.sampled_steps)
    assert sampled
    for step, (ours, theirs) in enumerate(zip(after, alone, strict=True)):
        for watched, expected in zip(ours, theirs, strict=True):
            if step not in sampled or watched.dtype.kind != "f":
                np.testing.assert_array_equal(watched, expected)
            else:
                # Units of the array's largest element: a small one may be a difference of large.
                unit = np.spacing(np.abs(expected).max(initial=0))
                np.testing.assert_allclose(watched, expected, rtol=0, atol=2 * unit)


def test_others_see_the_same_logs(experiment: Experiment) -> None:
    """Keys in their order, values and types, at each batch and epoch; and the history."""
    if experiment.retraced is not None:
        check_similar(experiment)
        return
    assert experiment.watched.histories == experiment.alone.histories
    for ours, theirs in zip(experiment.watched.witnesses, experiment.alone.witnesses, strict=True):
        assert ours.logs == theirs.logs


def check_similar(experiment: Experiment) -> None:
    """Under XLA the values may differ in the last bits."""
    ours, theirs = experiment.watched.witnesses[0].logs, experiment.alone.witnesses[0].logs
    for watched, alone in zip(ours, theirs, strict=True):
        assert [entry[:2] for entry in watched] == [entry[:2] for entry in alone]
        mine, expected = ([entry[2] for entry in each] for each in (watched, alone))
        np.testing.assert_allclose(mine, expected, rtol=1e-5)


def test_losses_that_are_told_are_those_of_the_steps(experiment: Experiment) -> None:
    """Every step is told of; a loss is exact, taken out of the mean, as logged or unknown."""
    for run in (experiment.dense, experiment.sparse):
        check_steps(run, experiment)


def check_steps(run: Recorded, experiment: Experiment) -> None:
    """Steps are counted without a gap, and a loss that is not known is nan."""
    if not run.rows:
        return
    assert run.steps == list(range(len(run.steps)))
    losses, sources = run.column("loss"), run.column("loss_source")
    assert np.isnan(losses[sources == UNKNOWN]).all()
