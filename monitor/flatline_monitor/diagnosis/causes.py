"""The causes that flatline knows: what speaks for and against each, how much, and what to do.

Weights are shares of belief in the sense of a noisy-or (`infer.py`): 0.6 for a sign means that
it alone makes the cause 60 % likely; a weight against means that the sign takes so much away.
They are ours, set so that each program of the gallery names its cause; the signatures are those
of the sources that stand beside them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flatline_monitor.diagnosis import remedies_of_data as data
from flatline_monitor.diagnosis import remedies_of_model as model
from flatline_monitor.diagnosis.contract import Remedy
from flatline_monitor.diagnosis.facts import Facts


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table."""

    name: str
    title: str
    """Goes on after "probably"."""
    speaks_for: Mapping[str, float]
    """Weights of detectors' findings and of signs, by name."""
    remedy: Callable[[Facts], Remedy]
    source: str
    speaks_against: Mapping[str, float] = field(default_factory=dict)


CAUSES: tuple[Entry, ...] = (
    Entry(
        "bad_values_in_data",
        "the data hold missing values (nan) or infinities",
        {
            "bad_input": 0.9,
            "bad_at_once": 0.7,
            "non_finite": 0.2,
            "no_skill": 0.01,
            "stagnation": 0.01,
            "class_collapse": 0.01,
        },
        data.clean_data,
        "Micikevicius et al. (2018), section 3.2, leaves no other way for a nan at the input",
        {"bad_elsewhere": 0.8},
    ),
    Entry(
        "learning_rate_too_high",
        "the learning rate is too high",
        {
            "first_updates_large": 0.75,
            "update_ratio_high": 0.6,
            "divergence": 0.4,
            "gradient_explosion": 0.3,
            "non_finite": 0.3,
            "no_skill": 0.05,
            "stagnation": 0.05,
            "class_collapse": 0.05,
        },
        model.lower_learning_rate,
        "update ratio > 0.1, or explosion and divergence within 200 steps (TheDeepChecker)",
        {
            "bad_input": 0.9,
            "bad_at_once": 0.7,
            "first_updates_ordinary": 0.3,
            "update_ratio_low": 0.9,
            "weights_shrunk": 0.5,
        },
    ),
    Entry(
        "inputs_not_scaled",
        "the inputs are not scaled to about 1",
        {
            "inputs_wide": 0.4,
            "input_scale": 0.3,
            "began_high": 0.4,
            "init_loss": 0.15,
            "no_skill": 0.1,
            "stagnation": 0.05,
            "class_collapse": 0.05,
            "gradient_explosion": 0.15,
            "non_finite": 0.05,
        },
        data.scale_inputs,
        "LeCun et al. (1998), section 4.3; a high first loss before anything else",
        {"inputs_around_one": 0.95, "bad_input": 0.8, "began_ordinary": 0.5},
    ),
    Entry(
        "targets_not_scaled",
        "the targets of the regression are not scaled to about 1",
        {
            "targets_wide": 0.6,
            "init_loss": 0.03,
            "no_skill": 0.03,
            "stagnation": 0.03,
            "gradient_explosion": 0.03,
            "non_finite": 0.03,
        },
        data.scale_targets,
        "LeCun et al. (1998), section 4.5, on target values",
        {"bad_input": 0.9},
    ),
    Entry(
        "class_imbalance",
        "the classes are imbalanced, and the model answers with the commonest",
        {
            "labels_imbalanced": 0.45,
            "class_collapse": 0.35,
            "answers_the_majority": 0.25,
            "no_skill": 0.05,
        },
        data.weigh_classes,
        "normalised perplexity of the labels < 0.5 (TheDeepChecker) with a collapse",
        {"labels_balanced": 0.9, "bad_input": 0.9, "bad_elsewhere": 0.9},
    ),
    Entry(
        "saturating_activations",
        "sigmoids or tanhs saturate in a deep stack",
        {
            "vanishing_gradient": 0.65,
            "gradients_shrink": 0.4,
            "deep": 0.2,
            "stagnation": 0.1,
            "no_skill": 0.05,
            "class_collapse": 0.05,
        },
        model.unsaturate,
        "Glorot and Bengio (2010): a depth gap in the gradient norms",
        {"gradients_healthy": 0.7, "shallow": 0.7, "bad_input": 0.9, "bad_elsewhere": 0.5},
    ),
    Entry(
        "learning_rate_too_low",
        "the learning rate is too low",
        {
            "update_ratio_low": 0.75,
            "no_updates": 0.8,
            "first_updates_small": 0.55,
            "stagnation": 0.1,
            "no_skill": 0.05,
            "class_collapse": 0.05,
        },
        model.raise_learning_rate,
        "Karpathy, CS231n notes, part 3: updates far below 0.001 of the weights",
        {"updates_ordinary": 0.8, "first_updates_large": 0.9, "gradients_gone": 0.7},
    ),
    Entry(
        "regularization_too_strong",
        "the regularisation is too strong",
        {
            "weights_shrunk": 0.45,
            "regularization_dominates": 0.5,
            "class_collapse": 0.1,
            "no_skill": 0.1,
            "stagnation": 0.05,
            "update_ratio_high": 0.05,
        },
        model.regularize_less,
        "TheDeepChecker's over-regularised: the terms outweigh the data, weights shrink",
        {"no_regularization": 0.98, "fits_training_data": 0.7},
    ),
    Entry(
        "capacity_too_small",
        "the model is too small for the task",
        {
            "no_hidden_layer": 0.6,
            "few_parameters": 0.2,
            "no_skill": 0.12,
            "stagnation": 0.12,
            "gradients_healthy": 0.1,
            "updates_ordinary": 0.1,
            "settled": 0.1,
        },
        model.add_capacity,
        "Goodfellow et al. (2016), Deep Learning, section 5.2: underfitting",
        {
            "fits_training_data": 0.9,
            "overfitting": 0.8,
            "more_parameters_than_samples": 0.5,
            "update_ratio_low": 0.7,
            "vanishing_gradient": 0.7,
            "gradients_gone": 0.7,
            "bad_input": 0.9,
            "bad_elsewhere": 0.9,
            "first_updates_large": 0.6,
            "regularization_dominates": 0.5,
            "improving": 0.3,
        },
    ),
    Entry(
        "no_information",
        "the labels or features carry no information, or do not belong together",
        {
            "no_skill": 0.3,
            "class_collapse": 0.1,
            "stagnation": 0.05,
            "gradients_healthy": 0.2,
            "updates_ordinary": 0.15,
            "hidden_layers": 0.15,
            "validation_has_no_skill": 0.6,
            "overfitting": 0.1,
        },
        data.overfit_one_batch,
        "at chance although gradients, updates and capacity are healthy; memorising with the "
        "validation at chance (Zhang et al., 2017)",
        {
            "update_ratio_low": 0.8,
            "first_updates_small": 0.6,
            "gradients_shrink": 0.4,
            "first_updates_large": 0.7,
            "vanishing_gradient": 0.7,
            "gradients_gone": 0.7,
            "regularization_dominates": 0.6,
            "no_hidden_layer": 0.3,
            "improving": 0.4,
            "validation_has_skill": 0.8,
            "targets_wide": 0.5,
            "bad_input": 0.9,
            "bad_elsewhere": 0.9,
        },
    ),
    Entry(
        "too_little_data",
        "there is too little data for so large a model",
        {
            "overfitting": 0.45,
            "more_parameters_than_samples": 0.25,
            "few_samples": 0.2,
            "fits_training_data": 0.2,
        },
        data.stop_early,
        "Goodfellow et al. (2016), section 5.2: overfitting",
        {"validation_has_no_skill": 0.4},
    ),
    Entry(
        "regularization_missing",
        "nothing regularises the model",
        {"overfitting": 0.4, "no_regularization": 0.1},
        model.regularize,
        "overfitting with no regularisation in the loss; dropout is not seen",
        {"regularization_dominates": 0.8},
    ),
    Entry(
        "noisy_labels",
        "a part of the labels is wrong",
        {"overfitting": 0.25, "fits_training_data": 0.05, "validation_has_skill": 0.05},
        data.doubt_labels,
        "Arpit et al. (2017), A closer look at memorization: clean samples are learned first",
    ),
    Entry(
        "poor_initialization",
        "the weights are initialised badly",
        {
            "began_at_zero": 0.7,
            "began_high": 0.35,
            "init_loss": 0.15,
            "gradients_all_gone": 0.3,
            "update_ratio": 0.05,
            "stagnation": 0.05,
            "vanishing_gradient": 0.1,
            "class_collapse": 0.05,
        },
        model.initialize,
        "a first loss far above ln K (Karpathy, CS231n notes, part 3); no gradient at zeros",
        {
            "inputs_wide": 0.6,
            "first_updates_large": 0.6,
            "began_ordinary": 0.3,
            "bad_input": 0.9,
        },
    ),
    Entry(
        "dead_units",
        "units have died and pass no gradient",
        {
            "gradients_gone": 0.5,
            "update_ratio": 0.05,
            "class_collapse": 0.05,
            "no_skill": 0.05,
            "stagnation": 0.05,
        },
        model.revive_units,
        "Lu et al. (2019), Dying ReLU: gradients of exactly zero",
        {
            "gradients_healthy": 0.9,
            "began_at_zero": 0.7,
            "bad_input": 0.9,
        },
    ),
    Entry(
        "wrong_last_layer_or_loss",
        "the last layer does not fit the loss",
        {
            "learns_but_collapses": 0.7,
            "began_high": 0.2,
            "gradients_all_gone": 0.4,
            "update_ratio": 0.05,
            "class_collapse": 0.1,
            "no_skill": 0.1,
            "stagnation": 0.05,
            "init_loss": 0.05,
        },
        model.fit_last_layer,
        "NeuraLint (Nikanjam et al., 2021): rules for the last layer and its loss",
        {
            "began_ordinary": 0.2,
            "began_at_zero": 0.7,
            "inputs_wide": 0.5,
            "first_updates_large": 0.6,
            "labels_imbalanced": 0.3,
            "bad_input": 0.9,
        },
    ),
    Entry(
        "categories_as_numbers",
        "categories are fed as plain numbers",
        {"inputs_whole": 0.4, "input_scale": 0.1, "no_skill": 0.05},
        data.embed,
        "whole numbers of a wide range that are no pixels",
        {"inputs_around_one": 0.9},
    ),
    Entry(
        "gradients_not_clipped",
        "single batches have huge gradients and nothing clips them",
        {"gradient_explosion": 0.4, "divergence": 0.15, "non_finite": 0.1},
        model.clip_gradients,
        "Pascanu et al. (2013), section 3.2",
        {"bad_input": 0.9, "first_updates_large": 0.5},
    ),
    Entry(
        "data_changed",
        "the data or the settings changed in the middle of the run",
        {"divergence": 0.3},
        data.check_change,
        "a rise after good progress, with updates of the usual size",
        {"first_updates_large": 0.7},
    ),
    Entry(
        "too_few_epochs",
        "the training is too short",
        {
            "improving": 0.45,
            "few_epochs": 0.25,
            "few_updates": 0.1,
            "no_skill": 0.05,
            "stagnation": 0.05,
        },
        model.train_longer,
        "Prechelt (1998): the loss still falls when the plan ends",
        {
            "update_ratio_low": 0.5,
            "began_high": 0.6,
            "overfitting": 0.9,
            "bad_input": 0.9,
            "bad_elsewhere": 0.9,
        },
    ),
    Entry(
        "batch_too_large",
        "the batches are so large that there are hardly any updates",
        {"few_updates": 0.55, "stagnation": 0.05, "no_skill": 0.05},
        data.cut_batches,
        "Keskar et al. (2017): large batches; here one or two updates an epoch",
    ),
)
