"""Each rule of each rival fires on what its authors describe, and on a clean training none does."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from flatline_monitor.runs.records import Task
from tests.gallery.rivals import autotrainer, deepchecker, deepdiagnosis, keras_callbacks, umlaut
from tests.gallery.rivals.catalogue import RIVALS
from tests.gallery.rivals.contract import Rival, rule
from tests.gallery.rivals.made import (
    ENDS,
    EPOCHS,
    STEPS,
    chance,
    clean,
    of_kernels,
    with_accuracy,
    with_columns,
    with_loss,
    with_validation,
)
from tests.gallery.rivals.sagemaker import EVERY_STEP, SAVE_INTERVAL, SAVED
from tests.gallery.series import Series

SAGEMAKER, AUTOTRAINER = EVERY_STEP, autotrainer.RIVAL
DEEPDIAGNOSIS, UMLAUT = deepdiagnosis.RIVAL, umlaut.RIVAL
DEEPCHECKER, KERAS = deepchecker.RIVAL, keras_callbacks.RIVAL

STEP = np.arange(STEPS)
EPOCH = np.arange(EPOCHS)
U_TURN = 0.5 + np.abs(EPOCH - 8) / 20


def lost(run: Series) -> Series:
    return with_loss(run, np.where(STEP < 100, run.loss, np.nan))


def overfitted(run: Series) -> Series:
    return with_validation(run, U_TURN)


def loss_of(values: np.ndarray) -> Callable[[Series], Series]:
    return lambda run: with_loss(run, values)


def columns(**values: float) -> Callable[[Series], Series]:
    return lambda run: with_columns(run, **values)


def kernels(name: str, *values: float) -> Callable[[Series], Series]:
    return lambda run: of_kernels(run, name, *values)


def stuck(name: str, *values: float) -> Callable[[Series], Series]:
    return lambda run: of_kernels(chance(run), name, *values)


def rate(value: float) -> Callable[[Series], Series]:
    return lambda run: replace(run, rate=np.full(STEPS, value))


def swinging(run: Series) -> Series:
    return with_accuracy(run, np.where(STEP // 30 % 2, 0.9, 0.7))


def frozen(run: Series) -> Series:
    return of_kernels(of_kernels(run, "update_norm", 0, 0, 0), "weight_norm", 3, 3, 3)


def doubling(name: str, factor: float) -> Callable[[Series], Series]:
    def spoil(run: Series) -> Series:
        grown = np.array(run.columns[name], float)
        grown[50:65] *= factor ** np.arange(1, 16)[:, None]
        return with_columns(run, **{name: grown})

    return spoil


def unrelated(run: Series) -> Series:
    return with_accuracy(run, 0.6 + 0.05 * (STEP // 10 % 2))


def unbalanced(run: Series) -> Series:
    labels = np.tile([29.0, 1.0, 1.0, 1.0], (STEPS, 1))
    return with_columns(run, label_count=labels, correct_count=labels)


def images(run: Series) -> Series:
    first = replace(run.variables[0], layer_class="Conv2D")
    pixels = with_columns(run, input_mean=0.5)
    return replace(pixels, variables=(first, *run.variables[1:]))


def badly_begun(run: Series) -> Series:
    spread = np.tile([1.0, 10.0, 1.0], (STEPS, 1))
    rising = np.where(STEP < 20, 1.4 + 0.01 * STEP, run.loss)
    return with_columns(with_loss(run, rising), activation_std=spread)


def binary_loss(run: Series) -> Series:
    return replace(run, hello=replace(run.hello, loss_name="binary_crossentropy"))


CASES: list[tuple[Rival, str, Callable[[Series], Series]]] = [
    (SAGEMAKER, "VanishingGradient", kernels("grad_norm", 1e-9, 1, 1)),
    (SAGEMAKER, "ExplodingTensor", lost),
    (SAGEMAKER, "WeightUpdateRatio", kernels("update_norm", 1e-3, 50, 1e-3)),
    (SAGEMAKER, "UnchangedTensor", frozen),
    (SAGEMAKER, "AllZero", kernels("grad_norm", 0, 1, 1)),
    (SAGEMAKER, "SaturatedActivation", columns(saturated_unit_share=0.8)),
    (SAGEMAKER, "DeadRelu", columns(dead_unit_share=0.8)),
    (SAGEMAKER, "PoorWeightInitialization", badly_begun),
    (SAGEMAKER, "CheckInputImages", images),
    (SAGEMAKER, "LossNotDecreasing", loss_of(np.full(STEPS, 1.0))),
    (SAGEMAKER, "Overfit", overfitted),
    (SAGEMAKER, "Overtraining", overfitted),
    (SAGEMAKER, "ClassImbalance", unbalanced),
    (AUTOTRAINER, "explode", lost),
    (AUTOTRAINER, "dying ReLU", lambda run: with_columns(chance(run), grad_zero_share=0.9)),
    (AUTOTRAINER, "gradient explode", stuck("grad_norm", 100, 1, 1)),
    (AUTOTRAINER, "gradient vanish", stuck("grad_norm", 1e-5, 1, 1)),
    (AUTOTRAINER, "not converge", chance),
    (AUTOTRAINER, "unstable", swinging),
    (AUTOTRAINER, "improper loss", binary_loss),
    (AUTOTRAINER, "abnormal data", columns(activation_mean=50.0)),
    (DEEPDIAGNOSIS, "numerical error", lost),
    (DEEPDIAGNOSIS, "numerical error, zero", kernels("grad_norm", 0, 1, 1)),
    (DEEPDIAGNOSIS, "invalid accuracy", lambda run: with_accuracy(run, np.zeros(STEPS))),
    (DEEPDIAGNOSIS, "dead node", columns(dead_unit_share=0.8)),
    (DEEPDIAGNOSIS, "saturated activation", columns(saturated_unit_share=0.8)),
    (DEEPDIAGNOSIS, "unchanged tensor", frozen),
    (DEEPDIAGNOSIS, "loss not decreasing", chance),
    (DEEPDIAGNOSIS, "accuracy not increasing", chance),
    (DEEPDIAGNOSIS, "vanishing gradient", kernels("grad_norm", 1e-9, 1, 1)),
    (UMLAUT, "Input data exceeds typical limits", columns(input_max=255.0)),
    (UMLAUT, "NaN in loss", lost),
    (UMLAUT, "Learning rate is high", rate(0.1)),
    (UMLAUT, "Learning rate is low", rate(1e-8)),
    (UMLAUT, "Possible overfitting", overfitted),
    (UMLAUT, "Check validation accuracy", lambda run: with_accuracy(run, np.full(STEPS, 0.99))),
    (DEEPCHECKER, "unnormalised features", columns(input_max=255.0, input_std=80.0)),
    (DEEPCHECKER, "unbalanced labels", unbalanced),
    (DEEPCHECKER, "poor initial loss", loss_of(30 * clean().loss)),
    (DEEPCHECKER, "dead activations", columns(dead_unit_share=0.8)),
    (DEEPCHECKER, "saturated activations", columns(saturated_unit_share=0.8)),
    (DEEPCHECKER, "unstable activations", columns(activation_std=20.0)),
    (DEEPCHECKER, "not finite", lost),
    (DEEPCHECKER, "dead weights", kernels("weight_norm", 1e-6, 3, 3)),
    (DEEPCHECKER, "diverging weights", doubling("weight_norm", 3)),
    (DEEPCHECKER, "vanishing gradient", doubling("grad_norm", 0.3)),
    (DEEPCHECKER, "exploding gradient", doubling("grad_norm", 3)),
    (DEEPCHECKER, "untrained weights", frozen),
    (DEEPCHECKER, "fast updates", kernels("update_norm", 1, 1, 1)),
    (DEEPCHECKER, "slow updates", kernels("update_norm", 1e-6, 1e-6, 1e-6)),
    (DEEPCHECKER, "stagnated loss", chance),
    (DEEPCHECKER, "diverging loss", loss_of(np.exp(0.1 * STEP))),
    (DEEPCHECKER, "fluctuating loss", loss_of(1 + 0.5 * (STEP // 10 % 2))),
    (DEEPCHECKER, "loss does not represent accuracy", unrelated),
    (DEEPCHECKER, "overwhelming regularisation", columns(regularization_grad_norm=50.0)),
    (KERAS, "TerminateOnNaN", lost),
    (KERAS, "EarlyStopping", overfitted),
    (KERAS, "ReduceLROnPlateau", overfitted),
]


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.name)
def test_a_clean_training_is_left_alone(rival: Rival) -> None:
    """By every one of its rules."""
    assert rival.findings(clean()) == ()


@pytest.mark.parametrize(
    ("rival", "symptom", "spoil"), CASES, ids=[f"{rival.name}-{name}" for rival, name, _ in CASES]
)
def test_it_fires_on_what_its_authors_describe(
    rival: Rival, symptom: str, spoil: Callable[[Series], Series]
) -> None:
    """At a step of the run, and under a family that our gallery knows."""
    with np.errstate(all="ignore"):
        found = {each.symptom: each for each in rival.findings(spoil(clean()))}

    assert symptom in found
    assert 0 <= found[symptom].step < STEPS
    assert found[symptom].families


def test_every_rule_is_tried() -> None:
    """Of every rival; SageMaker's are the same ones however often tensors are saved."""
    tried = {(rival.name, symptom) for rival, symptom, _ in CASES}

    assert {
        (rival.name, each.symptom) for rival in RIVALS if rival is not SAVED for each in rival.rules
    } == tried


