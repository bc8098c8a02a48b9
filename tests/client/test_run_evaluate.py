"""Counts of classes that a program tells of a validation arrive, or are said to be wrong."""

from typing import Any

import numpy as np
import pytest

from flatline import Run
from flatline.keras import MonitorCallback
from flatline.rows import Description
from flatline.v1 import monitor_pb2
from tests.client.models import COUNTS, LABELS, X, compiled, fit
from tests.client.peer import Peer


def evaluations(peer: Peer) -> list[monitor_pb2.Evaluation]:
    return [r.evaluation for r in peer.memory.records if r.HasField("evaluation")]


def counts(evaluation: monitor_pb2.Evaluation) -> list[list[int]]:
    return [list(getattr(evaluation, name)) for name in COUNTS]


def test_counts_arrive(peer: Peer) -> None:
    """As lists or arrays, of integers or of whole floats; what was not counted is empty."""
    with Run(peer.target) as run:
        run.evaluate(
            4,
            n=7,
            label_counts=[3, 4],
            prediction_counts=np.array([2, 5], np.uint8),
            correct_counts=np.array([1.0, 4.0]),
            loss=0.5,
        )
        run.evaluate(8, label_counts=[2**40, 0])
        run.evaluate(9)

    first, second, third = evaluations(peer)
    assert counts(first) == [[3, 4], [2, 5], [1, 4]]
    assert (first.n, dict(first.metrics)) == (7, {"loss": 0.5})
    assert counts(second) == [[2**40, 0], [], []]
    assert counts(third) == [[], [], []]


WRONG: dict[str, tuple[Any, str]] = {
    "another_length": ([1, 2, 3], "label_counts has shape (3,); it must have 2 numbers"),
    "a_matrix": ([[1, 2], [3, 4]], "label_counts has shape (2, 2); it must have 2 numbers"),
    "nothing": ([], "label_counts has shape (0,); it must have 2 numbers"),
    "negative": ([1, -1], "label_counts is [1, -1]; it must hold counts, whole numbers, 0 or more"),
    "half": ([1, 0.5], "it must hold counts, whole numbers"),
    "nan": ([1, float("nan")], "it must hold counts, whole numbers"),
    "too_large": ([1, 2**63], "it must hold counts, whole numbers"),
    "text": (["a", "b"], "it must hold counts, whole numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_and_left_out(
    peer: Peer, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """The metrics, and the counts that are right, are sent all the same."""
    wrong, sentence = WRONG[name]
    caplog.set_level("INFO", "flatline")
    with Run(peer.target, description=Description(class_count=2)) as run:
        run.evaluate(4, label_counts=wrong, prediction_counts=[1, 2], loss=0.5)
        run.evaluate(5, label_counts=wrong)

    first, second = evaluations(peer)
    assert (counts(first), dict(first.metrics)) == ([[], [1, 2], []], {"loss": 0.5})
    assert counts(second) == [[], [], []]
    assert len([text for text in caplog.messages if sentence in text]) == 1
    assert "2 values left out" in caplog.text


def test_the_first_counts_say_how_many_classes_there_are(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing else does; more than 256 are never sent."""
    with Run(peer.target) as run:
        run.evaluate(4, label_counts=[1] * 257)
        run.evaluate(5, label_counts=[1, 2, 3], correct_counts=[1, 2])

    first, second = evaluations(peer)
    assert counts(first) == [[], [], []]
    assert counts(second) == [[1, 2, 3], [], []]
    assert "label_counts has shape (257,); it must have 1 to 256 numbers" in caplog.text
    assert "correct_counts has shape (2,); it must have 3 numbers" in caplog.text


def test_a_validation_of_keras_is_counted_all_the_way(peer: Peer) -> None:
    """From the test step of a model to the bytes that a monitor gets."""
    model = compiled()
    fit(model, [MonitorCallback(peer.target)], validation_data=(X[:40], LABELS[:40]))

    guess = model.predict(X[:40], verbose=0).argmax(-1)
    hits = LABELS[:40][guess == LABELS[:40]]
    expected = [np.bincount(each, minlength=5).tolist() for each in (LABELS[:40], guess, hits)]
    last = evaluations(peer)[-1]
    assert counts(last) == expected
    assert (last.n, set(last.metrics)) == (40, {"loss"})
