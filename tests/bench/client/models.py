"""The models of the benchmark, on one thread of TensorFlow and on batches without end."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from typing import Any

import keras
import numpy as np
import tensorflow as tf

# One thread: what another thread of TensorFlow happens to do is no cost of a callback.
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

layers = keras.layers
CLASSES, WORDS, TOKENS = 10, 200_000, 20


def make(name: str) -> tuple[Any, Any]:
    """Return a compiled model, and batches to train it on."""
    keras.utils.set_random_seed(1)
    return _MAKERS[name]()


def _mlp() -> tuple[Any, Any]:
    """Four dense layers and a step of less than a millisecond: the hardest case."""
    return _classifier([layers.Input((32,)), *_dense(3)]), _batches((32,), 32)


def _cnn() -> tuple[Any, Any]:
    """A small convolutional network."""
    body = [layers.Conv2D(width, 3, activation="relu") for width in (32, 32)]
    pool = [layers.MaxPooling2D(), layers.Conv2D(64, 3), layers.BatchNormalization()]
    end = [layers.GlobalAveragePooling2D(), layers.Dense(128, activation="relu")]
    return _classifier([layers.Input((32, 32, 3)), *body, *pool, *end]), _batches((32, 32, 3), 32)


def _deep() -> tuple[Any, Any]:
    """Fifty dense layers: a hundred trainable variables."""
    return _classifier([layers.Input((64,)), *_dense(49)]), _batches((64,), 64)


def _embedding() -> tuple[Any, Any]:
    """6.4 million parameters in one table."""
    table = [layers.Embedding(WORDS, 32), layers.GlobalAveragePooling1D()]
    end = [layers.Dense(64, activation="relu"), layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential([layers.Input((TOKENS,), dtype="int32"), *table, *end])
    model.compile("adam", "binary_crossentropy")
    draw, samples = np.random.default_rng(0), 128 * 64
    x = draw.integers(0, WORDS, (samples, TOKENS)).astype(np.int32)
    return model, _repeated(x, (x[:, :1] < WORDS // 2).astype(np.float32), 128)


def _rnn() -> tuple[Any, Any]:
    """A recurrent network over forty moments."""
    return _classifier([layers.Input((40, 16)), layers.LSTM(64)]), _batches((40, 16), 32)


_MAKERS = {"a": _mlp, "b": _cnn, "c": _deep, "d": _embedding, "e": _rnn}
TITLES = {
    "a": "MLP, 4 Dense of 64",
    "b": "CNN",
    "c": "50 Dense of 64: 100 variables",
    "d": "embedding of 6.4 M parameters, Adam",
    "e": "LSTM of 64",
}


def _dense(count: int) -> list[Any]:
    # Glorot's initialisation would vanish in the depth, and a monitor looks closer at a sick run.
    return [layers.Dense(64, "relu", kernel_initializer="he_normal") for _ in range(count)]


def _classifier(body: list[Any]) -> Any:
    model = keras.Sequential([*body, layers.Dense(CLASSES)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def _batches(shape: tuple[int, ...], batch: int) -> Any:
    """Return samples with labels that can be learned: a monitor looks closer at a sick run."""
    draw, samples = np.random.default_rng(0), batch * 16
    x = draw.normal(size=(samples, *shape)).astype(np.float32)
    flat = x.reshape(samples, -1)
    return _repeated(x, np.argmax(flat @ draw.normal(size=(flat.shape[1], CLASSES)), 1), batch)


def _repeated(x: Any, y: Any, batch: int) -> Any:
    pairs = tf.data.Dataset.from_tensor_slices((x, y))
    return pairs.batch(batch, drop_remainder=True).cache().repeat()
