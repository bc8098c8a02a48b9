"""Every remedy's code is run against a model, as a person would paste it."""

import io
from contextlib import redirect_stdout

import keras
import numpy as np
import pytest
import tensorflow as tf

from flatline_monitor.diagnosis.causes import CAUSES
from flatline_monitor.runs.records import Task
from tests.monitor.diagnosis.cases import BLIND, facts

N = 48
REMEDIES = {cause.name: cause.remedy for cause in CAUSES}
SHORT = {"plan_epochs": 1, "batch_size": 16, "samples": N}
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


@pytest.fixture(autouse=True)
def eagerly():
    """What is claimed is that the code runs, not that TensorFlow can compile it."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


def binary():
    return keras.layers.Dense(1, activation="sigmoid"), "binary_crossentropy", np.arange(N) % 2


def three_classes():
    last = keras.layers.Dense(3, activation="softmax")
    return last, "sparse_categorical_crossentropy", np.arange(N) % 3


def numbers():
    return keras.layers.Dense(1), "mse", np.linspace(0, 1, N)


TASKS = {
    "binary": (binary, facts(**SHORT, labels=(43, 5))),
    "three classes": (
        three_classes,
        facts(**SHORT, labels=(30, 12, 6), kernels=((4, 8), (8, 3)), loss_name="sparse"),
    ),
    "regression": (
        numbers,
        facts(**SHORT, task=Task.REGRESSION, labels=(), kernels=((4, 8), (8, 1))),
    ),
    "a linear model": (binary, facts(**SHORT, kernels=((4, 1),), regularization_share=0.9)),
}


def pasted(code, kind):
    """Run the code where a person would have a model and its data."""
    last, loss, y = kind()
    x = np.random.default_rng(0).integers(0, 9, (N, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), last])
    model.compile(keras.optimizers.SGD(0.5), loss)
    model.fit(x, y, verbose=0)
    names = {"keras": keras, "np": np, "model": model, "x_train": x, "y_train": y}
    with redirect_stdout(io.StringIO()):
        exec(code.replace("epochs=300", "epochs=2"), names)  # noqa: S102 - that it runs is the claim
    return names


@pytest.mark.parametrize("kind", TASKS)
def test_the_code_of_every_remedy_runs(kind):
    """Pasted into a program that has a model and data, it trains; the same code is run once."""
    make, known = TASKS[kind]
    codes = {name: remedy(known).code for name, remedy in REMEDIES.items()}
    for_people_alone = {"data_changed"}
    for_people_alone |= {"targets_not_scaled"} if known.labels else {"class_imbalance"}
    assert {name for name, code in codes.items() if not code} == for_people_alone
    for code in sorted(set(codes.values()) - {""}):
        pasted(code, make)


@pytest.mark.parametrize("name", REMEDIES)
def test_no_remedy_gives_class_weights_to_compile(name):
    """They are an argument of fit; and what nobody knows is not made up."""
    for known in (BLIND, *(known for _, known in TASKS.values())):
        remedy = REMEDIES[name](known)
        assert remedy.text
        for line in remedy.code.splitlines():
            assert "compile" not in line or "class_weight" not in line
        assert "None" not in remedy.text + remedy.code
        assert "nan" not in remedy.code


def test_class_weights_are_the_balanced_ones():
    """N / (K n_k), as scikit-learn has it: 0.56 and 5.0 at 90 to 10."""
    remedy = REMEDIES["class_imbalance"](facts(labels=(900, 100)))

    assert "class_weight = {0: 0.56, 1: 5.00}" in remedy.code
    assert ", class_weight=class_weight)" in remedy.code


def test_a_learning_rate_becomes_a_hundredth():
    """With the value now, the value to try and the ratio that was seen."""
    remedy = REMEDIES["learning_rate_too_high"](facts(learning_rate=0.5, first_update_ratio=0.31))

    assert "Learning rate 0.5 -> 0.005; the update ratio was 0.31" in remedy.text
    after = pasted(remedy.code, binary)["fresh"].optimizer
    assert isinstance(after, keras.optimizers.SGD)
    assert float(after.learning_rate) == pytest.approx(0.005)


def test_a_small_learning_rate_is_raised_to_the_usual_update_ratio():
    """By as much as the ratio lies below 0.001: 2,500 times, to one digit."""
    remedy = REMEDIES["learning_rate_too_low"](facts(learning_rate=1e-7, update_ratio=(2e-7, 4e-7)))

    assert "Learning rate 1e-07 -> 0.0003" in remedy.text


@pytest.mark.parametrize(
    ("inputs", "whole", "layer"),
    [
        ((0.6, 99.7, 55.0, 29.0), False, "Normalization()"),
        ((0.0, 255.0, 80.0, 70.0), True, "Rescaling(1 / 255)"),
        ((0.0, 100.0, 50.0, 29.0), True, "Normalization()"),
    ],
)
def test_inputs_are_scaled_by_what_they_are(inputs, whole, layer):
    """Pixels are divided; anything else is brought to mean 0 and deviation 1, its range named."""
    remedy = REMEDIES["inputs_not_scaled"](facts(inputs=(inputs,), whole_inputs=whole))

    assert layer in remedy.code
    assert f"{inputs[0]:.4g}..{inputs[1]:.4g}" in remedy.text


def test_the_factor_of_a_regularisation_follows_from_its_terms():
    """Terms / norm squared is the factor, if all kernels have the same; a hundredth is to try."""
    remedy = REMEDIES["regularization_too_strong"](
        facts(regularization=0.4, kernel_norm=2.0, regularization_share=0.9)
    )

    assert "an L2 factor of about 0.1" in remedy.text
    assert "regularizers.L2(0.001)" in remedy.code


@pytest.mark.parametrize("limit", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_clipping_is_loosened_to_twice_the_usual_norm(limit):
    """Whichever of Keras's three limits the optimizer had; it takes one of them at most."""
    remedy = REMEDIES["clipping_too_strong"](facts(**SHORT, gradient_norm=1.2, clip_ratio=4e-4))
    assert "leaves 0.0004 of their norm" in remedy.text
    clipped = f"model.optimizer = keras.optimizers.SGD(0.01, {limit}=1e-4)\n"

    after = pasted(clipped + remedy.code, binary)["fresh"].optimizer
    assert (after.clipnorm, after.clipvalue, after.global_clipnorm) == (None, None, 2.0)


