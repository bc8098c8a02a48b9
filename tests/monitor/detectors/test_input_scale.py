"""The line between inputs that layers are made for and others."""

import dataclasses
import functools

import numpy as np
import pytest

from flatline_monitor.detectors.contract import NotMeasurableError, Severity, Side
from flatline_monitor.detectors.input_scale import InputScale
from flatline_monitor.runs.records import EndStatus, Role
from tests.play import firing, play
from tests.signals import STEPS, classes, flat, run, unscaled
from tests.views import last_view


@functools.cache
def healthy():
    return last_view(run())


def check(mean, std, **columns):
    """Ask about a run whose inputs are these, on every step or by step."""
    view = healthy()
    sampled = view.rows.sampled
    given = {"input_mean": mean, "input_std": std, **columns}
    told = {name: column(values)[sampled.step] for name, values in given.items()}
    sampled = dataclasses.replace(sampled, columns={**sampled.columns, **told})
    rows = dataclasses.replace(view.rows, sampled=sampled)
    return InputScale().check(dataclasses.replace(view, rows=rows))


def column(values):
    return np.broadcast_to(np.asarray(values, np.float32), (STEPS, np.shape(values)[-1]))


@pytest.mark.parametrize(
    ("mean", "std", "fires"),
    [
        (0.0, 9.9, False),
        (0.0, 10.1, True),
        (9.9, 1.0, False),
        (10.1, 1.0, True),
        (-10.1, 1.0, True),
        (0.0, 0.011, False),
        (0.0, 0.009, True),
        (0.5, 0.3, False),
        (0.0, 1.0, False),
        (127.0, 74.0, True),
        (0.0, 0.0, False),
        (1.0, 0.0, False),
    ],
    ids=[
        "spread below the ceiling",
        "spread above it",
        "mean below the ceiling",
        "mean above it",
        "mean far below zero",
        "spread above the floor",
        "spread below it",
        "pixels in 0..1",
        "standardised",
        "raw pixels",
        "a mask of zeros",
        "a mask of ones",
    ],
)
def test_spread_and_mean_decide(mean, std, fires):
    """Within two decades around one nothing is said."""
    assert (check([mean], [std]) is not None) == fires


def test_indices_into_an_embedding_are_names_and_not_sizes():
    """Word 9,000 is not larger than word 3."""
    view = last_view(unscaled(9_000.0))
    first = dataclasses.replace(view.variables[0], role=Role.EMBEDDING)
    embedded = dataclasses.replace(view, variables=(first, *view.variables[1:]))

    assert InputScale().check(view) is not None
    assert InputScale().check(embedded) is None


def test_one_of_several_inputs_is_enough():
    """The one that is out of range is named, by its number where it has no name."""
    finding = check([0, 0], [1, 300], input_min=[-1, -900], input_max=[1, 900])

    assert finding.summary.startswith("Input 1 ranges over -900..900")
    assert check([0, 0], [300, 1]).summary.startswith("Input x ranges")


@pytest.mark.parametrize(("share", "fires"), [(0.4, False), (0.6, True)])
def test_a_few_odd_batches_do_not_count(share, fires):
    """The median of the window decides."""
    odd = np.arange(STEPS) % 10 < 10 * share

    assert (check([0.0], np.where(odd, 300.0, 1.0)[:, None]) is not None) == fires


def test_what_is_over_is_over():
    """Only the last steps count: a tenth of the plan."""
    std = np.where(np.arange(STEPS) < STEPS - 40, 300.0, 1.0)

    assert check([0.0], std[:, None]) is None


def test_a_batch_that_could_not_be_measured_is_left_out():
    """A nan is no size; the other batches are looked at."""
    std = np.where(np.arange(STEPS) % 2 == 0, np.nan, 300.0)[:, None]

    assert check([0.0], std) is not None
    assert check([0.0], np.full((STEPS, 1), np.nan)) is None


def test_the_range_is_that_of_the_window():
    """Smallest and largest element of any batch in it; nan where they were not sent."""
    wave = np.sin(np.arange(STEPS))[:, None]
    finding = check([50.0], [30.0], input_min=wave - 7, input_max=wave + 200)
    _, _, low, high = finding.evidence

    assert low.value == pytest.approx(-8, abs=0.01)
    assert high.value == pytest.approx(201, abs=0.01)
    assert np.isnan(check([50.0], [30.0]).evidence[2].value)


@pytest.mark.parametrize(
    ("mean", "std", "limit", "side"), [(0, 300, 10, Side.ABOVE), (0, 0.001, 0.01, Side.BELOW)]
)
def test_the_evidence_is_on_the_side_of_its_limit(mean, std, limit, side):
    """Too large is above the ceiling, too small below the floor."""
    evidence = check([mean], [std]).evidence[0]

    assert (evidence.limit, evidence.fires) == (limit, side)


def test_without_samples_it_cannot_say():
    """The window holds no sampled step."""
    view = last_view(unscaled())
    with pytest.raises(NotMeasurableError):
        InputScale().check(dataclasses.replace(view, step=view.step + 1_000))


def test_a_run_of_four_steps_has_inputs_too():
    """One step an epoch, the first three suffice."""
    signals = unscaled().with_plan(4)

    assert InputScale().check(last_view(signals, steps=3)) is not None


def test_alone_it_is_information_and_a_warning_when_nothing_is_learned():
    """Raw pixels often learn all the same."""
    end = EndStatus.FINISHED
    learns = unscaled()
    stuck = run(loss=flat(np.log(2)), counts=classes(STEPS, [16, 16], [15, 17], [8, 8]))
    sizes = {name: learns.sampled[name] for name in ("input_mean", "input_std")}

    assert firing(play(learns.records(end=end))) == {"input_scale": Severity.INFO}
    alerts = firing(play(stuck.with_columns(**sizes).records(end=end)))
    assert alerts["input_scale"] == Severity.WARNING
