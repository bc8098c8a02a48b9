"""How much a model has learned, measured apart from the monitor: from its answers alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

MOST_CLASSES = 50
AT_ONCE = 500
"""Samples that a model answers at a time."""
NOTHING = -math.inf


@dataclass(frozen=True)
class Skill:
    """What a model has learned about some samples; -inf: its answers are no numbers."""

    loss: float = NOTHING
    """1 - loss / loss of the best constant answer, by the loss that it was compiled with."""
    accuracy: float | None = None
    """Balanced accuracy, 0 by guessing and 1 at best; None: there are no classes."""


@dataclass(frozen=True)
class Skills:
    """Of the samples that a model was fitted to, and of those that validated it."""

    training: Skill = Skill()
    validation: Skill | None = None


def skills_of(model: Any, given: Mapping[str, Any]) -> Skills:
    """Return what a fit with these arguments has taught the model."""
    x, y, held = given.get("x"), given.get("y"), given.get("validation_data")
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray):
        return Skills()
    if held is None and (share := given.get("validation_split")):
        cut = math.floor(len(x) * (1 - share))
        x, y, held = x[:cut], y[:cut], (x[cut:], y[cut:])
    is_known = isinstance(held, tuple) and all(isinstance(each, np.ndarray) for each in held[:2])
    return Skills(skill(model, x, y), skill(model, *held[:2]) if held and is_known else None)


def skill(model: Any, x: np.ndarray, y: np.ndarray) -> Skill:
    """Return what a model knows of these samples."""
    try:
        # Without `predict`, which compiles what is asked for but once.
        parts = [model(x[i : i + AT_ONCE], training=False) for i in range(0, len(x), AT_ONCE)]
        answers = np.concatenate([np.asarray(part, "float64") for part in parts])
        measure = keras.losses.get(model.loss)
    except Exception:  # noqa: BLE001 - a sick program may not even answer
        return Skill()
    if not np.isfinite(answers).all():
        return Skill()
    settings = measure.get_config() if isinstance(measure, keras.losses.Loss) else {}
    logits = bool(settings.get("from_logits"))
    return Skill(
        _of_loss(measure, y, answers, logits=logits), _of_classes(y, answers, logits=logits)
    )


def _of_loss(measure: Any, y: np.ndarray, answers: np.ndarray, *, logits: bool) -> float:
    targets = y.astype("float32").reshape(answers.shape) if y.size == answers.size else y
    try:
        constants = _constants(targets, answers.shape, logits=logits)
        nulls = [_mean(measure, targets, each) for each in constants]
        null = min((each for each in nulls if each > 0), default=math.nan)
        value = 1 - _mean(measure, targets, answers) / null
    except Exception:  # noqa: BLE001 - a loss of the program's own, or one that does not fit
        return NOTHING
    return value if math.isfinite(value) else NOTHING


def _mean(measure: Any, y: np.ndarray, answers: np.ndarray) -> float:
    return float(np.mean(np.asarray(measure(y, answers.astype("float32")))))


def _constants(y: np.ndarray, shape: tuple[int, ...], *, logits: bool) -> list[np.ndarray]:
    """Return the constant answers of which one is the best: shares of classes, mean or median."""
    if y.size != math.prod(shape):  # labels that are numbers of classes
        counts = np.bincount(y.astype(int).ravel().clip(0, shape[-1] - 1), minlength=shape[-1])
        best = [counts / counts.sum()]
    else:
        best = [np.mean(y, axis=0), np.median(y, axis=0)]
    if logits:
        few = 1e-7  # what a softmax takes, and what a sigmoid does
        best = [np.log((p + few) / (q + few)) for p in best for q in (1.0, 1 - p)]
    return [np.broadcast_to(each, shape) for each in best]


def _of_classes(y: np.ndarray, answers: np.ndarray, *, logits: bool) -> float | None:
    """Return the balanced accuracy between that of guessing, 0, and 1."""
    units = answers.shape[-1]
    if y.size == answers.size and units > 1:
        if not (np.isin(y, (0, 1)).all() and (y.sum(axis=-1) == 1).all()):
            return None
        labels, said = y.argmax(axis=-1).ravel(), answers.argmax(axis=-1).ravel()
    else:
        labels = y.ravel()
        values = np.unique(labels)
        if (values % 1).any() or not 1 < len(values) <= MOST_CLASSES:
            return None
        if units > 1:
            said = answers.argmax(axis=-1).ravel()
        elif len(values) == 2:
            middle = 0.0 if logits else values.mean()
            said = values[(answers.ravel() > middle).astype(int)]
        else:
            return None
    if len(labels) != len(said):
        return None
    classes = np.unique(labels)
    recall = np.mean([np.mean(said[labels == each] == each) for each in classes])
    guess = 1 / len(classes)
    return float((recall - guess) / (1 - guess)) if len(classes) > 1 else None
