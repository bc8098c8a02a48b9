"""What single layers tell: cut off, left out, frozen, or dead at the very end."""

import dataclasses

import pytest

from flatline_monitor.diagnosis.case import Case
from flatline_monitor.diagnosis.signs import present
from tests.monitor.diagnosis.cases import BLIND, facts, finding

FROZEN = {"frozen_layer": dataclasses.replace(finding(), variables=("a/kernel", "b/kernel"))}
DEAD = {"dead_units": finding()}


def told(name, findings=None, **changes):
    return present(Case(findings or {}, facts(**changes)), name)


def test_paths_without_a_gradient_are_named():
    """The first three."""
    paths = tuple(f"{layer}/kernel" for layer in "abcd")

    assert told("no_gradient_path", untrained=paths) == (
        "no gradient reaches a/kernel, b/kernel, c/kernel"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"untrained": ("a/kernel",)},
        {"kernels_without_gradient": 1},
        {"update_ratio": (0.0, 0.0)},
    ],
    ids=["cut off", "without gradient", "an optimizer that moves nothing"],
)
def test_only_a_layer_with_a_gradient_can_be_left_out(changes):
    """Each of the other ways has a sign of its own."""
    assert told("layers_left_out", FROZEN) == (
        "no step changes a/kernel, b/kernel, although there is a gradient"
    )
    assert not told("layers_left_out", FROZEN, **changes)
    assert not told("layers_left_out")


@pytest.mark.parametrize(
    ("fixed", "sentence"),
    [
        (0, ""),
        (1, "the program has frozen 1 layer (trainable is False)"),
        (3, "the program has frozen 3 layers (trainable is False)"),
    ],
)
def test_layers_that_the_program_has_frozen_are_counted(fixed, sentence):
    """A sign only: fine-tuning does so on purpose."""
    assert told("layers_fixed", fixed=fixed) == sentence


@pytest.mark.parametrize(
    ("findings", "rectified", "without", "expected"),
    [(DEAD, True, 3, True), (DEAD, True, 2, False), (DEAD, False, 3, False), ({}, True, 3, False)],
)
def test_a_last_layer_is_dead_when_it_is_a_relu_and_nothing_has_a_gradient(
    findings, rectified, without, expected
):
    """With some gradient the dead layer is another one."""
    sentence = told(
        "output_dead", findings, rectified_output=rectified, kernels_without_gradient=without
    )

    assert bool(sentence) == expected


def test_of_a_run_that_sent_nothing_no_layer_is_told():
    """Not even that it is frozen."""
    names = ("no_gradient_path", "layers_left_out", "layers_fixed", "output_rectified")

    assert not any(present(Case({}, BLIND), name) for name in names)


@pytest.mark.parametrize(("norm", "expected"), [(30.0, False), (32.0, True)])
def test_weights_begin_large_at_five_times_the_usual(norm, expected):
    """Unless it was the first steps that made them so."""
    assert bool(told("began_large", first_kernel_norm=norm)) == expected
    assert not told("began_large", first_kernel_norm=norm, first_update_ratio=0.9)
