"""The text format carries every label and every number unharmed."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from flatline_monitor.exposition.metrics import RUN_INFO, RUN_STEP
from flatline_monitor.exposition.text import number, sample

LABELS = st.tuples(*[st.text(max_size=20)] * len(RUN_INFO.labels))


@settings(deadline=None)
@given(LABELS)
def test_a_label_comes_back_as_it_was(labels: tuple[str, ...]) -> None:
    """Quotes, backslashes, newlines, control characters and U+2028 do no harm."""
    (family,) = text_string_to_metric_families(sample(RUN_INFO, labels, 1))

    assert tuple(family.samples[0].labels.values()) == labels


@settings(deadline=None)
@given(st.one_of(st.floats(), st.integers(-(2**53), 2**53)))
def test_a_number_comes_back_as_it_was(value: float) -> None:
    """Each float64 is written in full, NaN and the infinities included."""
    (family,) = text_string_to_metric_families(sample(RUN_STEP, ("r",), value))
    (read,) = family.samples

    assert read.value == value or (math.isnan(read.value) and math.isnan(value))


@pytest.mark.parametrize(
    ("value", "written"),
    [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (3, "3"), (0.25, "0.25")],
)
def test_numbers_are_written_as_prometheus_writes_them(value: float, written: str) -> None:
    assert number(value) == written


def test_a_sample_is_one_line() -> None:
    line = sample(RUN_INFO, ("r1", 'a"b', "c\\d", "e\nf", ""), 1)

    assert line == (
        'flatline_run_info{run="r1",name="a\\"b",project="c\\\\d",user="e\\nf",framework=""} 1\n'
    )
