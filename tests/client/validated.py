"""Validations for the tests of their counts, and how NumPy counts them."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tests.client.models import CLASSES, COUNTS, LABELS, Custom, X

SEEN = slice(0, 40)
"""Samples of the validations: two batches and a half."""
VALIDATED = {"validation_data": (X[SEEN], LABELS[SEEN])}


def expected(labels: np.ndarray, guess: np.ndarray, classes: int) -> dict[str, list[int]]:
    """The counts in NumPy; a label below 0 is none."""
    labels, guess = labels[labels >= 0], guess[labels >= 0]
    columns = (labels, guess, labels[labels == guess])
    return {
        name: np.bincount(column, minlength=classes).tolist()
        for name, column in zip(COUNTS, columns, strict=True)
    }


def by_largest(model: Any, x: Any) -> np.ndarray:
    return np.asarray(model.predict(x, verbose=0).argmax(-1))


def counted(model: Any) -> dict[str, list[int]]:
    """What a validation of the model as it is counts."""
    return expected(LABELS[SEEN], by_largest(model, X[SEEN]), CLASSES)


class Counting(Custom):
    """Counts in Python how often its test step is traced, or run eagerly."""

    tested = 0

    def test_step(self, data: Any) -> Any:
        self.tested += 1
        return super().test_step(data)


class AtEnd(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Does something at the end of each epoch, after its validation."""

    def __init__(self, action: Callable[[Any], Any]) -> None:
        super().__init__()
        self.action = action

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.action(self.model)


class InTest(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Does something after the first batch of a validation, once."""

    def __init__(self, action: Callable[[Any], Any]) -> None:
        super().__init__()
        self.action: Callable[[Any], Any] | None = action

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        action, self.action = self.action, None
        if action is not None:
            action(self.model)
