"""Cases by the way a step is made: own steps, several in one call, eager, XLA, precision."""

from typing import Any

import keras
import tensorflow as tf

from tests.client.conformance import nets
from tests.client.conformance.case import (
    CLASSES_COUNTED,
    GRADIENTS,
    PARTS,
    Case,
    Seen,
)
from tests.client.conformance.nets import plain
from tests.client.models import (
    BITS,
    FEATURES,
    LABELS,
    NUMBERS,
    TOKENS,
    Custom,
    Gan,
    X,
    compiled,
    embedding,
    layers,
    two_outputs,
)

adam = keras.optimizers.Adam


class Applies(Custom):
    """A step of its own that hands its variables over otherwise, or more than once."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.loss_of(x, y)
        weights = self.trainable_variables
        gradients = tape.gradient(loss, weights)
        if self.way == "implicit" and self.optimizer.built:
            self.optimizer.apply(gradients)
        elif self.way == "halves":
            self.optimizer.build(weights)
            self.optimizer.apply(gradients[2:], weights[2:])
            self.optimizer.apply(gradients[:2], weights[:2])
        elif self.way == "cond":
            self.optimizer.build(weights)
            tf.cond(loss > 0, lambda: self.apply(gradients), lambda: None)
        else:
            self.optimizer.apply(gradients, weights)
        return {"loss": loss}

    def apply(self, gradients: Any) -> None:
        self.optimizer.apply(gradients, self.trainable_variables)

    def loss_of(self, x: Any, y: Any) -> Any:
        if self.way == "own_loss":
            return self.entropy(y, self(x, training=True))
        return self.compute_loss(x=x, y=y, y_pred=self(x, training=True))


class Twice(Custom):
    """Two steps of the optimizer on the same weights in one train step."""

    def train_step(self, data: Any) -> Any:
        super().train_step(data)
        return super().train_step(data)


class Clipped(Custom):
    """Clips its gradients itself, before the optimizer sees them."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        gradients, _ = tf.clip_by_global_norm(gradients, 0.01)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def applies(way: str) -> Any:
    return lambda: compiled(lambda: Applies(way))


def clipped(model: Any, x: Any, y: Any, w: Any) -> Seen:
    """Its own clipping is a part of the step, not of the optimizer."""
    with tf.GradientTape() as tape:
        y_pred = model(x, training=True)
        loss = model.compute_loss(x=x, y=y, y_pred=y_pred)
    gradients = tape.gradient(loss, model.trainable_variables)
    gradients, _ = tf.clip_by_global_norm(gradients, 0.01)
    return Seen(loss, loss, tf.zeros(()), gradients, y_pred)


def two(**arguments: Any) -> Any:
    loss = {"c": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "r": "mse"}
    return lambda: compiled(two_outputs, **{"loss": loss, **arguments})


def listed() -> Any:
    x = layers.Input((FEATURES,))
    hidden = layers.Dense(8, activation="tanh")(x)
    return keras.Model(x, [layers.Dense(3, name="p")(hidden), layers.Dense(1, name="q")(hidden)])


BOTH: dict[str, Any] = {
    "x": {"one": X, "two": X + 1},
    "y": {"c": LABELS, "r": NUMBERS},
    "reads": "nothing",
}
HALF: dict[str, Any] = {"scaled": True, "tolerance": 2e-3}  # float16 has 11 bits
TOKENED: dict[str, Any] = {"x": TOKENS, "y": BITS, "reads": "threshold"}


def scaler(scale: float, **arguments: Any) -> Any:
    return lambda: keras.optimizers.LossScaleOptimizer(adam(0.01), initial_scale=scale, **arguments)


def half(scale: float, **arguments: Any) -> Any:
    return lambda: plain("mixed_float16", optimizer=scaler(scale), **arguments)


