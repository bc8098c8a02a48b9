"""Logs that are made of recorded trainings, read back and judged."""

import pytest

from tests.gallery.lint import FORMATS, answered
from tests.gallery.replay import recorded

CASES = {case.name: case for case in recorded()}


@pytest.mark.parametrize("name", ["blobs_by_adam", "three_of_ten_labels_flipped", "texts_by_heart"])
def test_a_log_of_a_recording_tells_what_the_recording_tells(name):
    """By epochs and by sparse steps; `make lint-gallery` asks about all of them."""
    case = CASES[name]
    answers = answered(case)

    assert [each.format for each in answers] == list(FORMATS)
    assert all((each.worst(case.families) > 0) == case.sick for each in answers)
    assert all((each.worst() > 0) == case.sick for each in answers)
