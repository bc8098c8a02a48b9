"""Dense classifiers whose last layer and loss do not fit, or do not fit the labels."""

import keras
import numpy as np
from keras import layers, losses, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import hidden, sick
from tests.gallery.data import blobs, digits, table
from tests.gallery.nets import dense


@sick(
    "class_collapse",
    cause="wrong_last_layer_or_loss",
)
def softmax_over_one_unit(seed: int, callback: MonitorCallback) -> None:
    """A softmax of a single number is 1, whatever the number."""
    x, y = blobs(700, 10, 2, seed)
    model = dense(10, 24, last="softmax")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=15, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("loss_accuracy_inconsistency", cause="wrong_last_layer_or_loss")
def softmax_of_a_softmax(seed: int, callback: MonitorCallback) -> None:
    """Ten digits, with a softmax in the last dense layer and one more after it."""
    del seed
    x, y = digits()
    model = dense(64, 32, out=10, last="softmax")
    model.add(layers.Softmax())
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        x.reshape(-1, 64), y, epochs=15, validation_split=0.2, verbose=0, callbacks=[callback]
    )


@sick(*("starved_class", "no_skill"), cause="wrong_last_layer_or_loss")
def logits_taken_for_probabilities(seed: int, callback: MonitorCallback) -> None:
    """A linear last layer, and a loss that was not told of it."""
    x, y = blobs(1_000, 12, 5, seed)
    model = dense(12, 32, out=5, last=None)
    model.compile("adam", losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    model.fit(x, y, epochs=12, verbose=0, callbacks=[callback])


@sick("dead_units", "no_skill", "plateau", cause=("wrong_last_layer_or_loss", "dead_units"))
def squared_error_of_relus(seed: int, callback: MonitorCallback) -> None:
    """Relus in place of a softmax, and the squared error on one-hot labels: outputs die."""
    x, y = blobs(1_000, 20, 10, seed)
    model = dense(20, 24, out=10, last="relu")
    model.compile(optimizers.Adam(0.05), "mse", metrics=["accuracy"])
    model.fit(x, keras.utils.to_categorical(y, 10), epochs=10, verbose=0, callbacks=[callback])


@sick("non_finite", cause="wrong_last_layer_or_loss")
def labels_from_one_to_three(seed: int, callback: MonitorCallback) -> None:
    """Labels 1, 2 and 3 for three outputs, compiled by XLA, which does not complain."""
    del seed
    x, y = table("wine")
    model = dense(13, 16, out=3, last="softmax")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=True)
    model.fit(x, y + 1, epochs=20, verbose=0, callbacks=[callback])


@sick("weight_growth", cause="wrong_last_layer_or_loss")
def sigmoid_for_three_classes(seed: int, callback: MonitorCallback) -> None:
    """One sigmoid and binary cross-entropy for labels 0, 1 and 2: the loss goes below zero."""
    del seed
    x, y = table("iris")
    model = dense(4, 12)
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=40, batch_size=15, verbose=0, callbacks=[callback])


@sick("non_finite", cause="numerical_error", onset=0.8)
def logarithm_of_zero(seed: int, callback: MonitorCallback) -> None:
    """Cross-entropy by hand without a safeguard: sure at last, it takes the logarithm of zero."""
    x, y = blobs(600, 10, 2, seed, apart=1.0)

    def entropy(true: object, predicted: object) -> object:
        likely = true * keras.ops.log(predicted) + (1 - true) * keras.ops.log(1 - predicted)
        return -keras.ops.mean(likely)

    model = dense(10, 32)
    model.compile(optimizers.Adam(0.01), entropy, metrics=["accuracy"])
    model.fit(x, y.astype("float32"), epochs=24, verbose=0, callbacks=[callback])


@hidden("wrong_last_layer_or_loss")
def logits_announced_after_a_softmax(seed: int, callback: MonitorCallback) -> None:
    """from_logits=True after a softmax, which Keras 3 sees through when it can."""
    x, y = blobs(1_000, 10, 4, seed)
    model = dense(10, 24, out=4, last="softmax")
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    model.fit(x, y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])


@hidden("wrong_last_layer_or_loss")
def sigmoids_with_categorical_loss(seed: int, callback: MonitorCallback) -> None:
    """Independent sigmoids for exclusive classes: Keras divides them by their sum, and it works."""
    x, y = blobs(1_200, 12, 4, seed)
    model = dense(12, 32, out=4)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    labels = np.eye(4)[y]
    model.fit(x, labels, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@hidden("wrong_last_layer_or_loss")
def relu_before_the_softmax(seed: int, callback: MonitorCallback) -> None:
    """Logits that cannot be negative, and are sufficient all the same."""
    x, y = blobs(1_000, 16, 3, seed)
    model = dense(16, 32, out=3, last="relu")
    model.add(layers.Softmax())
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])
