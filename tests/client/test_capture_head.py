"""What a compiled loss says about the task."""

from typing import Any

import keras
import pytest

from flatline.capture.head import Head, read_head
from tests.client.models import mlp

losses = keras.losses


def focal() -> Any:
    return losses.CategoricalFocalCrossentropy()


def own(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(y_true - y_pred)


CASES = [
    ("sparse_categorical_crossentropy", 5, ("softmax", "classification", "cross_entropy", 5)),
    (losses.CategoricalCrossentropy(), 5, ("softmax", "classification", "cross_entropy", 5)),
    (focal(), 5, ("softmax", "classification", "unspecified", 5)),
    (
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        5,
        ("softmax", "classification", "unspecified", 5),
    ),
    ("binary_crossentropy", 1, ("sigmoid", "classification", "cross_entropy", 2)),
    ("binary_crossentropy", 6, ("sigmoid", "multilabel", "binary_cross_entropy", None)),
    ("mse", 1, ("numbers", "regression", "squared_error", None)),
    (losses.MeanAbsoluteError(), 3, ("numbers", "regression", "absolute_error", None)),
    (losses.MeanSquaredError(reduction="sum"), 1, ("numbers", "regression", "unspecified", None)),
    ("huber", 1, ("numbers", "regression", "unspecified", None)),
    (own, 1, ("unknown", "unspecified", "unspecified", None)),
    (["mse"], 1, ("numbers", "regression", "squared_error", None)),
]


def head_of(loss: Any, width: int, task: str = "auto", **arguments: Any) -> Head:
    model = mlp(width)
    model.compile("sgd", loss, **arguments)
    return read_head(model, task)


@pytest.mark.parametrize(("loss", "width", "expected"), CASES)
def test_the_loss_decides(loss: Any, width: int, expected: tuple[Any, ...]) -> None:
    """Strings, objects and functions are understood alike; what is not known is not guessed."""
    head = head_of(loss, width)

    assert (head.kind, head.task, head.loss_kind, head.class_count) == expected


def test_a_weighted_loss_has_no_known_form() -> None:
    """Its null model would have to be weighted as well."""
    assert head_of("mse", 1, loss_weights=0.5).loss_kind == "unspecified"


def test_a_task_that_is_given_wins() -> None:
    """For a loss of the program's own, and against the loss."""
    assert head_of(own, 5, "classification").kind == "softmax"
    assert head_of("mse", 1, "ssl") == Head(
        task="ssl", loss_kind="squared_error", loss_name="mean_squared_error"
    )
    assert head_of("binary_crossentropy", 1, "classification").class_count == 2


def test_logits_are_told_from_probabilities() -> None:
    """A sigmoid's threshold depends on it."""
    assert head_of(losses.BinaryCrossentropy(from_logits=True), 1).from_logits
    assert not head_of("binary_crossentropy", 1).from_logits
