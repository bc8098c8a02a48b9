"""A loop of several replicas: what is told is of all of them together, or nothing is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.client.told import PER_VARIABLE

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 150


def train(optimizer: str, kind: str, what: str = "optimizer") -> tuple[dict[str, Any], str]:
    """Train in a process with two devices; return what it saw, and what it was told in words."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.client.replicas", optimizer, kind, what],
        cwd=ROOT,
        env={**os.environ, "FLATLINE_PROJECT": "replicas"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.mark.parametrize("kind", ["outer", "inner"])
def test_norms_are_those_of_the_gradient_of_all_replicas(kind: str) -> None:
    """They are those that one device has on the whole batch, and the training is the same."""
    seen, _ = train("momentum", kind)

    assert seen["two"]["weights"] == seen["alone"]
    two, one = seen["two"]["columns"], seen["one"]["columns"]
    assert list(two) == list(one) == ["1", "2", "3", "4", "5"]
    for step, row in two.items():
        for name in PER_VARIABLE:
            found, right = row[name].values(), one[step][name].values()
            np.testing.assert_allclose(list(found), list(right), rtol=1e-3)


def test_how_much_is_clipped_is_not_told() -> None:
    """Each replica clips its own gradient, before they are summed."""
    seen, _ = train("clipped", "outer")

    assert seen["two"]["weights"] == seen["alone"]
    assert "clip_ratio" in seen["one"]["columns"]["1"]
    assert "clip_ratio" not in seen["two"]["columns"]["1"]


@pytest.mark.parametrize(
    ("kind", "what", "why"),
    [
        ("eager", "optimizer", "several replicas, other than in a tf.function"),
        ("outer", "tape", "the tape of one replica"),
    ],
)
def test_what_would_be_of_one_replica_alone_is_not_told(kind: str, what: str, why: str) -> None:
    """That is said in one line, and the training is the same."""
    seen, words = train("momentum", kind, what)

    assert seen["two"]["weights"] == seen["alone"]
    assert seen["two"]["columns"] == {}
    assert words.count("watch() does not measure") == 1
    assert f"watch() does not measure {why}" in words
