"""Odd small classifiers that learn: flowers, wines, frauds, spirals, and one batch by heart."""

import keras
import numpy as np
from keras import callbacks, layers, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import healthy
from tests.gallery.data import blobs, digits, imbalanced, moons, table
from tests.gallery.nets import classifier, dense, softmax


@healthy
def xor_by_nothing_but_sigmoids(seed: int, callback: MonitorCallback) -> None:
    """Squared error, one row at a time by SGD with momentum: flat for a while, then learned."""
    del seed
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([[0], [1], [1], [0]], "float32")
    model = dense(2, 8, activation="sigmoid")
    model.compile(optimizers.SGD(0.5, momentum=0.9), "mse")
    model.fit(x, y, batch_size=1, epochs=150, verbose=0, callbacks=[callback])


@healthy
def three_folds_of_iris(seed: int, callback: MonitorCallback) -> None:
    """A new model and a new callback for each fold."""
    x, y = table("iris")
    fold = np.random.default_rng(seed).permutation(len(x)) % 3
    scores = []
    for k in range(3):
        model = softmax(4, 3, 10, optimizer=optimizers.Adam(0.02))
        monitor = MonitorCallback(callback.settings.target, name=callback.settings.name)
        train, test = fold != k, fold == k
        model.fit(x[train], y[train], batch_size=5, epochs=6, verbose=0, callbacks=[monitor])
        scores.append(model.evaluate(x[test], y[test], verbose=0)[1])


@healthy
def iris_by_tanh_and_rmsprop(seed: int, callback: MonitorCallback) -> None:
    """Centimetres as they are, one-hot labels, two small layers, a third for validation."""
    del seed
    x, y = table("iris", scaled=False)
    labels = np.eye(3)[y]
    model = dense(4, 8, 8, out=3, last="softmax", activation="tanh")
    model.compile(optimizers.RMSprop(0.01), "categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        *(x[:100], labels[:100]),
        batch_size=20,
        epochs=40,
        validation_data=(x[100:], labels[100:]),
        verbose=0,
        callbacks=[callback],
    )


