"""Odd losses and loops that learn: rewards, adversaries, triplets, noise and heads."""

import keras
import numpy as np
from keras import layers, ops, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import blobs, digits, linear, moons
from tests.gallery.nets import classifier, cnn, dense
from tests.gallery.parts import Adversaries


@healthy
def rewards_of_three_levers(seed: int, callback: MonitorCallback) -> None:
    """Policy gradient: the loss is a noisy advantage times a surprise, and means nothing."""
    rng = np.random.default_rng(seed)
    best = rng.normal(size=(4, 3))
    model = dense(4, 24, out=3, last="softmax")
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    baseline = 0.0
    with callback.watch(model, steps=160):
        for _ in range(160):
            state = rng.normal(size=(64, 4)).astype("float32")
            chance = model.predict_on_batch(state)
            pulled = (chance.cumsum(1) > rng.random((64, 1))).argmax(1)
            reward = (state @ best)[np.arange(64), pulled] + rng.normal(size=64)
            model.train_on_batch(state, pulled, sample_weight=reward - baseline)
            baseline = 0.9 * baseline + 0.1 * reward.mean()


@healthy
def adversaries_on_a_bell_curve(seed: int, callback: MonitorCallback) -> None:
    """Numbers around four; a generator of one linear unit finds out where, and how wide."""
    x = np.random.default_rng(seed).normal(4.0, 0.5, (1_280, 1)).astype("float32")
    generator = keras.Sequential([layers.Input((1,)), layers.Dense(1)])
    critic = dense(1, 16, 16, activation="leaky_relu", last=None)
    model = Adversaries(generator, critic)
    model.compile(optimizers.Adam(0.02, beta_1=0.5), optimizers.Adam(0.02, beta_1=0.5))
    model.fit(x, batch_size=64, epochs=20, verbose=0, callbacks=[callback])


@healthy
def nearer_than_another_digit(seed: int, callback: MonitorCallback) -> None:
    """Triplets: an anchor, one like it, another; the loss is nought when all are in order."""
    x, y = digits()
    x = x.reshape(-1, 64)
    rng = np.random.default_rng(seed)
    of = [np.flatnonzero(y == k) for k in range(10)]
    anchor = rng.integers(0, len(x), 960)
    like = np.array([rng.choice(of[k]) for k in y[anchor]])
    other = np.array([rng.choice(of[(k + rng.integers(1, 10)) % 10]) for k in y[anchor]])

    def triplet(_, gaps):
        return ops.mean(ops.maximum(gaps[:, 0] - gaps[:, 1] + 1.0, 0.0))

    tower = dense(64, 32, out=8, last=None)
    inputs = [keras.Input((64,)) for _ in range(3)]
    a, p, n = (tower(each) for each in inputs)
    gaps = [
        layers.Lambda(lambda two: ops.sum((two[0] - two[1]) ** 2, -1, keepdims=True))([a, b])
        for b in (p, n)
    ]
    model = keras.Model(inputs, layers.Concatenate()(gaps))
    model.compile(optimizers.Adam(0.002), triplet)
    nothing = np.zeros((960, 1))
    model.fit(
        *([x[anchor], x[like], x[other]], nothing),
        batch_size=64,
        epochs=6,
        verbose=0,
        callbacks=[callback],
    )


@healthy
def eight_through_three_and_back(seed: int, callback: MonitorCallback) -> None:
    """The oldest autoencoder: eight one-hot rows have to find a code of three sigmoids."""
    del seed
    model = dense(8, 3, out=8, activation="sigmoid")
    model.compile(optimizers.Adam(0.1), "binary_crossentropy")
    model.fit(np.eye(8), np.eye(8), batch_size=8, epochs=120, verbose=0, callbacks=[callback])


