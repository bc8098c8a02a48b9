"""How long steps take, in blocks, against taking the medians of all rows at once."""

import math

import numpy as np
import pytest

from flatline_monitor.runs.blocks import append_coarse, summarise
from flatline_monitor.runs.records import LossSource, Sampled
from flatline_monitor.runs.rows import Rows


def rows(seconds, sampled=(), first=0):
    """Steps that took so long, of which these were sampled."""
    n = len(seconds)
    return Rows(
        np.arange(first, first + n),
        np.zeros(n, np.float32),
        np.full(n, LossSource.EXACT, np.uint8),
        np.asarray(seconds, np.float32),
        Sampled(np.asarray(sampled, np.int64)),
    )


def test_sampled_steps_are_kept_apart():
    """Measuring takes time."""
    block = summarise(rows([1, 9, 2, 9, 30], sampled=[11, 13], first=10))

    assert block["plain_seconds"].tolist() == [2.0]
    assert block["sampled_seconds"].tolist() == [9.0]


@pytest.mark.parametrize(
    ("seconds", "sampled"), [([1.0, 2.0], [0, 1]), ([math.nan, math.nan], [0])]
)
def test_of_what_there_is_none_the_median_is_not_known(seconds, sampled):
    """Nor is it where the client does not say."""
    assert math.isnan(summarise(rows(seconds, sampled))["plain_seconds"][0])


def test_blocks_that_are_put_together_count_their_mean():
    """Of those of which it is known; the whole run is spanned by no more than forty."""
    blocks = summarise(rows([3.0]))
    for step in range(1, 64):
        blocks = append_coarse(blocks, summarise(rows([1.0 if step % 2 else 3.0], first=step)))
    assert len(blocks) <= 40
    whole = blocks["last"] > blocks["first"]
    assert set(blocks["plain_seconds"][whole]) == {2.0}
    assert np.isnan(blocks["sampled_seconds"]).all()
