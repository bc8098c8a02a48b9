"""Dense classifiers whose weights begin badly, or are not trained."""

from typing import Any

import keras
from keras import initializers, layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import hidden, sick
from tests.gallery.data import blobs, circles, moons
from tests.gallery.nets import classifier, softmax


@sick(
    *("no_skill", "stagnation", "frozen_layer", "class_collapse", "dead_units"),
    cause="poor_initialization",
)
def all_weights_zero(seed: int, callback: MonitorCallback) -> None:
    """Kernels of zeros in all layers: no gradient gets through."""
    x, y = blobs(900, 14, 6, seed)
    model = keras.Sequential([layers.Input((14,))])
    model.add(layers.Dense(32, activation="relu", kernel_initializer="zeros"))
    model.add(layers.Dense(16, activation="relu", kernel_initializer="zeros"))
    model.add(layers.Dense(6, activation="softmax", kernel_initializer="zeros"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    *("dead_units", "no_skill", "stagnation", "frozen_layer", "class_collapse"),
    cause=("dead_units", "poor_initialization"),
)
def biases_of_minus_ten(seed: int, callback: MonitorCallback) -> None:
    """Relus that no sample ever reaches."""
    x, y = blobs(800, 8, 2, seed)
    model = classifier(8, 32, 32, bias_initializer=initializers.Constant(-10.0))
    model.fit(x, y, epochs=14, verbose=0, callbacks=[callback])


@sick(*("saturated_activations", "init_loss", "no_skill"), cause="poor_initialization")
def weights_of_five(seed: int, callback: MonitorCallback) -> None:
    """Tanh layers with weights of deviation 5: all units at their ends, wherever they fell."""
    x, y = blobs(600, 20, 10, seed)
    large = initializers.RandomNormal(stddev=5.0)
    model = keras.Sequential(
        [
            layers.Input((20,)),
            layers.Dense(48, activation="tanh", kernel_initializer=large),
            layers.Dense(48, activation="tanh", kernel_initializer=large),
            layers.Dense(10, activation="softmax", kernel_initializer=large),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=20, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("vanishing_gradient", "stagnation", "no_skill", cause="poor_initialization")
def small_weights_in_ten_layers(seed: int, callback: MonitorCallback) -> None:
    """Ten layers of tanh, begun with weights of a hundredth."""
    x, y = moons(640, seed)
    small = initializers.RandomNormal(stddev=0.01)
    model = classifier(
        *(2, *[16] * 10),
        activation="tanh",
        kernel_initializer=small,
        optimizer=optimizers.SGD(0.1),
    )
    model.fit(x, y, epochs=20, verbose=0, callbacks=[callback])


class Stop(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Lets values through, and no gradient."""

    def call(self, inputs: Any) -> Any:
        """Return them."""
        return keras.ops.stop_gradient(inputs)


@sick("frozen_layer", "no_skill", "stagnation", cause="untrained_layers")
def gradient_stopped_on_its_way(seed: int, callback: MonitorCallback) -> None:
    """A stop_gradient was left in the middle: two of three layers stay random."""
    x, y = circles(600, seed)
    model = keras.Sequential([layers.Input((2,))])
    model.add(layers.Dense(3, activation="tanh"))
    model.add(layers.Dense(3, activation="tanh"))
    model.add(Stop())
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=25, validation_split=0.2, verbose=0, callbacks=[callback])


@sick("plateau", cause="untrained_layers")
def frozen_before_it_was_trained(seed: int, callback: MonitorCallback) -> None:
    """trainable=False on two layers that nobody has trained."""
    x, y = blobs(1_000, 30, 8, seed, apart=0.7)
    model = softmax(30, 8, 16, 4)
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.compile(optimizers.Adam(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=25, validation_split=0.2, verbose=0, callbacks=[callback])


@hidden("untrained_layers")
def frozen_but_wide_enough(seed: int, callback: MonitorCallback) -> None:
    """A wide random layer that is never trained, and is good enough for the layer behind it."""
    x, y = blobs(1_200, 8, 5, seed)
    model = softmax(8, 5, 256)
    model.layers[0].trainable = False
    model.compile(optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])
