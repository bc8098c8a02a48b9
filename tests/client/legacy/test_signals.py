"""What is measured of a training of Keras 2."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from flatline.rows import EXACT, RECONSTRUCTED
from tests.client.legacy.models import At, Custom, compiled, crossentropy, keras, layers, mlp
from tests.client.models import BATCH, BITS, CLASSES, FEATURES, LABELS, NUMBERS, Recording, X, fit


def test_what_is_known_when_it_begins() -> None:
    """The plan, the task, the loss and the version are told."""
    callback = Recording()
    fit(compiled(), [callback], X, LABELS)

    said = callback.run.description[-1]
    assert (said.plan_steps, said.plan_epochs, said.batch_size) == (8, 2, BATCH)
    assert (said.task, said.loss_kind, said.class_count) == (
        "classification",
        "cross_entropy",
        CLASSES,
    )
    assert said.loss_name == "sparse_categorical_crossentropy"
    assert said.framework_version == keras.__version__


def test_the_set_up_is_told() -> None:
    """Layers, a chain of them, the optimizer's numbers, the loss and the arrays."""
    callback = Recording()
    x = keras.Input((FEATURES,))
    out = layers.Dense(CLASSES)(layers.Dropout(0.25)(x))
    fit(compiled(lambda: keras.Model(x, out)), [callback], X, LABELS)

    (facts,) = callback.run.models
    dropout, dense = facts.layers
    assert (dropout.rate, dense.activation, dense.units) == (0.25, "linear", CLASSES)
    assert (dense.output, facts.chain) == (True, True)
    assert facts.optimizer is not None
    assert facts.loss is not None
    assert facts.loss.name == "sparse_categorical_crossentropy"
    assert facts.inputs[0].shape == (FEATURES,)


@pytest.mark.parametrize(
    ("model", "y", "task", "kind"),
    [
        (lambda: compiled(lambda: mlp(1), loss="mse"), NUMBERS, "regression", "squared_error"),
        (
            lambda: compiled(
                lambda: mlp(1), loss=keras.losses.BinaryCrossentropy(from_logits=True)
            ),
            BITS,
            "classification",
            "cross_entropy",
        ),
        (
            lambda: compiled(
                lambda: mlp(1), loss=keras.losses.BinaryCrossentropy(label_smoothing=0.1)
            ),
            BITS,
            "classification",
            "unspecified",
        ),
    ],
)
def test_tasks_are_read_from_the_loss(model: Any, y: Any, task: str, kind: str) -> None:
    """By name or by class, with its options."""
    callback = Recording()
    fit(model(), [callback], X, y)

    said = callback.run.description[-1]
    assert (said.task, said.loss_kind) == (task, kind)


def reference(steps: int) -> dict[str, np.ndarray]:
    """The same numbers by a loop of its own."""
    model, entropy, found = compiled(), crossentropy(), []
    for step in range(steps):
        part = slice(step % 4 * BATCH, (step % 4 + 1) * BATCH)
        before = [v.numpy() for v in model.trainable_variables]
        with tf.GradientTape() as tape:
            logits = model(X[part], training=True)
            data = entropy(LABELS[part], logits)
            loss = data + tf.add_n(model.losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        after = [v.numpy() for v in model.trainable_variables]
        moved = [new - old for new, old in zip(after, before, strict=True)]
        found.append(
            {
                "loss": float(loss),
                "data_loss": float(data),
                "grad_norm": [np.linalg.norm(g) for g in gradients],
                "weight_norm": [np.linalg.norm(v) for v in after],
                "update_norm": [np.linalg.norm(m) for m in moved],
                "label_count": np.bincount(LABELS[part], minlength=CLASSES),
                "prediction_count": np.bincount(np.argmax(logits, 1), minlength=CLASSES),
            }
        )
    return {name: np.array([step[name] for step in found]) for name in found[0]}


def test_the_numbers_are_those_of_a_loop_of_ones_own() -> None:
    """Norms, losses and classes of the sampled steps; the losses of all steps."""
    callback, model = Recording(allowance_seconds=1e6), compiled()
    fit(model, [callback], X, LABELS)
    run, expected = callback.run, reference(8)

    assert run.sampled_steps == list(range(1, 8))
    np.testing.assert_allclose(run.column("loss"), expected.pop("loss"), rtol=1e-4)
    for name, values in expected.items():
        np.testing.assert_allclose(run.sampled(name), values[1:], rtol=1e-3, err_msg=name)
    paths = [variable.path for variable in run.variables[0][0]]
    assert paths == [v.name.removesuffix(":0") for v in model.trainable_variables]
    assert [v.role for v in run.variables[0][0]] == ["kernel", "bias"] * 2


def test_the_loss_of_an_unsampled_step_comes_out_of_the_running_mean() -> None:
    """Keras 2 logs a mean too; what is taken out of it is what the steps had."""
    callback = Recording(allowance_seconds=0.0, overhead=1e-6)
    fit(compiled(), [callback], X[:55], LABELS[:55])
    seen = Recording(allowance_seconds=1e6)
    fit(compiled(), [seen], X[:55], LABELS[:55])

    exact = {0, 4, *callback.run.sampled_steps}
    assert len(exact) < 8
    for step, source in enumerate(callback.run.column("loss_source")):
        assert source == (EXACT if step in exact else RECONSTRUCTED)
    np.testing.assert_allclose(callback.run.column("loss"), seen.run.column("loss"), rtol=1e-4)


@pytest.mark.parametrize("allowance", [0.0, 1e6])
def test_rates_follow_a_schedule_and_a_callback(allowance: float) -> None:
    """The rate of a step is the one that it was taken with."""

    def schedule() -> Any:
        return keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))

    callback = Recording(allowance_seconds=allowance, overhead=1e-6)
    fit(compiled(optimizer=schedule), [callback], X, LABELS)
    np.testing.assert_allclose(
        [callback.run.rates[step] for step in range(8)], 0.1 * 0.5 ** np.arange(8.0), rtol=1e-5
    )

    callback = Recording(allowance_seconds=allowance, overhead=1e-6)
    halved = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 / (epoch + 1))
    fit(compiled(), [halved, callback], X, LABELS)
    assert callback.run.rates == pytest.approx({0: 0.01, 4: 0.005})


