"""Small convolutional networks of many shapes that learn as they should."""

from typing import Any

import keras
import numpy as np
from keras import layers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import digits, images
from tests.gallery.nets import cnn


@healthy
def digits_by_two_convolutions(seed: int, callback: MonitorCallback) -> None:
    """The digits, Adam, every sixth of them for validation."""
    x, y = digits()
    model = cnn(8, 10, 8, 16, optimizer=keras.optimizers.Adam(0.002))
    model.fit(
        x, y, batch_size=64, epochs=15, validation_split=1 / 6, verbose=0, callbacks=[callback]
    )


@healthy
def convolutions_with_batch_norm(seed: int, callback: MonitorCallback) -> None:
    """Six angles, each convolution normalised, Nesterov momentum, logits."""
    x, y = images(900, 12, 6, seed, noise=0.8)
    model = keras.Sequential([layers.Input((12, 12, 1))])
    for filters in (6, 12):
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(6))
    model.compile(
        keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    held_out = (x[700:], y[700:])
    model.fit(
        *(x[:700], y[:700]),
        batch_size=25,
        epochs=12,
        validation_data=held_out,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def dropped_out_twice(seed: int, callback: MonitorCallback) -> None:
    """Dropout of maps and of units: the training loss stays above that of the validation."""
    x, y = digits()
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.SpatialDropout2D(0.2),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(48, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        *(x[:1_400], y[:1_400]),
        epochs=16,
        validation_data=(x[1_400:], y[1_400:]),
        verbose=0,
        callbacks=[callback],
    )


@healthy
def pooled_to_one_number_a_map(seed: int, callback: MonitorCallback) -> None:
    """Global average pooling in front of four classes: slow in the beginning."""
    x, y = images(1_200, 10, 4, seed, noise=0.7)
    inputs = keras.Input((10, 10, 1))
    hidden = layers.Conv2D(8, 3, activation="relu")(inputs)
    hidden = layers.Conv2D(12, 3, activation="relu")(hidden)
    outputs = layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(hidden))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.004), "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=40, epochs=18, verbose=0, callbacks=[callback])


@healthy
def blocks_that_begin_as_identity(seed: int, callback: MonitorCallback) -> None:
    """Two residual blocks whose last gamma is zero at first."""
    x, y = images(640, 12, 5, seed)

    def block(hidden: Any) -> Any:
        inner = layers.Conv2D(8, 3, padding="same", use_bias=False)(hidden)
        inner = layers.ReLU()(layers.BatchNormalization()(inner))
        inner = layers.Conv2D(8, 3, padding="same", use_bias=False)(inner)
        inner = layers.BatchNormalization(gamma_initializer="zeros")(inner)
        return layers.ReLU()(layers.Add()([hidden, inner]))

    inputs = keras.Input((12, 12, 1))
    hidden = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(inputs)
    hidden = layers.Flatten()(block(block(hidden)))
    model = keras.Model(inputs, layers.Dense(5, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=8, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def depthwise_and_separable(seed: int, callback: MonitorCallback) -> None:
    """A small MobileNet, by RMSprop."""
    x, y = digits()
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
            layers.Conv2D(16, 1, activation="relu"),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(24, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.RMSprop(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, batch_size=64, epochs=12, verbose=0, callbacks=[callback])


@healthy
def as_in_2017(seed: int, callback: MonitorCallback) -> None:
    """Pixels of 0..16 as they are, one-hot by hand, and a Keras that was still young."""
    x, y = digits(pixels=True)
    nb_classes, nb_epoch = 10, 4
    y_cat = np.zeros((len(y), nb_classes), "float32")
    for i in range(len(y)):
        y_cat[i, y[i]] = 1
    model = keras.models.Sequential()
    model.add(layers.Input(shape=(8, 8, 1)))
    model.add(layers.Convolution2D(12, (3, 3)))
    model.add(layers.Activation("relu"))
    model.add(layers.MaxPool2D(pool_size=(2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dense(nb_classes))
    model.add(layers.Activation("softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adadelta", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.5
    model.fit(
        x, y_cat, batch_size=50, epochs=nb_epoch, shuffle=True, verbose=0, callbacks=[callback]
    )


@healthy
def pixels_to_255_that_learn(seed: int, callback: MonitorCallback) -> None:
    """Nobody divided by 255, and Adam does not mind: it begins far off and ends well."""
    x, y = images(1_000, 10, 4, seed, noise=0.6)
    model = cnn(10, 4, 8)
    model.fit(255 * x, y, epochs=14, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def rescaled_by_the_first_layer(seed: int, callback: MonitorCallback) -> None:
    """Pixels of 0..255, divided within the model."""
    x, y = images(1_000, 16, 6, seed, noise=0.9)
    model = keras.Sequential(
        [
            layers.Input((16, 16, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 5, strides=2, activation="gelu"),
            layers.Conv2D(12, 3, activation="gelu"),
            layers.Flatten(),
            layers.Dense(6, activation="softmax"),
        ]
    )
    model.compile("nadam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(np.rint(255 * x), y, epochs=15, verbose=0, callbacks=[callback])


@healthy
def normalised_by_the_first_layer(seed: int, callback: MonitorCallback) -> None:
    """Pixels of 0..16 and a Normalization that has seen them."""
    x, y = digits(pixels=True)
    scale = layers.Normalization(axis=None)
    scale.adapt(x)
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            scale,
            layers.Conv2D(12, 3, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=8, validation_split=0.1, verbose=0, callbacks=[callback])


@healthy
def augmented_bars(seed: int, callback: MonitorCallback) -> None:
    """Pictures that are moved, turned a little and made noisy, for training alone."""
    x, y = images(800, 12, 4, seed, noise=0.4)
    model = keras.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.RandomTranslation(0.15, 0.15),
            layers.RandomRotation(0.03),
            layers.GaussianNoise(0.4),
            layers.Conv2D(12, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(24, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=7, validation_split=0.2, verbose=0, callbacks=[callback])
