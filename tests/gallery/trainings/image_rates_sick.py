"""Rates, schedules, clippings and precisions that keep pictures from being learned."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import digits, images
from tests.gallery.nets import cnn


@sick(
    "dead_units",
    "no_skill",
    "stagnation",
    "update_ratio",
    "frozen_layer",
    cause=("learning_rate_too_high", "dead_units"),
)
def descent_at_a_rate_of_five(seed: int, callback: MonitorCallback) -> None:
    """SGD at 5 on digits."""
    x, y = digits()
    model = cnn(8, 10, 8, 16, optimizer=optimizers.SGD(5.0))
    model.fit(x, y, epochs=7, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    "dead_units",
    "no_skill",
    "stagnation",
    "update_ratio",
    "weight_growth",
    cause=("learning_rate_too_high", "dead_units"),
)
def adam_at_a_half(seed: int, callback: MonitorCallback) -> None:
    """Adam at .5, five hundred times its default."""
    x, y = images(1_000, 10, 5, seed, noise=0.6)
    model = cnn(10, 5, 8, 8, optimizer=optimizers.Adam(0.5))
    model.fit(x, y, batch_size=40, epochs=5, verbose=0, callbacks=[callback])


@sick("update_ratio", "no_skill", "stagnation", "class_collapse", cause="learning_rate_too_low")
def adam_at_a_ten_millionth(seed: int, callback: MonitorCallback) -> None:
    """Adam at 1e-7."""
    x, y = digits()
    model = cnn(8, 10, 12, optimizer=optimizers.Adam(1e-7))
    model.fit(x, y, batch_size=50, epochs=30, verbose=0, callbacks=[callback])


@sick(
    "clip_saturation",
    "update_ratio",
    "no_skill",
    "stagnation",
    "class_collapse",
    cause="clipping_too_strong",
)
def clipped_to_next_to_nothing(seed: int, callback: MonitorCallback) -> None:
    """SGD at .01, and each gradient cut to a norm of .0001."""
    x, y = digits()
    model = cnn(8, 10, 12, optimizer=optimizers.SGD(0.01, clipnorm=1e-4))
    model.fit(x, y, epochs=9, validation_split=0.15, verbose=0, callbacks=[callback])


@sick(
    "clip_saturation",
    "update_ratio",
    "no_skill",
    "stagnation",
    "class_collapse",
    cause="clipping_too_strong",
)
def every_element_clipped(seed: int, callback: MonitorCallback) -> None:
    """Momentum at .01, and no element of a gradient above a hundred thousandth."""
    x, y = images(1_200, 10, 6, seed, noise=0.5)
    descent = optimizers.SGD(0.01, momentum=0.9, clipvalue=1e-5)
    model = cnn(10, 6, 8, 8, optimizer=descent)
    model.fit(x, y, batch_size=40, epochs=4, verbose=0, callbacks=[callback])


@sick(
    "over_regularised",
    "no_skill",
    "stagnation",
    "class_collapse",
    cause="regularization_too_strong",
)
def decay_of_twenty(seed: int, callback: MonitorCallback) -> None:
    """AdamW with a weight decay of 20 for .02."""
    x, y = images(1_000, 10, 4, seed)
    model = cnn(10, 4, 8, 8, optimizer=optimizers.AdamW(0.005, weight_decay=20.0))
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    "lr_schedule",
    "update_ratio",
    "stagnation",
    "plateau",
    "class_collapse",
    cause=("schedule_wrong", "learning_rate_too_low"),
)
def decay_steps_counted_in_epochs(seed: int, callback: MonitorCallback) -> None:
    """The rate falls to zero within 16 steps: the schedule was told of 16 epochs."""
    x, y = digits()
    epochs = 16
    rate = optimizers.schedules.PolynomialDecay(0.01, decay_steps=epochs, end_learning_rate=0.0)
    model = cnn(8, 10, 8, optimizer=optimizers.SGD(rate, momentum=0.9))
    model.fit(
        x, y, batch_size=64, epochs=epochs, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@sick(
    "lr_schedule",
    "divergence",
    "loss_spike",
    "no_skill",
    "stagnation",
    "dead_units",
    "weight_growth",
    "update_ratio",
    "update_spike",
    cause=("schedule_wrong", "learning_rate_too_high"),
    onset=0.5,
)
def a_hundred_times_the_rate_half_way(seed: int, callback: MonitorCallback) -> None:
    """The second stage was to begin at .002, and begins at .2."""
    x, y = images(1_600, 10, 5, seed, noise=0.6)
    rate = optimizers.schedules.PiecewiseConstantDecay([200], [0.002, 0.2])
    model = cnn(10, 5, 8, 8, optimizer=optimizers.Adam(rate))
    model.fit(x, y, batch_size=32, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    "update_ratio",
    "no_skill",
    "stagnation",
    "class_collapse",
    cause=("schedule_wrong", "learning_rate_too_low"),
)
def a_warm_up_that_never_ends(seed: int, callback: MonitorCallback) -> None:
    """The rate rises to .1 over a hundred thousand steps, of which four hundred are made."""
    x, y = digits()
    rate = optimizers.schedules.CosineDecay(0.0, 200_000, warmup_target=0.1, warmup_steps=100_000)
    model = cnn(8, 10, 12, optimizer=optimizers.SGD(rate))
    model.fit(x, y, epochs=7, validation_split=0.1, verbose=0, callbacks=[callback])


@sick("no_skill", "class_collapse", cause="too_few_epochs", at_end=True)
def two_epochs_for_thirty_angles(seed: int, callback: MonitorCallback) -> None:
    """Plain SGD at .01 would need a hundred epochs, and is given two."""
    x, y = images(2_000, 12, 30, seed, noise=0.3)
    model = cnn(12, 30, 8, optimizer=optimizers.SGD(0.01))
    model.fit(x, y, epochs=2, validation_split=0.2, verbose=0, callbacks=[callback])


class ByHand(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Scales its loss by hand, for float16."""

    factor = 2.0**20

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = self.compute_loss(x, y, predicted)
            scaled = loss * self.factor
        weights = self.trainable_variables
        gradients = [each / self.factor for each in tape.gradient(scaled, weights)]
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        for metric in self.metrics:
            metric.update_state(*((loss,) if metric.name == "loss" else (y, predicted)))
        return self.get_metrics_result()


