"""Why a run ended: the class of what TensorFlow, Keras and Python really raise."""

import urllib.request
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from flatline.redact import words_of
from flatline_monitor.diagnosis.crash import CrashKind, crash_of

X = np.zeros((8, 4), np.float32)


SIGNATURE = (tf.TensorSpec((8, 4)), tf.TensorSpec((8,)))


def fit(x=X, y=None, *, loss="sparse_categorical_crossentropy"):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", loss)
    model.fit(x, y, verbose=0, shuffle=False)


def rows():
    yield X, np.zeros(8)
    message = "row 8 has no label"
    raise ValueError(message)


def write_python():
    with open("/dev/full", "w", encoding="utf-8") as file:  # noqa: PTH123 - as programs do
        file.write("x" * 100_000)


RAISED: dict[str, list[Callable[[], Any]]] = {
    "out_of_memory": [
        lambda: np.zeros(2**48),
    ],
    "disk_full": [
        lambda: tf.io.write_file("/dev/full", "x" * 10_000),
        write_python,
    ],
    "nan_assertion": [
        lambda: tf.debugging.check_numerics(tf.constant([np.nan]), "the loss"),
        lambda: tf.debugging.assert_all_finite(tf.constant([np.inf]), "the loss"),
        lambda: np.float32(1e38) * np.float32(1e38),
    ],
    "network": [lambda: urllib.request.urlopen("http://127.0.0.1:1/")],
    "data_error": [
        lambda: fit(y=np.full(8, 7)),
        lambda: fit(y=np.zeros((8, 5)), loss="categorical_crossentropy"),
        lambda: fit(np.zeros((8, 9)), np.zeros(8)),
        lambda: fit(y=np.zeros(6)),
        lambda: list(tf.data.Dataset.from_generator(rows, output_signature=SIGNATURE)),
        lambda: list(tf.data.TFRecordDataset("/nowhere/train.tfrecord")),
        lambda: tf.io.decode_jpeg(b"no picture"),
        lambda: tf.gather(tf.zeros([3, 2]), [7]),
        lambda: np.load("/nowhere/train.npz"),
    ],
    "program_error": [
        lambda: {"loss": 1}["rate"],
        lambda: 1 / 0,
        lambda: keras.layers.Dense("many"),
    ],
}
"""What really raises each; NumPy is told to raise where it would warn."""


@pytest.mark.parametrize(
    ("kind", "place"),
    [(kind, place) for kind, calls in RAISED.items() for place in range(len(calls))],
)
def test_what_is_really_raised_is_of_its_class(kind, place):
    """By its type and by the text that the client would send."""
    with np.errstate(all="raise"), pytest.raises(Exception) as raised:  # noqa: PT011 - of any type
        RAISED[kind][place]()
    crash = crash_of(type(raised.value).__name__, words_of(raised.value))

    assert crash.kind == kind, (type(raised.value), words_of(raised.value))
    assert crash.title
    assert crash.advice


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        # Raised by tf.zeros([2**44]), which takes ten seconds to give up.
        (
            CrashKind.OUT_OF_MEMORY,
            "ResourceExhaustedError",
            (
                "OOM when allocating tensor with shape[17592186044416] and type float on "
                "/job:localhost/replica:0/task:0/device:CPU:0 by allocator mklcpu [Op:Fill]"
            ),
        ),
        (
            CrashKind.OUT_OF_MEMORY,
            "OutOfMemoryError",
            "CUDA out of memory. Tried to allocate 2 GiB",
        ),
        (CrashKind.OUT_OF_MEMORY, "XlaRuntimeError", "RESOURCE_EXHAUSTED: Out of memory while ..."),
        (CrashKind.NETWORK, "UnavailableError", "failed to connect to all addresses"),
        (CrashKind.DATA_ERROR, "DataLossError", "corrupted record at 4096"),
        (CrashKind.INTERRUPTED, "KeyboardInterrupt", ""),
        (CrashKind.PROGRAM_ERROR, "", ""),
    ],
)
def test_what_takes_another_machine_to_raise_goes_by_its_text(kind, name, text):
    """Of a GPU, of a cluster, of a file that is damaged."""
    assert crash_of(name, text).kind is kind
