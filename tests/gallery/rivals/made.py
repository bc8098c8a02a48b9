"""A made-up training that every tool should leave alone, and ways to spoil it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from flatline_monitor.runs.records import (
    Activation,
    ActivationKind,
    Evaluation,
    Hello,
    LossKind,
    Role,
    Task,
    Variable,
)
from tests.gallery.series import Series

STEPS, EPOCHS, CLASSES, BATCH = 600, 20, 4, 32
IN_EPOCH = STEPS // EPOCHS
ENDS = np.arange(1, EPOCHS + 1) * IN_EPOCH
SHAPES = ((10, 16), (16, 16), (16, CLASSES))
VARIABLES = tuple(
    Variable(f"dense_{i}/{role}", f"dense_{i}", role, shape, "Dense")
    for i, kernel in enumerate(SHAPES)
    for role, shape in ((Role.KERNEL, kernel), (Role.BIAS, kernel[1:]))
)
ACTIVATIONS = (
    Activation("dense_0", ActivationKind.RECTIFIER, 16),
    Activation("dense_1", ActivationKind.RECTIFIER, 16),
    Activation("gate", ActivationKind.SQUASHER, 16),
)


def clean() -> Series:
    """Four classes, learnt without a hitch."""
    step = np.arange(STEPS)
    loss = np.log(CLASSES) * np.exp(-0.006 * step)
    accuracy = 0.94 - 0.4 * loss
    right = np.repeat(accuracy[:, None] * BATCH / CLASSES, CLASSES, axis=1)
    shrinking = np.sqrt(loss)[:, None]
    columns = {
        "grad_norm": np.repeat(shrinking, len(VARIABLES), axis=1),
        "grad_zero_share": np.full((STEPS, len(VARIABLES)), 0.1),
        "global_grad_norm": 2 * np.sqrt(loss),
        "weight_norm": np.outer(3 + step / STEPS, np.ones(len(VARIABLES))),
        "update_norm": np.full((STEPS, len(VARIABLES)), 0.003),
        "regularization_grad_norm": np.full(STEPS, 0.01),
        "sample_count": np.full(STEPS, BATCH),
        "label_count": np.full((STEPS, CLASSES), BATCH // CLASSES),
        "correct_count": right,
        "input_mean": np.zeros((STEPS, 1)),
        "input_std": np.full((STEPS, 1), 0.5),
        "input_min": np.full((STEPS, 1), -1.0),
        "input_max": np.full((STEPS, 1), 1.0),
        "activation_mean": np.outer(0.5 + step / STEPS, np.ones(len(ACTIVATIONS))),
        "activation_std": np.full((STEPS, len(ACTIVATIONS)), 1.0),
        "dead_unit_share": np.full((STEPS, 2), 0.05),
        "saturated_unit_share": np.full((STEPS, 1), 0.1),
    }
    return Series(
        hello=Hello(
            run_id="made-up",
            plan_steps=STEPS,
            plan_epochs=EPOCHS,
            task=Task.CLASSIFICATION,
            loss_kind=LossKind.CROSS_ENTROPY,
            loss_name="sparse_categorical_crossentropy",
            class_count=CLASSES,
        ),
        step=step,
        epoch=step // IN_EPOCH,
        loss=loss,
        lost=np.zeros(0, np.int64),
        rate=np.full(STEPS, 1e-3),
        scalars={"accuracy": accuracy},
        sampled=step,
        columns=columns,
        variables=VARIABLES,
        activations=ACTIVATIONS,
        evaluations=validations(1.05 * loss[ENDS - 1], accuracy[ENDS - 1] - 0.02),
        ended="finished",
    )


def validations(losses: np.ndarray, accuracies: np.ndarray) -> tuple[Evaluation, ...]:
    """One after each epoch."""
    pairs = zip(ENDS, losses, accuracies, strict=True)
    return tuple(
        Evaluation(int(step), epoch, 400, {"loss": float(loss), "accuracy": float(accuracy)})
        for epoch, (step, loss, accuracy) in enumerate(pairs)
    )


def with_columns(run: Series, **columns: Any) -> Series:
    """The run with some of the sampled signals replaced; numbers stand for whole columns."""
    made = {
        name: value if isinstance(value, np.ndarray) else np.full_like(run.columns[name], value)
        for name, value in columns.items()
    }
    return replace(run, columns={**run.columns, **made})


def with_loss(run: Series, loss: np.ndarray) -> Series:
    """The run with another loss; those that are not finite were measured so."""
    lost = run.step[~np.isfinite(loss)]
    return replace(run, loss=loss, lost=lost)


def with_accuracy(run: Series, accuracy: np.ndarray) -> Series:
    """The run with another accuracy, in its batches and validations too."""
    right = np.repeat(accuracy[:, None] * BATCH / CLASSES, CLASSES, axis=1)
    losses = np.array([each.metrics["loss"] for each in run.evaluations])
    return replace(
        with_columns(run, correct_count=right),
        scalars={"accuracy": accuracy},
        evaluations=validations(losses, accuracy[ENDS - 1]),
    )


def with_validation(run: Series, losses: np.ndarray) -> Series:
    """The run with other validation losses."""
    scores = np.array([each.metrics["accuracy"] for each in run.evaluations])
    return replace(run, evaluations=validations(losses, scores))


Spoil = Callable[[Series], Series]


def chance(run: Series) -> Series:
    """Nothing is learnt: loss and accuracy are those of a guess."""
    guess = with_accuracy(with_loss(run, np.full(STEPS, np.log(CLASSES))), np.full(STEPS, 0.25))
    return with_validation(guess, np.full(EPOCHS, np.log(CLASSES)))


def of_kernels(run: Series, name: str, *values: float) -> Series:
    """The run with one signal of its three kernels replaced, first to last."""
    column = np.array(run.columns[name], float)
    column[:, ::2] = values
    return with_columns(run, **{name: column})
