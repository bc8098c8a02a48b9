"""Cases by the kind of network, task and input."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.client.conformance import nets
from tests.client.conformance.case import Case
from tests.client.models import (
    BATCH,
    BITS,
    CLASSES,
    FEATURES,
    LABELS,
    MANY_BITS,
    NUMBERS,
    SAMPLES,
    TOKENS,
    X,
    cnn,
    compiled,
    layers,
)

sgd = keras.optimizers.SGD
TAGGED: dict[str, Any] = {
    "x": TOKENS,
    "y": nets.TOKEN_LABELS,
    "seen_as": lambda y, p: (y, p.reshape(-1, CLASSES)),
}
ONE_HOT = np.eye(CLASSES, dtype=np.float32)[LABELS]
WORDS = np.array(["a", "b", "c", "d"])[LABELS % 4][:, None]


def net(make: Any, **arguments: Any) -> Any:
    return lambda: compiled(make, **arguments)


def unit(activation: str | None = "sigmoid", loss: Any = "binary_crossentropy") -> Any:
    return compiled(wide(1, activation), loss=loss)


def logits() -> Any:
    return unit(None, keras.losses.BinaryCrossentropy(from_logits=True))


def wide(out: int, activation: str | None = None) -> Any:
    return lambda: nets.head(layers.Dense(8, activation="tanh"), out=out, activation=activation)


def tokens(optimizer: Any, *, twice: bool = False) -> Any:
    make = lambda: nets.lookup(twice=twice)  # noqa: E731 - the argument of compiled
    return lambda: compiled(make, optimizer=optimizer, loss="binary_crossentropy")


def masked(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens that are padding count nowhere."""
    known = TOKENS_PADDED[: len(y)].astype(bool)
    return y[known], p[known]


TOKENS_PADDED = np.where(np.arange(7) < 5, TOKENS % 49 + 1, 0).astype(np.int32)
LOOKED_UP: dict[str, Any] = {"x": TOKENS, "y": BITS, "reads": "threshold"}
SUBTLE = 1e-6  # a bias before a normalisation has no gradient but rounding

