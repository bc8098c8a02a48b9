"""Fixtures of the client's tests."""

from collections.abc import Iterator

import pytest

from tests.client.peer import Peer


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A well-behaved monitor."""
    with Peer() as running:
        yield running