def _half(model_class: Any) -> Any:
    keras.mixed_precision.set_global_policy("mixed_float16")
    inputs = keras.Input((8, 8, 1))
    value = layers.Conv2D(12, 3, activation="relu")(inputs)
    value = layers.Dense(24, activation="relu")(layers.Flatten()(value))
    return model_class(inputs, layers.Dense(10, activation="softmax", dtype="float32")(value))


@sick("non_finite", cause="numerical_error")
def float16_scaled_by_a_million(seed: int, callback: MonitorCallback) -> None:
    """The loss is multiplied by 2^20, which float16 cannot hold, and nobody looks."""
    x, y = digits(pixels=True)
    model = _half(ByHand)
    model.compile(
        optimizers.SGD(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        auto_scale_loss=False,
    )
    model.fit(x, y, batch_size=64, epochs=5, verbose=0, callbacks=[callback])


class NeverScaled(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Forgets optimizer.scale_loss, and the optimizer divides the gradients all the same."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = self.compute_loss(x, y, predicted)
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        for metric in self.metrics:
            metric.update_state(*((loss,) if metric.name == "loss" else (y, predicted)))
        return self.get_metrics_result()


@sick(
    "update_ratio",
    "no_skill",
    "stagnation",
    "class_collapse",
    cause=("numerical_error", "learning_rate_too_low"),
)
def float16_divided_and_never_scaled(seed: int, callback: MonitorCallback) -> None:
    """Mixed precision with a train_step of its own: gradients are divided by 32,768."""
    x, y = digits()
    model = _half(NeverScaled)
    model.compile(optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=10, verbose=0, callbacks=[callback])