KINDS: dict[str, Case] = {
    "normalised": Case(net(nets.normalised), noise=SUBTLE),
    "cnn": Case(net(cnn), noise=SUBTLE),
    "nested": Case(net(nets.nested)),
    "shared_layer": Case(net(nets.shared)),
    "frozen": Case(net(nets.frozen)),
    "weight_without_gradient": Case(net(nets.unused), warns="Gradients do not exist"),
    "added_loss": Case(
        net(nets.penalised),
    ),
    "metric_in_a_layer": Case(net(lambda: nets.head(layers.Dense(4), nets.Counting()))),
    "metrics": Case(
        lambda: compiled(
            nets.dense, metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=2)]
        ),
    ),
    "weighted_metrics": Case(net(nets.dense, weighted_metrics=["accuracy"])),
    "lstm": Case(net(lambda: nets.recurrent(layers.LSTM(4)))),
    "gru": Case(net(lambda: nets.recurrent(layers.GRU(4)))),
    "simple_rnn": Case(net(lambda: nets.recurrent(layers.SimpleRNN(4)))),
    "bidirectional": Case(net(lambda: nets.recurrent(layers.Bidirectional(layers.LSTM(3))))),
    "recurrent_dropout": Case(
        net(lambda: nets.recurrent(layers.GRU(4, recurrent_dropout=0.2, seed=1)))
    ),
    # The state before a step is not among what a snapshot holds.
    "stateful": Case(net(nets.stateful), compare=False),
    "attention": Case(net(nets.attention), noise=SUBTLE),
    "tagger": Case(net(nets.tagger, loss="sparse_categorical_crossentropy"), **TAGGED),
    "tagger_masked": Case(
        net(lambda: nets.tagger(mask=True), loss="sparse_categorical_crossentropy"),
        **{**TAGGED, "x": TOKENS_PADDED, "seen_as": masked},
    ),
    "autoencoder": Case(
        net(nets.autoencoder, loss="mse"), x=nets.IMAGES, y=nets.IMAGES, reads="numbers"
    ),
    "sigmoid": Case(unit, y=BITS, reads="threshold"),
    "sigmoid_flat_labels": Case(unit, y=BITS[:, 0], reads="threshold"),
    "sigmoid_logits": Case(
        logits, y=BITS, reads="threshold", seen_as=lambda y, p: (y, np.where(p > 0, 1.0, 0.0))
    ),
    "one_hot": Case(
        net(nets.dense, loss=keras.losses.CategoricalCrossentropy(from_logits=True)),
        y=ONE_HOT,
        seen_as=lambda y, p: (y.argmax(1), p),
    ),
    "column_labels": Case(net(nets.dense), y=LABELS[:, None]),
    "multilabel": Case(
        net(wide(6, "sigmoid"), loss="binary_crossentropy"), y=MANY_BITS, reads="positive"
    ),
    "ordinal": Case(
        net(wide(6, "sigmoid"), loss="binary_crossentropy"),
        y=nets.ORDINAL,
        reads="positive",
    ),
    "regression": Case(net(wide(1), loss="mse"), y=NUMBERS, reads="numbers"),
    "regression_flat": Case(net(wide(1), loss="mae"), y=NUMBERS[:, 0], reads="numbers"),
    "regression_wide": Case(net(wide(3), loss="huber"), y=X[:, :3], reads="numbers"),
    "large_targets": Case(net(wide(1), loss="mse"), y=NUMBERS * 1e6 + 1e7, reads="numbers"),
    "own_loss_function": Case(
        net(nets.dense, loss=lambda y, p: keras.ops.mean(keras.ops.square(p), -1)),
        reads="nothing",
    ),
    "tiny_gradients": Case(
        net(nets.saturated),
        xfail={"test_norms": "squares below 1e-38 are lost in float32: norms from 1e-17 down"},
    ),
    "huge_gradients": Case(
        net(lambda: nets.head(out=1), loss="mse", optimizer=lambda: sgd(1e-30)),
        x=X * np.float32(1e10),
        y=NUMBERS,
        reads="numbers",
        xfail={"test_norms": "squares above 3e38 overflow in float32: inf for a norm of 1e20"},
    ),
    "embedding_sgd": Case(tokens(lambda: sgd(0.1)), **LOOKED_UP),
    "embedding_adam": Case(tokens(keras.optimizers.Adam), **LOOKED_UP),
    "embedding_duplicates": Case(
        tokens(lambda: sgd(0.1, momentum=0.9)), **{**LOOKED_UP, "x": TOKENS % 3}
    ),
    "embedding_twice": Case(tokens(lambda: sgd(0.1), twice=True), **LOOKED_UP),
    "embedding_clipnorm": Case(tokens(lambda: keras.optimizers.Adam(clipnorm=0.01)), **LOOKED_UP),
    "integers": Case(net(nets.dense), x=(X * 50).astype(np.int32)),
    "bytes": Case(net(nets.dense), x=(X * 9 + 99).astype(np.uint8)),
    "doubles": Case(net(nets.dense), x=X.astype(np.float64)),
    "booleans": Case(net(nets.dense), x=X > 0),
    "strings": Case(
        net(nets.strings),
        data=lambda: tf.data.Dataset.from_tensor_slices((WORDS, LABELS)).batch(BATCH),
        compare=False,
        absent={
            frozenset(
                {
                    *("sample_count", "input_mean", "input_std", "input_min", "input_max"),
                    "input_nonfinite_count",
                }
            ): "words have no moments"
        },
    ),
    "large_inputs": Case(net(nets.dense), x=X + 1e4, tolerance=1e-4),
}
assert SAMPLES == len(X) == len(WORDS)
assert X.shape[1] == FEATURES