def test_a_model_of_other_layers_gets_words_alone():
    """Nobody rebuilds a convolution out of the shapes of its kernels."""
    remedy = REMEDIES["capacity_too_small"](facts(kernels=((3, 3, 1, 8), (200, 1)), is_stack=False))

    assert remedy.text
    assert not remedy.code


@pytest.mark.parametrize(("best", "patience"), [(1, 2), (3, 3), (13, 5), (None, 5)])
def test_nobody_waits_longer_than_the_best_epoch_took(best, patience):
    """At most five epochs; two, so that one bad epoch does not end it."""
    code = REMEDIES["too_little_data"](facts(best_epoch=best)).code

    assert f"patience={patience}," in code


def test_a_rate_that_is_low_is_raised_with_the_activations():
    """To Adam's default; one that is not stays the program's."""
    low, usual = (REMEDIES["saturating_activations"](facts(learning_rate=r)) for r in (1e-4, 1e-3))

    assert "Raise the learning rate: 0.0001 -> 0.001" in low.text
    assert '"learning_rate": 0.001}' in low.code
    assert "learning_rate" not in usual.code


def test_a_bad_step_names_its_samples():
    """So that somebody who does not shuffle can look at them."""
    remedy = REMEDIES["bad_values_in_data"](
        facts(bad_place="input", bad_step=150, batch_size=16, plan_steps=300, plan_epochs=3)
    )

    assert "step 150: without shuffling samples 800 to 815" in remedy.text


def test_samples_far_out_are_dropped_too():
    """Beyond twenty times the largest element of a usual batch."""
    code = REMEDIES["bad_values_in_data"](facts(**SHORT, input_outlier=(1, 9.0, 1e9))).code
    names = pasted("x_train[5, 2] = 1e9\n" + code, binary)

    assert len(names["x_train"]) == N - 1