def test_what_is_not_saved_is_not_seen() -> None:
    """SageMaker's own configuration saves each 500th step, and this run broke at the 100th."""
    (found,) = [each for each in SAVED.findings(lost(clean())) if each.symptom == "ExplodingTensor"]

    assert found.step == SAVE_INTERVAL


def test_findings_come_in_the_order_of_their_steps() -> None:
    """The first finding of each symptom, and no second."""
    found = DEEPCHECKER.findings(chance(clean()))

    assert [each.step for each in found] == sorted(each.step for each in found)
    assert len({each.symptom for each in found}) == len(found)


def test_a_regression_has_no_accuracy_to_judge() -> None:
    """AutoTrainer is left with losses that are not finite."""
    run = chance(clean())
    losses = np.array([each.metrics["loss"] for each in run.evaluations])
    bare = replace(
        run,
        hello=replace(run.hello, task=Task.REGRESSION, class_count=None, loss_name="mse"),
        scalars={},
        columns={name: c for name, c in run.columns.items() if not name.endswith("_count")},
        evaluations=tuple(
            replace(each, metrics={"loss": float(loss)})
            for each, loss in zip(run.evaluations, losses, strict=True)
        ),
    )

    assert AUTOTRAINER.findings(bare) == ()
    assert [each.symptom for each in AUTOTRAINER.findings(lost(bare))] == ["explode"]