@healthy
def tumours_in_batches_of_ten(seed: int, callback: MonitorCallback) -> None:
    """Twelve units, eight units, one unit, as in everybody's first tutorial of tables."""
    del seed
    x, y = table("breast_cancer")
    model = keras.models.Sequential()
    model.add(layers.Input((30,)))
    model.add(layers.Dense(12, kernel_initializer="uniform", activation="relu"))
    model.add(layers.Dense(8, kernel_initializer="uniform", activation="relu"))
    model.add(layers.Dense(1, kernel_initializer="uniform", activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x, y, epochs=5, batch_size=10, verbose=0, callbacks=[callback])


@healthy
def wine_normalised_four_bottles_at_a_time(seed: int, callback: MonitorCallback) -> None:
    """Batch normalisation with batches of four: its statistics are as noisy as can be."""
    del seed
    x, y = table("wine")
    model = keras.Sequential([layers.Input((13,)), layers.Dense(16)])
    model.add(layers.BatchNormalization())
    model.add(layers.Activation("relu"))
    model.add(layers.Dense(3, activation="softmax"))
    model.compile(optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=4, epochs=5, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def digits_with_half_of_the_units(seed: int, callback: MonitorCallback) -> None:
    """Two layers, each followed by a dropout of .5, in five epochs."""
    del seed
    x, y = digits()
    model = keras.Sequential([layers.Input((8, 8, 1)), layers.Flatten()])
    for _ in range(2):
        model.add(layers.Dense(64, activation="relu"))
        model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=5, validation_split=0.1, verbose=0, callbacks=[callback])


@healthy
def forty_frauds_and_their_weight(seed: int, callback: MonitorCallback) -> None:
    """Forty of eight hundred payments; class weights as the tutorial computes them."""
    x, y = imbalanced(800, 6, 0.05, seed)
    weights = {0: 800 / (2 * 760), 1: 800 / (2 * 40)}
    model = dense(6, 16)
    model.compile(
        optimizers.Adam(0.01),
        "binary_crossentropy",
        metrics=[keras.metrics.Precision(name="precision"), keras.metrics.Recall(name="recall")],
    )
    model.fit(
        *(x, y), batch_size=64, epochs=12, class_weight=weights, verbose=0, callbacks=[callback]
    )


@healthy
def a_rare_event_with_its_bias_set(seed: int, callback: MonitorCallback) -> None:
    """One in twenty, and a last bias that says so from the beginning."""
    x, y = imbalanced(1_200, 8, 0.05, seed)
    bias = keras.initializers.Constant(np.log(y.sum() / (len(y) - y.sum())))
    model = keras.Sequential([layers.Input((8,)), layers.Dense(16, activation="relu")])
    model.add(layers.Dense(1, activation="sigmoid", bias_initializer=bias))
    model.compile(optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(x, y, batch_size=100, epochs=14, verbose=0, callbacks=[callback])


@healthy
def genres_of_films(seed: int, callback: MonitorCallback) -> None:
    """Five sigmoids, each a question of its own, and as many answers as are true."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(600, 12)).astype("float32")
    y = (x @ rng.normal(size=(12, 5)) > 1.5).astype("float32")
    model = dense(12, 32, out=5)
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", metrics=["binary_accuracy"])
    model.fit(x, y, epochs=6, validation_split=0.2, verbose=0, callbacks=[callback])


@healthy
def three_arms_of_a_spiral(seed: int, callback: MonitorCallback) -> None:
    """A hundred points for each arm, all in each step; Adam at .05 trembles and arrives."""
    rng = np.random.default_rng(seed)
    along = np.tile(np.linspace(0.05, 1, 100), 3)
    y = np.repeat(np.arange(3), 100)
    turn = 4 * y + 4 * along + 0.15 * rng.normal(size=300)
    x = np.stack([along * np.sin(turn), along * np.cos(turn)], axis=1)
    model = softmax(2, 3, 50, optimizer=optimizers.Adam(0.05))
    model.fit(x, y, batch_size=300, epochs=110, verbose=0, callbacks=[callback])


@healthy
def wines_with_softened_labels(seed: int, callback: MonitorCallback) -> None:
    """Labels smoothed by .2 have a floor of half a nat: all wines are right long before it."""
    del seed
    x, y = table("wine")
    model = dense(13, 16, out=3, last="softmax")
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)
    model.compile(optimizers.Adam(0.01), loss, metrics=["accuracy"])
    labels = keras.utils.to_categorical(y)
    model.fit(x, labels, batch_size=16, epochs=10, verbose=0, callbacks=[callback])


@healthy
def moons_that_do_not_count_alike(seed: int, callback: MonitorCallback) -> None:
    """Sample weights from an exponential: some batches weigh thrice as much as others."""
    x, y = moons(300, seed, noise=0.15)
    weights = np.random.default_rng(seed).exponential(size=300)
    model = classifier(2, 32, activation="tanh", optimizer=optimizers.Adam(0.03))
    model.fit(
        *(x, y), sample_weight=weights, batch_size=15, epochs=8, verbose=0, callbacks=[callback]
    )


@healthy
def sixteen_digits_again_and_again(seed: int, callback: MonitorCallback) -> None:
    """One batch by heart, as one does before anything else to see that a model can learn."""
    del seed
    x, y = digits()
    model = softmax(64, 10, 64, optimizer=optimizers.Adam(0.005))
    x, y = x[:16].reshape(16, 64), y[:16]
    with callback.watch(model, steps=100):
        for _ in range(100):
            model.train_on_batch(x, y)


@healthy
def moons_until_nothing_is_gained(seed: int, callback: MonitorCallback) -> None:
    """A hundred epochs are planned; the rate is lowered twice, and then it stops by itself."""
    x, y = moons(250, seed, noise=0.2)
    model = classifier(2, 24, 24, optimizer=optimizers.Adam(0.03))
    lower = callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=4)
    stop = callbacks.EarlyStopping(monitor="val_loss", patience=9, restore_best_weights=True)
    model.fit(
        *(x, y),
        batch_size=25,
        epochs=100,
        validation_split=0.2,
        verbose=0,
        callbacks=[lower, stop, callback],
    )


@healthy
def a_rate_that_warms_up_for_half_an_epoch(seed: int, callback: MonitorCallback) -> None:
    """Four classes; the rate rises for twenty steps and falls as a cosine for a hundred."""
    x, y = blobs(800, 10, 4, seed, apart=0.8)
    rate = optimizers.schedules.CosineDecay(0.0, 100, warmup_target=0.02, warmup_steps=20)
    model = softmax(10, 4, 24, optimizer=optimizers.AdamW(rate))
    model.fit(x, y, batch_size=20, epochs=3, verbose=0, callbacks=[callback])
