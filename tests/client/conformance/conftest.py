"""What all tests of the conformance suite need."""

import math
from collections.abc import Iterator

import pytest

from flatline.capture import sampler


@pytest.fixture(scope="package", autouse=True)
def patient() -> Iterator[None]:
    """Let no busy machine postpone the tracing: what is claimed here is not when, but what."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler, "TRACE_ALLOWANCE_SECONDS", math.inf)
        yield