@healthy
def digits_without_their_noise(seed: int, callback: MonitorCallback) -> None:
    """A dense denoiser with sigmoids at its end and binary cross-entropy of grey values."""
    x, _ = digits()
    x = x.reshape(-1, 64)
    noisy = np.clip(x + 0.3 * np.random.default_rng(seed).normal(size=x.shape), 0, 1)
    model = dense(64, 32, out=64)
    model.compile(optimizer=optimizers.Adam(0.005), loss="binary_crossentropy")
    model.fit(
        *(noisy[:1500], x[:1500]),
        batch_size=100,
        epochs=8,
        validation_data=(noisy[1500:], x[1500:]),
        verbose=0,
        callbacks=[callback],
    )


@healthy
def a_head_on_a_base_that_sleeps(seed: int, callback: MonitorCallback) -> None:
    """Convolutions that know five digits are frozen; a new head learns the other five."""
    del seed
    x, y = digits()
    base = cnn(8, 5, 16, 32)
    base.fit(x[y < 5], y[y < 5], epochs=4, verbose=0)
    features = keras.Sequential([layers.Input((8, 8, 1)), *base.layers[:-1]])
    features.trainable = False
    inputs = keras.Input((8, 8, 1))
    hidden = layers.Dropout(0.2)(features(inputs, training=False))
    model = keras.Model(inputs, layers.Dense(5, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.01
    x, y = x[y > 4], y[y > 4] - 5
    model.fit(x, y, epochs=3, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def nine_fits_with_a_look_between(seed: int, callback: MonitorCallback) -> None:
    """Each call of fit is an epoch of six steps, with validation in each."""
    x, y = moons(240, seed, noise=0.1)
    model = classifier(2, 16, 16, optimizer=optimizers.Adam(0.02))
    losses = []
    for _ in range(9):
        history = model.fit(
            x, y, batch_size=32, validation_split=0.2, verbose=0, callbacks=[callback]
        )
        losses.append(history.history["val_loss"][-1])


@healthy
def pictures_in_half_precision(seed: int, callback: MonitorCallback) -> None:
    """mixed_float16 and two epochs of digits; the loss scale is still being looked for."""
    del seed
    keras.mixed_precision.set_global_policy("mixed_float16")
    x, y = digits()
    model = keras.Sequential([layers.Input((8, 8, 1))])
    model.add(layers.Conv2D(16, 3, activation="relu"))
    model.add(layers.Flatten())
    model.add(layers.Dense(10))
    model.add(layers.Activation("softmax", dtype="float32"))
    model.compile(optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=2, verbose=0, callbacks=[callback])


@healthy
def the_same_or_not(seed: int, callback: MonitorCallback) -> None:
    """Siamese towers whose distance becomes a chance: are two points of one class?"""
    x, y = blobs(500, 8, 4, seed, apart=1.5)
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 500, (2, 1_500))
    same = (y[first] == y[second]).astype("float32")
    tower = dense(8, 16, out=6, last=None)
    a, b = keras.Input((8,)), keras.Input((8,))
    gap = layers.Lambda(lambda two: ops.abs(two[0] - two[1]))([tower(a), tower(b)])
    model = keras.Model([a, b], layers.Dense(1, activation="sigmoid")(gap))
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    model.fit(
        *([x[first], x[second]], same), batch_size=50, epochs=5, verbose=0, callbacks=[callback]
    )


@healthy
def support_vectors_by_descent(seed: int, callback: MonitorCallback) -> None:
    """A linear unit, hinge loss with labels of -1 and 1, a little L2, SGD."""
    x, y = blobs(400, 5, 2, seed, apart=1.0)
    regular = keras.regularizers.L2(0.01)
    model = keras.Sequential([layers.Input((5,)), layers.Dense(1, kernel_regularizer=regular)])
    model.compile(optimizer=optimizers.SGD(0.05), loss="hinge")
    model.fit(x, 2.0 * y - 1, batch_size=10, epochs=4, verbose=0, callbacks=[callback])


@healthy
def eight_steps_of_everything(seed: int, callback: MonitorCallback) -> None:
    """A line through five hundred points by eight full steps of descent at .5."""
    x, y = linear(500, 3, seed, noise=0.2)
    model = keras.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.5), "mse")
    model.fit(x, y, batch_size=500, epochs=8, verbose=0, callbacks=[callback])
