"""Which steps go together into one chunk, and when. Time is an argument, so nothing waits."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from flatline.chunker import Chunker
from flatline.entry import Entry
from flatline.rows import AS_LOGGED, UNKNOWN


def cut(entries: Iterable[Entry], seconds_apart: float = 0.001) -> list[tuple[int, int]]:
    """Feed entries as Run.log does; return the first step and length of each chunk."""
    chunker, pieces, now = Chunker(), [], 0.0
    for entry in entries:
        now += seconds_apart
        if not chunker.takes(entry):
            pieces.append(chunker.take(now, 0))
        if chunker.add(entry, now):
            pieces.append(chunker.take(now, 0))
    pieces.append(chunker.take(now, 0))
    return [(rows.first_step, len(rows)) for rows in pieces if rows is not None]


def steps(numbers: Iterable[int], **fields: Any) -> list[Entry]:
    return [Entry(step, **fields) for step in numbers]


def test_the_first_step_goes_at_once_and_then_sixty_four_together() -> None:
    """A monitor hears of a run with its first step, and then once for many."""
    assert cut(steps(range(130))) == [(0, 1), (1, 64), (65, 64), (129, 1)]


def test_slow_steps_go_one_by_one() -> None:
    """Nobody waits longer than a second for a step that was made."""
    assert cut(steps(range(3)), seconds_apart=2.0) == [(0, 1), (1, 1), (2, 1)]


def test_steps_of_half_a_second_go_by_two() -> None:
    """The time counts from the chunk before."""
    assert cut(steps(range(5)), seconds_apart=0.5) == [(0, 1), (1, 2), (3, 2)]


@pytest.mark.parametrize(
    "sick", [{"loss": math.nan}, {"loss": math.inf}, {"sampled": {"grad_norm": np.array([np.nan])}}]
)
def test_the_first_value_that_is_not_finite_goes_at_once(sick: dict[str, Any]) -> None:
    """A loss that has just become nan is news; one that stays so is not."""
    entries = steps(range(10)) + steps(range(10, 30), **sick)

    assert cut(entries) == [(0, 1), (1, 10), (11, 19)]


def test_a_step_that_does_not_follow_begins_a_chunk() -> None:
    """A restart from a checkpoint goes back, a skipped step leaves a gap; neither is hidden."""
    assert cut(steps([0, 1, 2, 1, 2, 7])) == [(0, 1), (1, 2), (1, 2), (7, 1)]


def test_other_columns_begin_a_chunk() -> None:
    """The sampled rows of one chunk are measured alike; steps between them may be unsampled."""
    wide, narrow = {"label_count": np.ones(3)}, {"label_count": np.ones(2)}
    entries = [Entry(0), Entry(1, sampled=wide), Entry(2), Entry(3, sampled=narrow)]

    assert cut(entries) == [(0, 1), (1, 2), (3, 1)]


def test_rows_hold_what_the_entries_held() -> None:
    """Columns go by the step, changes by their offset, absent losses by their source."""
    chunker = Chunker()
    chunker.add(Entry(5, loss=1.0, learning_rate=0.1, epoch=2), 10.0)
    chunker.add(Entry(6, learning_rate=0.1, sampled={"grad_norm": np.array([1.0, 2.0])}), 10.5)
    chunker.add(Entry(7, loss=3.0, learning_rate=0.2, scalars={"acc": 0.5}), 10.75)
    rows = chunker.take(11.0, 4)
    assert rows is not None

    assert rows.first_step == 5
    np.testing.assert_array_equal(rows.loss, [1.0, np.nan, 3.0])
    assert list(rows.loss_source) == [AS_LOGGED, UNKNOWN, AS_LOGGED]
    assert list(rows.epoch) == [2, 2, 2]
    np.testing.assert_array_equal(rows.step_seconds, [np.nan, 0.5, 0.25])
    assert rows.learning_rate == [(0, 0.1), (2, 0.2)]
    assert (rows.sampled_row, rows.revision) == ([1], 4)
    np.testing.assert_array_equal(rows.sampled["grad_norm"], [[1.0, 2.0]])
    assert rows.scalars == {"acc": [(2, 0.5)]}