def test_a_run_without_sampled_steps_is_judged_by_its_loss() -> None:
    """No rule fails for the want of a signal."""
    run = chance(clean())
    bare = replace(run, sampled=run.sampled[:0], columns={}, variables=(), activations=())

    for rival in RIVALS:
        assert {each.symptom for each in rival.findings(bare)} <= {
            each.symptom for each in rival.rules
        }
    assert SAGEMAKER.findings(bare)


def test_a_run_of_no_steps_is_silent() -> None:
    """As one that failed before its first step."""
    run = clean()
    none = replace(
        run,
        step=run.step[:0],
        epoch=run.epoch[:0],
        loss=run.loss[:0],
        rate=run.rate[:0],
        scalars={},
        sampled=run.sampled[:0],
        columns={},
        evaluations=(),
    )

    assert [rival.findings(none) for rival in RIVALS] == [()] * len(RIVALS)


def test_a_family_that_nobody_knows_is_refused() -> None:
    """With the rule, the name, and where the right ones are."""
    with pytest.raises(ValueError, match=r"Moody is mapped to gloom; a family is one of .*case.py"):
        rule("Moody", "gloom")


def test_early_stopping_stops_where_keras_would() -> None:
    """Three epochs after the best one."""
    (found,) = [e for e in KERAS.findings(overfitted(clean())) if e.symptom == "EarlyStopping"]

    assert found.step == ENDS[8 + 3] - 1
