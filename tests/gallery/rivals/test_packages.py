"""What the packages are fed, and how their answers are read; the packages themselves never run."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.gallery.case import FAMILIES, Case
from tests.gallery.replay import Outcome, Span
from tests.gallery.rivals.made import ENDS, STEPS, clean, with_loss
from tests.gallery.rivals.packages.asking import (
    NOT_INSTALLED,
    SYMPTOMS,
    VERSIONS,
    asked,
    families_of,
    logs_of,
)
from tests.gallery.rivals.packages.log import LARGEST_BLOCK, packed, unpacked

STEP = np.arange(STEPS)
SICK = Case("ill", "Ill.", print, sick=True, families=frozenset({"divergence"}))
OUTCOME = Outcome(SICK, (), (), STEPS, STEPS, (Span(0, STEPS),))


def test_a_log_has_what_was_recorded() -> None:
    """Each step's numbers, and each epoch's validation."""
    run = clean()
    (line,) = logs_of([run])
    log = unpacked(line)

    assert log.loss == pytest.approx(run.loss)
    assert log.grad_norm == pytest.approx(run.columns["global_grad_norm"])
    assert [epoch.step for epoch in log.validations] == [end - 1 for end in ENDS]
    assert packed(log) == line


def test_what_was_not_measured_is_nan_and_what_was_lost_is_infinite() -> None:
    """A package tells them apart as a logger would."""
    run = with_loss(clean(), np.where(STEP == 100, np.nan, clean().loss))
    sparse = replace(
        run,
        sampled=run.sampled[::2],
        columns={name: column[::2] for name, column in run.columns.items()},
    )
    (line,) = logs_of([sparse])
    log = unpacked(line)

    assert math.isinf(log.loss[100])
    assert math.isnan(log.grad_norm[1])
    assert not math.isnan(log.grad_norm[2])


def test_trainers_log_means_of_some_steps() -> None:
    """At most of ten, and of fewer in a short run."""
    (line,) = logs_of([clean()])
    rows = list(unpacked(line).logged())

    assert len(rows) == STEPS // LARGEST_BLOCK
    assert rows[0][0] == LARGEST_BLOCK - 1
    assert rows[0][1]["loss"] == pytest.approx(clean().loss[:LARGEST_BLOCK].mean())


def test_packages_that_are_not_installed_are_named() -> None:
    """With what would install them."""
    assert asked([OUTCOME], [["{}"]], Path("no/such/python")) == (
        [],
        dict.fromkeys(VERSIONS.values(), NOT_INSTALLED),
    )


def test_answers_are_read_line_by_line(tmp_path: Path) -> None:
    """What a package cannot do is told with its reason, what it says as the right family."""
    absent = {name: "it needs a moon" for name in SYMPTOMS if name != "runmedic"}
    python = tmp_path / "python"
    python.write_text(
        f"#!/bin/sh\ncat > /dev/null\necho '{json.dumps(absent)}'\n"
        f"""echo '{{"runmedic": [[299, "divergence"]]}}'\n"""
    )
    python.chmod(0o755)

    (rating,), reasons = asked([OUTCOME], logs_like(1), python)

    assert rating.recall.value == 1
    assert rating.delay == 0.5
    assert set(reasons.values()) == {"it needs a moon"}


def logs_like(count: int) -> list[list[str]]:
    return [logs_of([clean()]) for _ in range(count)]


def test_symptoms_mean_families_of_ours() -> None:
    """The longest name that a symptom begins with decides."""
    for names in SYMPTOMS.values():
        assert all(families <= FAMILIES and families for families in names.values())
    assert "non_finite" in families_of("finetune_doctor", "gradients: NaN gradients")
    assert "dead_units" in families_of("finetune_doctor", "gradients: Zero gradients")
    with pytest.raises(KeyError, match="runmedic says boredom"):
        families_of("runmedic", "boredom")