PATHS: dict[str, Case] = {
    "sequential": Case(lambda: plain(metrics=["accuracy"])),
    "regularizer": Case(compiled),
    "functional": Case(lambda: compiled(nets.functional)),
    "subclassed": Case(lambda: compiled(nets.Subclassed)),
    "subclassed_and_built": Case(lambda: compiled(nets.built)),
    "own_step_apply_gradients": Case(lambda: compiled(Custom)),
    "own_step_apply": Case(applies("explicit")),
    "own_step_apply_without_variables": Case(applies("implicit")),
    "own_step_applies_halves": Case(applies("halves")),
    "own_step_within_a_condition": Case(
        applies("cond"), absent={GRADIENTS: "the optimizer is called in a graph within"}
    ),
    "own_step_own_loss": Case(
        applies("own_loss"),
        absent={PARTS: "never seen", CLASSES_COUNTED: "the predictions are never seen"},
    ),
    "own_step_twice": Case(lambda: compiled(Twice), compare=False),
    "own_step_clips": Case(lambda: compiled(Clipped), reference=clipped),
    "own_compute_loss": Case(
        lambda: compiled(nets.own_loss, loss=None),
        reads="nothing",
        absent={frozenset({"data_loss"}): "what its own loss is made of is not known"},
    ),
    "gan": Case(
        lambda: compiled(Gan, loss=None),
        y=None,
        reads="nothing",
        absent={PARTS: "the losses are its own"},
        compare=False,
    ),
    "outputs_dict": Case(two(), **BOTH),
    "outputs_dict_weighted": Case(two(loss_weights={"c": 0.5, "r": 3.0}), **BOTH),
    "outputs_list": Case(
        lambda: compiled(listed, loss=["mse", "mae"]),
        y=[X[:, :3], NUMBERS],
        reads="nothing",
    ),
    "output_without_a_loss": Case(
        two(loss={"c": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "r": None}),
        warns="Gradients do not exist",
        **BOTH,
    ),
    "several_steps": Case(lambda: plain(steps_per_execution=2), stepwise=plain, tolerance=2e-5),
    "several_steps_not_dividing": Case(
        lambda: plain(steps_per_execution=3), stepwise=plain, tolerance=2e-5
    ),
    "several_steps_one_epoch": Case(
        lambda: plain(steps_per_execution=4), stepwise=plain, tolerance=2e-5
    ),
    "eager": Case(lambda: plain(run_eagerly=True)),
    "eager_own_step": Case(lambda: compiled(Custom, run_eagerly=True)),
    "accumulation": Case(lambda: plain(optimizer=lambda: adam(gradient_accumulation_steps=3))),
    "float16": Case(half(64.0), **HALF),
    "float16_overflow": Case(half(2.0**40), **HALF),
    "float16_growth": Case(
        lambda: plain("mixed_float16", optimizer=scaler(64.0, dynamic_growth_steps=2)),
        **HALF,
    ),
    "float16_auto": Case(
        lambda: plain("mixed_float16", auto_scale_loss=True),
        tolerance=2e-3,
    ),
    "float16_several_steps": Case(half(64.0, steps_per_execution=2), stepwise=half(64.0), **HALF),
    "bfloat16": Case(lambda: plain("mixed_bfloat16"), tolerance=2e-2),
    "constant_loss_scale": Case(
        lambda: plain(optimizer=lambda: adam(0.01, loss_scale_factor=128.0))
    ),
    "xla": Case(lambda: plain(jit_compile=True), xla=True),
    "xla_cnn": Case(lambda: compiled(nets.pixels, jit_compile=True), xla=True),
    "xla_dropout": Case(lambda: compiled(nets.normalised, jit_compile=True), xla=True, noise=1e-6),
    "xla_embedding": Case(
        lambda: compiled(embedding, loss="binary_crossentropy", jit_compile=True),
        xla=True,
        **TOKENED,
    ),
    "xla_embedding_sgd": Case(
        lambda: compiled(
            embedding,
            loss="binary_crossentropy",
            jit_compile=True,
            optimizer=lambda: keras.optimizers.SGD(0.1),
        ),
        xla=True,
        **TOKENED,
    ),
    "xla_gru": Case(
        lambda: compiled(lambda: nets.recurrent(layers.GRU(4, unroll=True)), jit_compile=True),
        xla=True,
    ),
    "xla_float16": Case(half(64.0, jit_compile=True), xla=True, **HALF),
    "xla_several_steps": Case(
        lambda: plain(jit_compile=True, steps_per_execution=2),
        stepwise=lambda: plain(jit_compile=True),
        xla=True,
        tolerance=2e-5,
    ),
}
