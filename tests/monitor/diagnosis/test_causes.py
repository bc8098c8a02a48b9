"""The table of causes, and for each of them a run in which it is the likeliest."""

import dataclasses

import pytest

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Side
from flatline_monitor.diagnosis.causes import CAUSES
from flatline_monitor.diagnosis.infer import causes_of, diagnose
from flatline_monitor.diagnosis.signs import SIGNS
from flatline_monitor.runs.records import Task
from tests.monitor.diagnosis.cases import BLIND, facts, finding, found

DETECTORS = {detector.name for detector in CATALOGUE}
WIDE = ((0.5, 99.0, 50.0, 29.0),)
VALIDATED = {"best_epoch": 2, "last_epoch": 20}

FIRST = {
    "bad_values_in_data": (found("non_finite"), facts(bad_place="input", bad_step=50)),
    "learning_rate_too_high": (
        found("no_skill", "init_loss"),
        facts(first_update_ratio=0.4, kernels_without_gradient=3),
    ),
    "inputs_not_scaled": (
        found("no_skill", "init_loss", "input_scale"),
        facts(inputs=WIDE, began_at=15.0),
    ),
    "targets_not_scaled": (
        found("no_skill", "init_loss"),
        facts(task=Task.REGRESSION, null_loss=6e9, began_at=9e10, loss=9e10, labels=()),
    ),
    "class_imbalance": (
        found("no_skill", "class_collapse"),
        facts(labels=(9_000, 1_000), predictions=(2_600, 0)),
    ),
    "saturating_activations": (
        found("stagnation", "no_skill", "vanishing_gradient"),
        facts(gradient_gap=4.0, kernels=((10, 10),) * 10 + ((10, 1),)),
    ),
    "learning_rate_too_low": (
        found("stagnation", "update_ratio"),
        facts(update_ratio=(2e-7, 4e-7), first_update_ratio=4e-7),
    ),
    "regularization_too_strong": (
        found("no_skill", "class_collapse"),
        facts(regularization_share=0.9, regularization=0.5, kernel_norm=1.0),
    ),
    "capacity_too_small": (
        found("stagnation", "no_skill"),
        facts(kernels=((2, 1),), parameters=3),
    ),
    "no_information": (found("no_skill"), facts()),
    "too_little_data": (
        found("overfitting"),
        facts(skill=0.99, samples=200, parameters=270_000, validation_skill=0.4, **VALIDATED),
    ),
    "regularization_missing": (
        found("overfitting"),
        facts(skill=0.4, samples=50_000, validation_skill=0.3, **VALIDATED),
    ),
    "poor_initialization": (found("init_loss"), facts(began_at=30.0, first_loss=20.0)),
    "dead_units": (found("no_skill", "stagnation"), facts(kernels_without_gradient=2)),
    "untrained_layers": (
        found("frozen_layer", "no_skill"),
        facts(untrained=("encoder/kernel",), fixed=0),
    ),
    "wrong_last_layer_or_loss": (
        found("class_collapse"),
        facts(skill=0.9, loss=0.07, predictions=(0, 2_600)),
    ),
    "categories_as_numbers": (
        found("input_scale"),
        facts(inputs=((0.0, 11.0, 5.0, 3.0), (0.0, 499.0, 250.0, 140.0)), whole_inputs=True),
    ),
    "gradients_not_clipped": (found("gradient_explosion"), facts()),
    "data_changed": (found("divergence"), facts()),
    "not_shuffled": (found("not_shuffled", "no_skill"), facts()),
    "validation_differs": (
        {"suspicious_validation": finding(statistic="validation_loss")} | found("overfitting"),
        facts(skill=0.6, samples=600, validation_skill=-3.0, **VALIDATED),
    ),
    "leak": ({"suspicious_validation": finding(statistic="accuracy_lower_bound")}, facts()),
    "too_few_epochs": (found("no_skill"), facts(improving=0.035, plan_epochs=3)),
    "batch_too_large": (
        found("stagnation"),
        facts(plan_steps=30, plan_epochs=30, batch_size=5_000, samples=5_000),
    ),
    "schedule_wrong": (found("lr_schedule"), facts()),
    "batch_too_small": (found("oscillation"), facts(batch_size=1)),
    "noisy_labels": (
        found("overfitting"),
        facts(skill=0.4, samples=50_000, validation_skill=0.3, **VALIDATED),
    ),
    "numerical_error": (
        found("non_finite"),
        facts(bad_place="gradient", bad_step=40, was_calm=True),
    ),
    "sign_error": (found("weight_growth"), facts(regularization=-40.0, skill=-2.0)),
    "normalisation_wrong": (
        found("overfitting"),
        facts(skill=0.9, validation_skill=-0.4, moves_means=True, batch_size=2, **VALIDATED),
    ),
    "unsuitable_optimizer": (
        found("stagnation", "vanishing_gradient"),
        facts(plain_descent=True, gradient_gap=2.5),
    ),
    "clipping_too_strong": (
        found("clip_saturation", "stagnation", "update_ratio"),
        facts(clip_ratio=5e-4, update_ratio=(2e-7, 4e-7), first_update_ratio=4e-7),
    ),
    "slow_input": (found("slow_steps"), facts()),
    "vocabulary_too_small": (
        found("preflight"),
        facts(faults={"tokens_out_of_range": "the tokens go from 0 to 9"}),
    ),
}

