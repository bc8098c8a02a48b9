"""Counts of classes that come with an evaluation are taken as sent, or the message is refused."""

import grpc
import pytest

from flatline_monitor.ingest.decode import decode
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.runs.records import Evaluation
from tests.monitor.ingest.talk import everything, refused, run, service
from tests.monitor.ingest.wire import evaluation, hello

COUNTS = {"label_counts": [3, 4], "prediction_counts": [2, 5], "correct_counts": [1, 2**62]}


def test_counts_arrive_as_they_were_sent() -> None:
    """Each by itself; what was not counted is empty."""
    _, counted = decode(evaluation(1, **COUNTS))
    _, one = decode(evaluation(1, correct_counts=[0, 0]))
    _, bare = decode(evaluation(1))

    assert isinstance(counted, Evaluation)
    assert counted == Evaluation(10, 1, None, {"loss": 0.5}, (3, 4), (2, 5), (1, 2**62))
    assert one == Evaluation(10, 1, None, {"loss": 0.5}, correct_counts=(0, 0))
    assert bare == Evaluation(10, 1, None, {"loss": 0.5})


WRONG = [
    (
        "invalid_evaluation",
        {**COUNTS, "correct_counts": [1]},
        "entries of correct_counts: 1; there should be 2",
    ),
    (
        "invalid_evaluation",
        {"label_counts": [1, 2, 3]},
        "label_counts: 3; there should be 2, one for each class",
    ),
    ("invalid_evaluation", {"label_counts": [1, 2**62 + 1]}, "evaluation.label_counts: 46116"),
    ("too_many_classes", {"label_counts": [1] * 41}, "entries of label_counts: 41; at most 40"),
]


@pytest.mark.parametrize(("reason", "fields", "sentence"), WRONG)
def test_what_is_wrong_is_refused_with_a_sentence(reason, fields, sentence) -> None:
    """Other lengths than one for each class that was announced, and numbers that are no counts."""

    async def story() -> None:
        async with service(limits=Limits(classes=40)) as it:
            code, details = await refused(
                it.watch(), [hello(class_count=2), evaluation(1, **fields)]
            )

            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert sentence in details
            assert it.refusals.counts()[reason] == 1

    run(story())


def test_columns_agree_where_no_number_of_classes_was_announced() -> None:
    """The first one says how many there are; the next message may have others."""

    async def story() -> None:
        async with service() as it:
            three = evaluation(2, label_counts=[1, 2, 3])
            answers = await everything(it.watch(), [hello(), evaluation(1, **COUNTS), three])
            assert answers[-1].ack.durable_sequence == 2

            odd = evaluation(1, label_counts=[1, 2], correct_counts=[1, 2, 3])
            _, details = await refused(it.watch(), [hello(run_id="other"), odd])
            assert "entries of correct_counts: 3; there should be 2" in details

    run(story())
