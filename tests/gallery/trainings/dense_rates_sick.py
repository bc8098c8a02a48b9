"""Dense classifiers whose learning rate, optimizer or plan is at fault."""

import keras
import numpy as np
from keras import callbacks, optimizers

from flatline.keras import MonitorCallback
from tests.gallery.case import sick
from tests.gallery.data import blobs, circles, digits, moons, table
from tests.gallery.nets import classifier, softmax


@sick(*("update_ratio", "init_loss", "dead_units", "no_skill"), cause="learning_rate_too_high")
def adam_at_one(seed: int, callback: MonitorCallback) -> None:
    """Adam at a thousand times its default."""
    x, y = blobs(1_000, 20, 2, seed, apart=0.4)
    model = classifier(20, 32, 16, optimizer=optimizers.Adam(1.0))
    model.fit(x, y, epochs=12, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    *(
        "update_ratio",
        "init_loss",
        "divergence",
        "gradient_explosion",
        "weight_growth",
        "dead_units",
        "frozen_layer",
        "no_skill",
        "loss_spike",
    ),
    cause="learning_rate_too_high",
)
def descent_at_thirty(seed: int, callback: MonitorCallback) -> None:
    """SGD at 30: the first steps throw the weights far away."""
    x, y = blobs(1_000, 15, 2, seed, apart=0.5)
    model = classifier(15, 32, 16, optimizer=optimizers.SGD(30.0))
    model.fit(x, y, epochs=10, verbose=0, callbacks=[callback])


@sick(
    *(
        "update_ratio",
        "divergence",
        "loss_spike",
        "gradient_explosion",
        "weight_growth",
        "update_spike",
        "dead_units",
        "no_skill",
    ),
    cause="learning_rate_too_high",
)
def momentum_that_runs_away(seed: int, callback: MonitorCallback) -> None:
    """Descent at 1.0 with a momentum of .99: the weights fly past each valley."""
    x, y = moons(400, seed)
    model = classifier(2, 24, 24, optimizer=optimizers.SGD(1.0, momentum=0.99))
    model.fit(
        *(x, y), batch_size=40, epochs=25, validation_split=0.25, verbose=0, callbacks=[callback]
    )


@sick(
    *("oscillation", "saturated_activations"),
    cause="learning_rate_too_high",
)
def accuracy_that_swings(seed: int, callback: MonitorCallback) -> None:
    """Digits by tanh and Adam at .12: the validation goes up and down by tenths."""
    x, y = digits()
    order = np.random.default_rng(seed).permutation(len(x))
    model = softmax(64, 10, 32, 16, activation="tanh", optimizer=optimizers.Adam(0.12))
    model.fit(
        *(x[order].reshape(-1, 64), y[order]),
        batch_size=40,
        epochs=16,
        validation_split=0.4,
        verbose=0,
        callbacks=[callback],
    )


@sick(*("update_ratio", "stagnation", "no_skill", "class_collapse"), cause="learning_rate_too_low")
def digits_at_a_ten_millionth(seed: int, callback: MonitorCallback) -> None:
    """Digits, and Adam at .0000001."""
    del seed
    x, y = digits()
    model = softmax(64, 10, 32, optimizer=optimizers.Adam(1e-7))
    model.fit(
        *(x.reshape(-1, 64), y),
        batch_size=64,
        epochs=15,
        validation_split=0.2,
        verbose=0,
        callbacks=[callback],
    )


@sick(
    *("update_ratio", "stagnation", "no_skill", "class_collapse"),
    cause=("unsuitable_optimizer", "learning_rate_too_low"),
)
def adadelta_at_its_default(seed: int, callback: MonitorCallback) -> None:
    """Adadelta as Keras has it, with a rate of .001 that its paper does not know."""
    x, y = blobs(1_200, 12, 4, seed)
    model = softmax(12, 4, 32, 16, optimizer=optimizers.Adadelta())
    model.fit(x, y, batch_size=24, epochs=8, verbose=0, callbacks=[callback])