BEHIND = {"noisy_labels", "categories_as_numbers", "data_changed", "unsuitable_optimizer"}
"""Causes that share all of their signs with a likelier one."""


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_each_cause_is_among_the_first_three_in_a_run_of_its_kind(cause):
    """The signature decides: findings and facts together."""
    findings, known = FIRST[cause.name]
    ranked = diagnose(findings, known)

    assert cause.name in [each.name for each in ranked[:3]]


@pytest.mark.parametrize("name", sorted(FIRST.keys() - BEHIND))
def test_most_causes_come_first_in_a_run_of_their_kind(name):
    """A few share their signs with a likelier one and stand behind it."""
    assert diagnose(*FIRST[name])[0].name == name


def test_the_table_speaks_of_what_there_is():
    """Every name is a detector or a sign, every sign is used, every weight a share of belief."""
    used: set[str] = set()
    for cause in CAUSES:
        for weighed in (cause.speaks_for, cause.speaks_against):
            used |= weighed.keys()
            assert all(0 < weight < 1 for weight in weighed.values()), cause.name

    assert used - SIGNS.keys() <= DETECTORS
    assert SIGNS.keys() <= used
    assert len({cause.name for cause in CAUSES}) == len(CAUSES)


@pytest.mark.parametrize("detector", sorted(DETECTORS - {"update_ratio", "preflight"}))
def test_every_finding_has_a_cause(detector):
    """Also of a run of which hardly anything is known; of the pre-flight, each of its rules has."""
    assert causes_of(detector, diagnose(found(detector), BLIND))
    assert causes_of(detector, diagnose(found(detector), facts()))


@pytest.mark.parametrize(
    ("statistic", "side", "cause"),
    [
        ("largest_update_ratio", Side.ABOVE, "learning_rate_too_high"),
        ("largest_update_ratio", Side.BELOW, "learning_rate_too_low"),
    ],
)
def test_updates_are_too_large_or_too_small(statistic, side, cause):
    """The side on which update_ratio fires tells which."""
    findings = {"update_ratio": finding(statistic=statistic, side=side)}

    assert causes_of("update_ratio", diagnose(findings, BLIND))[0].name == cause


def test_a_run_at_chance_with_healthy_gradients_is_told_how_to_test_its_data():
    """The labels or features may carry no information; over-fitting one batch tells."""
    cause = diagnose(found("no_skill"), facts())[0]

    assert "no information" in cause.title
    assert "over-fit one batch" in cause.remedy.text
    assert any("gradients reach every layer" in sentence for sentence in cause.speaks_for)


def test_unscaled_inputs_and_nothing_to_learn_are_both_said():
    """One does not hide the other."""
    names = [cause.name for cause in diagnose(*FIRST["inputs_not_scaled"])[:3]]

    assert {"inputs_not_scaled", "no_information"} <= set(names)


def test_a_collapse_onto_the_majority_names_the_imbalance_and_the_missing_information():
    """The 90/10 set whose labels do not hang on the features."""
    names = [cause.name for cause in diagnose(*FIRST["class_imbalance"])[:3]]

    assert names == ["class_imbalance", "no_information"][: len(names)] or set(names) >= {
        "class_imbalance",
        "no_information",
    }


@pytest.mark.parametrize(
    ("findings", "known", "cause"),
    [
        (found("dead_units", "no_skill"), facts(kernels_without_gradient=3), "dead_units"),
        (
            found("dead_units", "stagnation", "no_skill"),
            facts(kernels_without_gradient=3, rectified_output=True, task=Task.REGRESSION),
            "wrong_last_layer_or_loss",
        ),
        (
            found("dead_units", "frozen_layer", "no_skill"),
            facts(kernels_without_gradient=3, zero_kernels=2),
            "poor_initialization",
        ),
        (
            found("saturated_activations", "no_skill"),
            facts(first_kernel_norm=90.0, gradient_gap=2.2),
            "poor_initialization",
        ),
        (
            found("saturated_activations", "input_scale", "no_skill"),
            facts(inputs=WIDE),
            "inputs_not_scaled",
        ),
        (
            found("saturated_activations", "vanishing_gradient", "no_skill"),
            facts(gradient_gap=4.0, kernels=((10, 10),) * 6),
            "saturating_activations",
        ),
        (found("weight_growth"), facts(first_update_ratio=0.4), "learning_rate_too_high"),
        (
            found("over_regularised", "no_skill"),
            facts(regularization_share=0.0, kernel_norm=0.6),
            "regularization_too_strong",
        ),
        (found("frozen_layer"), facts(), "untrained_layers"),
        (found("no_skill"), facts(fixed=4, kernels=((32, 1),)), "untrained_layers"),
        (found("plateau"), facts(fixed=4), "untrained_layers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_units_and_layers_of_no_use_have_causes_of_their_own(findings, known, cause):
    """What else is known of the run tells one from the other."""
    assert diagnose(findings, known)[0].name == cause


def test_a_model_of_which_one_layer_is_trained_is_linear_only_if_it_has_no_other():
    """Frozen layers, and those without a gradient, are layers all the same."""
    linear = facts(kernels=((2, 1),), parameters=3)
    for known in (
        dataclasses.replace(linear, fixed=3),
        dataclasses.replace(linear, untrained=("encoder/kernel",)),
    ):
        assert diagnose(found("no_skill"), linear)[0].name == "capacity_too_small"
        assert diagnose(found("no_skill"), known)[0].name == "untrained_layers"
