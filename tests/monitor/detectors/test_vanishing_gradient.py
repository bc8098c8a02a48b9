"""The line between vanishing and ordinary gradients."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.vanishing_gradient import VanishingGradient
from flatline_monitor.runs.records import Role
from tests.columns import PATHS
from tests.signals import flat, run
from tests.views import last_view

KERNELS = len(PATHS) // 2


def view_of(kernels, loss=None):
    """A run whose kernels have these gradient norms, and that does not learn."""
    gradient = np.repeat(np.asarray(kernels, float), 2)
    return last_view(run(gradient=gradient, loss=flat(0.69) if loss is None else loss))


@pytest.mark.parametrize(("decades", "fires"), [(3.5, True), (2.5, False), (0, False), (-6, False)])
def test_the_gap_between_the_last_and_the_first_half_decides(decades, fires):
    """More than three decades fire; growing towards the input does not."""
    norms = [10.0**-decades] * (KERNELS // 2) + [1.0] * (KERNELS - KERNELS // 2)

    assert (VanishingGradient().check(view_of(norms)) is not None) == fires


def test_one_early_layer_that_gets_its_gradient_is_enough():
    """The largest gradient of the first half counts."""
    norms = [1.0, 1e-6, 1e-6, 1.0, 1.0, 1.0]

    assert VanishingGradient().check(view_of(norms)) is None


def test_a_gradient_of_zero_in_the_early_layers_is_a_vanished_one():
    """Zero has no logarithm and is found all the same."""
    finding = VanishingGradient().check(view_of([0, 0, 0, 1, 1, 1]))

    assert finding is not None
    assert np.isfinite(finding.evidence[0].value)


def test_a_run_that_learns_needs_no_even_gradients():
    """The same gap in a run whose loss falls below the null model's is silent."""
    falling = 0.7 * np.exp(-np.arange(400) / 50) + 0.01

    assert VanishingGradient().check(view_of([1e-6] * 3 + [1.0] * 3, falling)) is None


def test_when_all_layers_shrink_together_nothing_vanishes():
    """The gap stays put when a run converges."""
    assert VanishingGradient().check(view_of([1e-9] * KERNELS)) is None


def test_no_gradient_anywhere_is_somebody_elses_finding():
    """Zero over zero is no gap."""
    assert VanishingGradient().check(view_of([0.0] * KERNELS)) is None


def test_biases_do_not_count():
    """With two kernels among many biases the network is shallow, and nothing is said."""
    view = view_of([1e-6] * 3 + [1.0] * 3)
    bias = dataclasses.replace(view.variables[0], role=Role.BIAS)
    shallow = (view.variables[0], *([bias] * (len(PATHS) - 2)), view.variables[-2])

    assert VanishingGradient().check(dataclasses.replace(view, variables=shallow)) is None


def test_the_finding_names_the_layers():
    """The early kernels are named, and the numbers that decided stand beside their limits."""
    finding = VanishingGradient().check(view_of([1e-6] * 3 + [1.0] * 3))

    assert finding.variables == ("dense_0/kernel", "dense_1/kernel", "dense_2/kernel")
    assert finding.evidence[0].value == pytest.approx(6, abs=0.2)
    assert finding.evidence[0].limit == 3