@sick("no_skill", cause="too_few_epochs", at_end=True)
def two_epochs_of_small_steps(seed: int, callback: MonitorCallback) -> None:
    """Wine for two epochs: it had just begun to learn."""
    del seed
    x, y = table("wine")
    model = softmax(13, 3, 8, optimizer=optimizers.SGD(0.003))
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[callback])


@sick("no_skill", cause=("batch_too_large", "too_few_epochs"), at_end=True)
def all_samples_in_each_of_eight_steps(seed: int, callback: MonitorCallback) -> None:
    """Five thousand samples in one batch: eight epochs are eight steps."""
    x, y = blobs(5_000, 10, 5, seed)
    model = softmax(10, 5, 16)
    model.fit(x, y, batch_size=5_000, epochs=8, verbose=0, callbacks=[callback])


@sick(*("lr_schedule", "plateau", "update_ratio"), cause="schedule_wrong", onset=0.1)
def rate_decayed_to_nothing(seed: int, callback: MonitorCallback) -> None:
    """The rate falls by a twentieth at each step, where each epoch was meant."""
    x, y = circles(800, seed)
    rate = optimizers.schedules.ExponentialDecay(0.01, decay_steps=1, decay_rate=0.95)
    model = classifier(2, 32, 32, optimizer=optimizers.Adam(rate))
    model.fit(x, y, epochs=20, validation_split=0.2, verbose=0, callbacks=[callback])


@sick(
    *(
        "lr_schedule",
        "loss_spike",
        "divergence",
        "gradient_explosion",
        "weight_growth",
        "update_spike",
        "dead_units",
        "class_collapse",
        "no_skill",
        "update_ratio",
    ),
    cause=("learning_rate_too_high", "schedule_wrong"),
    onset=0.33,
)
def one_epoch_at_a_thousandfold_rate(seed: int, callback: MonitorCallback) -> None:
    """A table of rates with a slip of the pen: 10 for .01 in the fifth epoch of twelve."""
    x, y = blobs(960, 10, 3, seed)
    rates = [0.02] * 4 + [0.01] + [0.01] * 7
    rates[4] = 10.0
    model = softmax(10, 3, 24, 12, optimizer=optimizers.SGD(0.02, momentum=0.9))
    schedule = callbacks.LearningRateScheduler(lambda epoch: rates[epoch])
    model.fit(x, y, epochs=12, verbose=0, callbacks=[callback, schedule])


@sick(
    *(
        "non_finite",
        "divergence",
        "gradient_explosion",
        "weight_growth",
        "update_ratio",
        "init_loss",
        "no_skill",
    ),
    cause="learning_rate_too_high",
)
def squares_that_run_away(seed: int, callback: MonitorCallback) -> None:
    """A linear classifier by squared error at a rate beyond its limit, until it is nan."""
    x, y = blobs(500, 40, 2, seed)
    model = keras.Sequential([keras.Input((40,)), keras.layers.Dense(1)])
    model.compile(optimizers.SGD(0.2), "mse", metrics=["accuracy"])
    stop = callbacks.TerminateOnNaN()
    model.fit(x, y, epochs=30, verbose=0, callbacks=[callback, stop])


@sick(
    *("update_ratio", "no_skill", "init_loss", "loss_accuracy_inconsistency"),
    cause="learning_rate_too_high",
)
def gives_up_when_the_loss_is_bad(seed: int, callback: MonitorCallback) -> None:
    """Batches by hand at far too high a rate, and an exception when it has not helped."""
    x, y = blobs(600, 8, 4, seed)
    rng = np.random.default_rng(seed)
    model = softmax(8, 4, 32, optimizer=optimizers.RMSprop(0.5))
    recent: list[float] = []
    with callback.watch(model, steps=600):
        for step in range(600):
            some = rng.integers(0, 600, 20)
            recent.append(float(model.train_on_batch(x[some], y[some])[0]))
            if step >= 200 and np.mean(recent[-100:]) > 1.0:
                msg = f"mean loss {np.mean(recent[-100:])} after {step} steps"
                raise RuntimeError(msg)
