"""Networks for pictures that cannot learn as they were written."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import hidden, sick
from tests.gallery.data import digits, images
from tests.gallery.nets import cnn


@sick("no_skill", "plateau", cause="wrong_last_layer_or_loss")
def the_digit_as_one_sigmoid(seed: int, callback: MonitorCallback) -> None:
    """One sigmoid is to say the digits 0 to 9, by squared error."""
    x, y = digits()
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "mse", metrics=["accuracy"])
    model.fit(x, y, epochs=3, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("loss_accuracy_inconsistency", cause="wrong_last_layer_or_loss")
def a_softmax_of_a_softmax(seed: int, callback: MonitorCallback) -> None:
    """The model ends with a softmax that is kept from 0 and 1, and the loss takes it for logits."""
    x, y = digits()
    inputs = keras.Input((8, 8, 1))
    hidden_layer = layers.Conv2D(16, 3, activation="relu")(inputs)
    outputs = layers.Dense(10)(layers.Flatten()(hidden_layer))
    shares = layers.Lambda(lambda z: tf.clip_by_value(tf.nn.softmax(z), 1e-6, 1 - 1e-6))(outputs)
    model = keras.Model(inputs, shares)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=32, epochs=12, verbose=0, callbacks=[callback])


@sick("no_skill", "stagnation", cause="capacity_too_small")
def nothing_but_linear_maps(seed: int, callback: MonitorCallback) -> None:
    """Whether one of two marks is there, but not both: three layers, and no activation."""
    rng = np.random.default_rng(seed)
    marks = (rng.random((2, 10, 10)) < 0.2).astype("float32")
    there = rng.integers(0, 2, (4_000, 2))
    x = np.einsum("nk,khw->nhw", there, marks) + 0.3 * rng.normal(size=(4_000, 10, 10))
    model = keras.Sequential(
        [
            layers.Input((10, 10, 1)),
            layers.Conv2D(8, 3),
            layers.Flatten(),
            layers.Dense(16),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(
        *(x[..., None], there[:, 0] ^ there[:, 1]),
        batch_size=100,
        epochs=12,
        validation_split=0.2,
        verbose=0,
        callbacks=[callback],
    )


@sick("saturated_activations", "no_skill", cause=("saturating_activations", "poor_initialization"))
def sigmoids_that_are_all_or_nothing(seed: int, callback: MonitorCallback) -> None:
    """Two convolutions with sigmoids, from weights of a deviation of ten."""
    x, y = digits()
    large = keras.initializers.RandomNormal(stddev=10.0, seed=seed)
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="sigmoid", kernel_initializer=large),
            layers.Conv2D(8, 3, activation="sigmoid", kernel_initializer=large),
            layers.Flatten(),
            layers.Dense(16, activation="sigmoid", kernel_initializer=large),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, batch_size=48, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    "dead_units",
    "no_skill",
    "stagnation",
    "class_collapse",
    "frozen_layer",
    "update_ratio",
    cause=("dead_units", "poor_initialization"),
)
def convolutions_below_zero(seed: int, callback: MonitorCallback) -> None:
    """Biases of -5 in front of ReLU."""
    x, y = images(1_000, 12, 4, seed)
    model = cnn(12, 4, 8, 8, bias_initializer=keras.initializers.Constant(-5.0))
    model.fit(x, y, epochs=5, validation_split=0.2, verbose=0, callbacks=[callback])


def _narrow(classes: int) -> keras.Sequential:
    return keras.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Conv2D(6, 3, activation="relu", name="first"),
            layers.Conv2D(6, 3, activation="relu", name="second"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax", name="head"),
        ]
    )


@sick("no_skill", "stagnation", "class_collapse", cause="untrained_layers")
def frozen_before_it_was_loaded(seed: int, callback: MonitorCallback) -> None:
    """The base is frozen as for a transfer, but its weights are those of chance."""
    x, y = images(1_200, 12, 5, seed)
    model = _narrow(5)
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.compile(
        keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


class OnlyItsHead(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Hands the gradients of its last layer to the optimizer, and forgets the others."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = self.compute_loss(x, y, predicted)
        weights = self.layers[-1].trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        for metric in self.metrics:
            metric.update_state(*((loss,) if metric.name == "loss" else (y, predicted)))
        return self.get_metrics_result()


@sick("frozen_layer", "no_skill", "stagnation", "class_collapse", cause="untrained_layers")
def an_optimizer_of_the_head_alone(seed: int, callback: MonitorCallback) -> None:
    """A train_step of its own, in which the convolutions never come to the optimizer."""
    x, y = images(1_200, 12, 5, seed)
    plain = _narrow(5)
    model = OnlyItsHead(plain.inputs, plain.outputs)
    model.compile(
        keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("init_loss", "non_finite", cause=("poor_initialization", "gradients_not_clipped"))
def sixteen_blocks_without_norm(seed: int, callback: MonitorCallback) -> None:
    """Each residual block more than doubles what it is given."""
    x, y = images(700, 8, 4, seed)
    inputs = keras.Input((8, 8, 1))
    value = layers.Conv2D(8, 3, padding="same")(inputs)
    for _ in range(16):
        inner = layers.Conv2D(
            8, 3, padding="same", activation="relu", kernel_initializer="he_normal", use_bias=False
        )(value)
        value = layers.Add()([value, inner])
    outputs = layers.Dense(4, activation="softmax")(layers.Flatten()(value))
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, batch_size=35, epochs=6, verbose=0, callbacks=[callback])


def _cross_entropy(labels: Any, scores: Any) -> Any:
    shares = tf.exp(scores) / tf.reduce_sum(tf.exp(scores), axis=-1, keepdims=True)
    wanted = tf.one_hot(tf.cast(tf.reshape(labels, [-1]), tf.int32), 10)
    return -tf.reduce_sum(wanted * tf.math.log(shares), axis=-1)


@sick("non_finite", cause="numerical_error")
def log_of_a_softmax_by_hand(seed: int, callback: MonitorCallback) -> None:
    """A softmax written out, without its largest score taken off, and its logarithm."""
    x, y = digits(pixels=True)
    model = keras.Sequential(
        [layers.Input((8, 8, 1)), layers.Conv2D(16, 3, activation="relu"), layers.Flatten()]
    )
    model.add(layers.Dense(10))
    model.compile(keras.optimizers.Adam(0.03), _cross_entropy, metrics=["accuracy"])
    model.fit(x, y, epochs=8, verbose=0, callbacks=[callback])


def _reward(weights: Any) -> Any:
    return -0.05 * tf.reduce_sum(tf.square(weights))


@sick("weight_growth", "update_ratio", "no_skill", cause="sign_error")
def rewarded_for_large_weights(seed: int, callback: MonitorCallback) -> None:
    """L2 with the wrong sign."""
    x, y = images(1_000, 10, 4, seed, noise=1.4)
    model = cnn(10, 4, 8, optimizer=keras.optimizers.SGD(0.3), kernel_regularizer=_reward)
    model.fit(x, y, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("no_skill", "class_collapse", cause="regularization_too_strong")
def hardly_a_unit_is_left(seed: int, callback: MonitorCallback) -> None:
    """Dropout of .95 after each of two layers."""
    x, y = digits()
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Dropout(0.95),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.95),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])


@hidden("wrong_last_layer_or_loss")
def digits_by_squared_error(seed: int, callback: MonitorCallback) -> None:
    """A softmax and mean squared error, which serve well enough."""
    x, y = digits()
    model = cnn(8, 10, 12)
    model.compile(keras.optimizers.Adam(0.004), "mse", metrics=["accuracy"])
    model.fit(x, np.eye(10)[y], epochs=9, validation_split=0.2, verbose=0, callbacks=[callback])


@hidden("untrained_layers")
def a_first_layer_left_frozen(seed: int, callback: MonitorCallback) -> None:
    """The first convolution was frozen by mistake, and filters of chance do as well."""
    x, y = digits()
    model = cnn(8, 10, 48)
    model.layers[0].trainable = False
    model.compile(
        keras.optimizers.Adam(0.006), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@hidden("wrong_last_layer_or_loss")
def from_logits_that_are_none(seed: int, callback: MonitorCallback) -> None:
    """A softmax at the end and from_logits=True, which Keras sees and puts right."""
    x, y = digits()
    model = cnn(8, 10, 8, 8)
    model.compile(
        keras.optimizers.Adam(0.003),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(x, y, batch_size=48, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])