@pytest.mark.parametrize(
    "known", [{"labels_outside": 0.3}, {"faults": {"labels_out_of_range": "0 to 2"}}]
)
def test_labels_that_are_no_classes_are_numbered_anew(known):
    """As many outputs as there are labels, whatever these are."""
    kind = lambda: (*binary()[:2], np.arange(N) % 3 - 1)  # noqa: E731 - as the kinds above
    remedy = REMEDIES["wrong_last_layer_or_loss"](facts(**SHORT, **known))
    names = pasted(remedy.code, kind)

    assert names["better"].output_shape == (None, 3)
    assert set(names["y_train"]) == {0, 1, 2}


def test_a_remedy_keeps_the_optimizer_that_it_says_nothing_of():
    """So that what helps is what it says."""
    after = pasted(REMEDIES["not_shuffled"](facts(**SHORT)).code, binary)["fresh"].optimizer

    assert isinstance(after, keras.optimizers.SGD)
    assert float(after.learning_rate) == 0.5


def test_layers_of_any_kind_are_made_without_what_held_them_down():
    """No penalty, little dropout, no decay; everything else stays."""
    code = REMEDIES["regularization_too_strong"](facts(**SHORT, is_stack=False)).code
    layers = (
        "model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.9),"
        "keras.layers.Dense(8, 'tanh', kernel_regularizer='l2'), model.layers[-1]])\n"
        "model.compile(keras.optimizers.AdamW(0.01, weight_decay=9.0), 'mse')\n"
    )
    fresh = pasted(layers + code, binary)["fresh"]

    dropout, dense, _ = fresh.layers
    assert (dropout.rate, dense.kernel_regularizer, dense.units) == (0.2, None, 8)
    assert dense.activation is keras.activations.tanh
    assert (fresh.optimizer.weight_decay, float(fresh.optimizer.learning_rate)) == (
        0.0,
        pytest.approx(0.01),
    )


def test_units_are_revived_in_layers_of_any_kind():
    """Whether the ReLU is a layer or in one; the biases that held it down are zero again."""
    known = facts(**SHORT, is_stack=False, learning_rate=0.5, first_update_ratio=0.01)
    layers = (
        "model = keras.Sequential([keras.Input((4,)), keras.layers.ReLU(),"
        "keras.layers.Dropout(0.1),"
        "keras.layers.Dense(8, 'relu', bias_initializer='ones'), model.layers[-1]])\n"
        "model.compile(keras.optimizers.SGD(0.5), 'mse')\n"
    )
    fresh = pasted(layers + REMEDIES["dead_units"](known).code, binary)["fresh"]

    relu, _, dense, _ = fresh.layers
    assert relu.negative_slope == pytest.approx(0.2)
    assert dense.activation is keras.activations.leaky_relu
    assert isinstance(dense.bias_initializer, keras.initializers.Zeros)
    assert float(fresh.optimizer.learning_rate) == pytest.approx(0.05)


def test_layers_of_any_kind_begin_as_keras_has_it():
    """Their own initialisers are dropped, whatever layers they are."""
    code = REMEDIES["poor_initialization"](facts(**SHORT, is_stack=False)).code
    layers = (
        "model = keras.Sequential([keras.Input((4,)), keras.layers.Reshape((2, 2)),"
        "keras.layers.SimpleRNN(8, recurrent_initializer='ones'), model.layers[-1]])\n"
        "model.compile(keras.optimizers.SGD(0.01), 'mse')\n"
    )
    recurrent = pasted(layers + code, binary)["fresh"].layers[1]

    assert isinstance(recurrent.cell.recurrent_initializer, keras.initializers.Orthogonal)


def test_bad_samples_are_dropped():
    """What is left is finite."""
    code = REMEDIES["bad_values_in_data"](facts(**SHORT)).code
    names = pasted("x_train[5, 2] = np.nan\n" + code, binary)

    assert len(names["x_train"]) == len(names["y_train"]) == N - 1
    assert np.isfinite(names["x_train"]).all()
