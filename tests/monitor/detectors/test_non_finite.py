"""Where a number goes bad, and when that is ordinary."""

import dataclasses

import numpy as np
import pytest

from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.non_finite import NonFinite
from tests.columns import PATHS
from tests.signals import STEPS, run
from tests.views import last_view


def spoiled(step=380, value=np.nan, **places):
    """A healthy run with a bad value at one step."""
    targets = {"target_nonfinite_count": np.zeros((STEPS, 1), np.uint32)}
    signals = run().with_columns(**targets)
    loss = signals.loss.copy()
    columns = {name: column.copy() for name, column in signals.sampled.items()}
    for place in places:
        if place == "loss":
            loss[step] = value
        else:
            columns[place][step] = 1 if columns[place].dtype == np.uint32 else value
    return dataclasses.replace(signals, loss=loss, sampled=columns)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("places", "first"),
    [
        (("loss", "input_nonfinite_count"), "The input is"),
        (("loss", "target_nonfinite_count"), "The targets are"),
        (("loss", "global_grad_norm"), "The loss is"),
        (("global_grad_norm",), "The gradient is"),
        (("weight_norm",), "The weights are"),
    ],
)
def test_it_says_where_first(value, places, first):
    """Input before targets before loss before gradient before weights."""
    finding = NonFinite().check(last_view(spoiled(value=value, **dict.fromkeys(places, True))))

    assert finding.summary == f"{first} nan or infinite, first at step 380"
    assert finding.since_step == 380


def test_a_nan_in_the_input_that_the_model_copes_with_is_fine():
    """Loss, gradients and weights are finite: missing values may be meant."""
    view = last_view(spoiled(input_nonfinite_count=True))

    assert NonFinite().check(view) is None


def test_it_names_the_variables_whose_gradient_is_bad():
    """The whole gradient is bad because of one layer."""
    signals = spoiled(global_grad_norm=True)
    signals.sampled["grad_norm"][380, 4] = np.inf

    assert NonFinite().check(last_view(signals)).variables == (PATHS[4],)


def test_long_ago_is_over():
    """After `patience` good steps the run has recovered."""
    assert NonFinite().check(last_view(spoiled(step=300, loss=True))) is None


def scaled_run(overflows):
    """A mixed-precision run whose gradient overflows at these steps, with a finite loss."""
    signals = run()
    norms = signals.sampled["global_grad_norm"].copy()
    norms[list(overflows)] = np.inf
    scale = np.full(STEPS, 2.0**15, np.float32)
    return signals.with_columns(global_grad_norm=norms, loss_scale=scale)


def test_probing_the_loss_scale_is_ordinary():
    """An overflowing step is skipped by the optimizer and the scale is halved."""
    assert NonFinite().check(last_view(scaled_run([398]))) is None


def test_skipping_step_after_step_is_not():
    """Five skipped steps in a row: the run no longer moves."""
    finding = NonFinite().check(last_view(scaled_run(range(390, 400))))

    assert finding is not None
    assert finding.since_step == 390


def test_without_a_loss_gradients_and_weights_are_looked_at():
    """A program that logs d_loss and g_loss has no `loss`."""
    signals = spoiled(weight_norm=True)
    unknown = dataclasses.replace(signals, known=False)

    assert judge(NonFinite(), last_view(unknown)).summary.startswith("The weights are")
