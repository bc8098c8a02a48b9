"""Networks of the kinds that people train, as small as they can be."""

from typing import Any

import keras
import tensorflow as tf

from tests.client.models import BITS, CLASSES, FEATURES, MANY_BITS, TOKENS, X, compiled, layers

ROWS = (4, 3)
"""The features as a short sequence."""


def head(*body: Any, out: int = CLASSES, activation: str | None = None) -> Any:
    """A Sequential over the features."""
    last = layers.Dense(out, activation=activation)
    return keras.Sequential([layers.Input((FEATURES,)), *body, last])


def dense(policy: str | None = None) -> Any:
    """The ordinary one; without a regularizer, which has a case of its own."""
    hidden = layers.Dense(16, activation="relu", dtype=policy)
    return keras.Sequential(
        [layers.Input((FEATURES,)), hidden, layers.Dense(CLASSES, dtype=policy)]
    )


def plain(policy: str | None = None, **arguments: Any) -> Any:
    """The ordinary net, compiled."""
    return compiled(lambda: dense(policy), **arguments)


def functional() -> Any:
    """A residual block with two ways."""
    x = layers.Input((FEATURES,))
    hidden = layers.Dense(8, activation="tanh")(x)
    joined = layers.Add()([hidden, layers.Dense(8)(x)])
    return keras.Model(x, layers.Dense(CLASSES)(joined))


def normalised() -> Any:
    """BatchNormalization and Dropout, whose states are no weights."""
    dense, norm = layers.Dense(8, use_bias=False), layers.BatchNormalization()
    return head(dense, norm, layers.ReLU(), layers.Dropout(0.3, seed=3))


def nested() -> Any:
    """A model within a model."""
    inner = keras.Sequential([layers.Input((FEATURES,)), layers.Dense(8, activation="tanh")])
    x = layers.Input((FEATURES,))
    return keras.Model(x, layers.Dense(CLASSES)(inner(x)))


def shared() -> Any:
    """One layer that is used twice."""
    one = layers.Dense(FEATURES, activation="tanh")
    x = layers.Input((FEATURES,))
    return keras.Model(x, layers.Dense(CLASSES)(one(one(x))))


def frozen() -> Any:
    """The first layer does not learn."""
    return head(layers.Dense(8, activation="tanh", trainable=False), layers.Dense(8))


def unused() -> Any:
    """A weight that the output does not depend on has no gradient."""

    class Idle(layers.Layer):  # type: ignore[misc]  # Keras has no types
        def build(self, shape: Any) -> None:
            self.idle = self.add_weight(shape=(3,), name="idle")

        def call(self, x: Any) -> Any:
            return x

    return head(layers.Dense(8), Idle())


class Penalty(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Adds to the loss what it sees."""

    def call(self, x: Any) -> Any:
        self.add_loss(0.1 * keras.ops.mean(keras.ops.square(x)))
        return x


def penalised() -> Any:
    """A loss from within, besides one from a regularizer."""
    return head(layers.Dense(8, kernel_regularizer="l2"), Penalty())


class Counting(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Keeps a metric of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.size = keras.metrics.Mean(name="size")

    def call(self, x: Any) -> Any:
        self.size.update_state(keras.ops.mean(keras.ops.abs(x)))
        return x


def recurrent(layer: Any) -> Any:
    """A recurrent layer over the features as a sequence."""
    return head(layers.Reshape(ROWS), layer)


def stateful() -> Any:
    """The state goes on from batch to batch."""
    x = layers.Input(batch_shape=(16, FEATURES))
    hidden = layers.LSTM(4, stateful=True)(layers.Reshape(ROWS)(x))
    return keras.Model(x, layers.Dense(CLASSES)(hidden))


def attention() -> Any:
    """A small transformer block."""
    x = layers.Input((FEATURES,))
    tokens = layers.Dense(8)(layers.Reshape(ROWS)(x))
    seen = layers.MultiHeadAttention(2, 4)(tokens, tokens)
    joined = layers.LayerNormalization()(layers.Add()([tokens, seen]))
    return keras.Model(x, layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(joined)))


def tagger(*, mask: bool = False) -> Any:
    """A class for each token."""
    return keras.Sequential(
        [
            layers.Input((7,), dtype="int32"),
            layers.Embedding(50, 6, mask_zero=mask),
            layers.GRU(5, return_sequences=True),
            layers.TimeDistributed(layers.Dense(CLASSES, activation="softmax")),
        ]
    )


def autoencoder() -> Any:
    """Convolutions down and up again; the input is the target."""
    return keras.Sequential(
        [
            layers.Input((4, 4, 1)),
            layers.Conv2D(3, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
        ]
    )


def pixels() -> Any:
    """A small convolutional net without dice."""
    body = [layers.Reshape((4, 3, 1)), layers.Conv2D(4, 2, activation="relu"), layers.Flatten()]
    return head(*body)


def lookup(*, twice: bool = False) -> Any:
    """One table, of which tokens are looked up, in one way or in two."""
    x = layers.Input((7,), dtype="int32")
    table = layers.Embedding(50, 8)
    found = table(x)
    if twice:
        found = layers.Add()([found, table(50 - 1 - x)])
    pooled = layers.GlobalAveragePooling1D()(found)
    return keras.Model(x, layers.Dense(1, activation="sigmoid")(pooled))


def saturated() -> Any:
    """Gradients of the first layers that are far smaller than those of the last one."""
    small = [layers.Dense(8, kernel_initializer=_tiny()) for _ in range(4)]
    return head(*small)


def _tiny() -> Any:
    return keras.initializers.RandomNormal(stddev=1e-6, seed=1)


class Subclassed(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Layers in a program's own call."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(8, activation="tanh")
        self.out = layers.Dense(CLASSES)

    def call(self, x: Any) -> Any:
        return self.out(self.hidden(x))


def built() -> Any:
    """The same, which knows its shapes before it is fitted."""
    model = Subclassed()
    model(X[:1])
    return model


class OwnLoss(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Computes its loss itself."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> Any:
        losses = keras.losses.sparse_categorical_crossentropy(y, y_pred, from_logits=True)
        return keras.ops.mean(losses) + 0.01 * keras.ops.mean(keras.ops.square(y_pred))


def own_loss() -> Any:
    x = layers.Input((FEATURES,))
    return OwnLoss(x, layers.Dense(CLASSES)(layers.Dense(8, activation="tanh")(x)))


def strings() -> Any:
    """Words, looked up in the model itself."""
    x = layers.Input((1,), dtype="string")
    found = layers.StringLookup(vocabulary=["a", "b", "c"], output_mode="one_hot")(x)
    return keras.Model(x, layers.Dense(CLASSES)(found))


TOKEN_LABELS = (TOKENS % CLASSES).astype("int32")
IMAGES = tf.random.stateless_uniform((64, 4, 4, 1), (1, 2)).numpy()
ORDINAL = (MANY_BITS.cumsum(1) == MANY_BITS.sum(1, keepdims=True)).astype("float32")
BITS_FLAT = BITS[:, 0]