def test_a_loss_scale_is_told_and_taken_off() -> None:
    """Keras 2 hands gradients over unscaled; their norms are those of the loss."""

    def scaled() -> Any:
        return keras.mixed_precision.LossScaleOptimizer(keras.optimizers.Adam(0.01))

    plain, half = Recording(allowance_seconds=1e6), Recording(allowance_seconds=1e6)
    fit(compiled(), [plain], X, LABELS)
    fit(compiled(optimizer=scaled), [half], X, LABELS)

    assert half.run.sampled("loss_scale")[0] == 2.0**15
    np.testing.assert_allclose(
        half.run.sampled("grad_norm"), plain.run.sampled("grad_norm"), rtol=1e-3
    )


def test_a_step_of_its_own_is_measured_though_it_branches_on_tensors() -> None:
    """What autograph rewrites for the program it also rewrites for us."""
    callback = Recording(allowance_seconds=1e6)
    fit(compiled(Custom), [callback], X, LABELS)

    assert callback.run.sampled_steps == list(range(1, 8))
    assert {"grad_norm", "update_norm", "label_count"} <= callback.run.names


def test_validations_are_sent() -> None:
    """With their step, epoch, size and metrics."""
    callback = Recording()
    model = compiled(metrics=["accuracy"])
    history = fit(model, [callback], X, LABELS, validation_data=(X[:40], LABELS[:40]))

    assert [(step, epoch, n) for step, epoch, n, _ in callback.run.evaluations] == [
        (4, 0, 40),
        (8, 1, 40),
    ]
    assert [m["loss"] for *_, m in callback.run.evaluations] == pytest.approx(history["val_loss"])
    assert callback.run.counts == [{}, {}]  # Keras 2 has taken its test function before it says so


def test_ends_are_told_apart() -> None:
    """An exception in a step, one in another callback, and a fit after both."""
    model, callback = compiled(), Recording()

    def fail(_: Any) -> None:
        message = "of the program"
        raise ValueError(message)

    with pytest.raises(ValueError, match="of the program"):
        fit(model, [callback, At(1, fail)], X, LABELS)
    assert [status for status, *_ in callback.run.ends] == ["interrupted"]
    refused = tf.data.Dataset.from_tensor_slices((X, LABELS)).batch(BATCH)
    refused = refused.map(lambda x, y: (tf.debugging.check_numerics(x / 0.0, "bad"), y))
    with pytest.raises(tf.errors.InvalidArgumentError):
        fit(model, [callback], refused, None, batch_size=None)
    assert callback.run.ends[-1][:2] == ("failed", "InvalidArgumentError")
    fit(model, [callback], X, LABELS)
    assert callback.run.ends[-1][0] == "finished"
    assert "make_train_function" not in vars(model)


def test_a_further_fit_is_the_same_run() -> None:
    """Steps go on where they ended, and nothing is traced again."""
    model, callback = compiled(), Recording(allowance_seconds=1e6)
    fit(model, [callback], X, LABELS)
    fit(model, [callback], X, LABELS)

    assert len(callback.runs) == 1
    assert callback.run.steps == list(range(16))
    assert callback.run.description[-1].plan_steps == 16


def test_dice_of_no_seed_are_no_reason_to_measure_less() -> None:
    """Nobody can tell which numbers a Dropout without a seed would have drawn."""
    callback = Recording(allowance_seconds=1e6)
    model = keras.Sequential([layers.Input((FEATURES,)), layers.Dropout(0.5), layers.Dense(5)])
    model.compile("adam", crossentropy())
    tf.random.set_seed(None)
    fit(model, [callback], X, LABELS)

    assert callback.run.sampled_steps == list(range(1, 8))
