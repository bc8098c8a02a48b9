"""Cases by where the data comes from, how much of it there is, and what else happens in a fit."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.client.conformance import nets
from tests.client.conformance.case import INPUTS, Case
from tests.client.conformance.nets import plain
from tests.client.models import (
    BATCH,
    BITS,
    CLASSES,
    FEATURES,
    LABELS,
    SAMPLES,
    STEPS,
    TOKENS,
    AtStep,
    X,
    compiled,
    crossentropy,
    layers,
)


class Parts(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """The arrays, batch by batch."""

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, i: int) -> Any:
        return X[i * BATCH : (i + 1) * BATCH], LABELS[i * BATCH : (i + 1) * BATCH]


def generated() -> Iterator[Any]:
    """The same without an end."""
    while True:
        for i in range(STEPS):
            yield Parts()[i]


def streamed(count: int = SAMPLES, *, known: bool = True) -> Any:
    """The same as a tf.data pipeline; of a filter nobody knows the length."""
    data = tf.data.Dataset.from_tensor_slices((X[:count], LABELS[:count])).batch(BATCH)
    return data if known else data.filter(lambda *_: True)


def triple() -> Any:
    """With weights of the samples."""
    return tf.data.Dataset.from_tensor_slices((X, LABELS, WEIGHTS)).batch(BATCH)


def ragged() -> Any:
    """A net that takes rows of different lengths."""
    x = layers.Input((None,), dtype="int32", ragged=True)
    pooled = layers.GlobalAveragePooling1D()(layers.Embedding(50, 4)(x))
    return keras.Model(x, layers.Dense(CLASSES)(pooled))


def sparse_net() -> Any:
    """A net that takes sparse tensors."""
    x = layers.Input((FEATURES,), sparse=True)
    return keras.Model(x, layers.Dense(CLASSES)(x))


def sparse() -> Any:
    data = tf.data.Dataset.from_tensor_slices((X * (X > 0), LABELS)).batch(BATCH)
    return data.map(lambda x, y: (tf.sparse.from_dense(x), y))


def rate(batch: int, value: float) -> Callable[[], Any]:
    def set_rate(model: Any) -> None:
        model.optimizer.learning_rate = value

    return lambda: AtStep(batch, set_rate)


def stop(model: Any) -> None:
    model.stop_training = True


def fed(data: Callable[[], Any], **arguments: Any) -> Case:
    return Case(plain, data=data, **arguments)


def calling(*callbacks: Callable[[], Any], **arguments: Any) -> Case:
    """The ordinary training, with other callbacks beside ours."""
    return Case(plain, callbacks=lambda: [make() for make in callbacks], **arguments)


def spoiled() -> np.ndarray:
    x = X.copy()
    x[2 * BATCH] = np.nan
    return x


kept = keras.callbacks
WEIGHTS = np.linspace(0, 3, SAMPLES, dtype=np.float32)
PER_CLASS = {i: 1.0 + i for i in range(CLASSES)}
VALIDATED: dict[str, Any] = {"validation_data": (X[:40], LABELS[:40])}
LENGTH = "Your input ran out of data"  # Keras says so of any data without a known length

FEEDS: dict[str, Case] = {
    "generator": fed(generated, fit={"steps_per_epoch": STEPS}),
    "pydataset": fed(lambda: Parts(workers=0)),
    "pydataset_workers": fed(lambda: Parts(workers=2, use_multiprocessing=False)),
    "stream": fed(streamed),
    "stream_unknown_length": fed(lambda: streamed(known=False), warns=LENGTH),
    "stream_unknown_partial": fed(
        lambda: streamed(55, known=False), warns=LENGTH, x=X[:55], y=LABELS[:55]
    ),
    "stream_unknown_several_steps": Case(
        lambda: plain(steps_per_execution=3),
        data=lambda: streamed(known=False),
        # Keras itself trains otherwise than step by step, once it has met the end of the data.
        compare=False,
        warns=LENGTH,
    ),
    "stream_repeated": fed(lambda: streamed().repeat(), fit={"steps_per_epoch": STEPS}),
    "partial_batch": Case(plain, x=X[:55], y=LABELS[:55]),
    "partial_batch_several_steps": Case(
        lambda: plain(steps_per_execution=2),
        x=X[:55],
        y=LABELS[:55],
        stepwise=plain,
        tolerance=2e-5,
        sampled=2,
    ),
    "one_step_epochs": Case(plain, fit={"batch_size": SAMPLES, "epochs": 6}),
    "shuffled": Case(plain, fit={"shuffle": True}, compare=False),
    "validated": Case(lambda: plain(metrics=["accuracy"]), fit=VALIDATED),
    "validation_split": Case(plain, fit={"validation_split": 0.25}),
    "validation_freq": Case(plain, fit={**VALIDATED, "validation_freq": 2}),
    "class_weight": Case(plain, fit={"class_weight": PER_CLASS}),
    "sample_weight": Case(plain, fit={"sample_weight": WEIGHTS}),
    "sample_weight_and_regularizer": Case(
        compiled,
        fit={"sample_weight": WEIGHTS},
    ),
    "later_epochs": Case(plain, fit={"initial_epoch": 3, "epochs": 5}),
    "stream_of_weights": fed(triple, fit={}, x=X, y=LABELS, compare=False),
    "sparse_inputs": Case(
        lambda: compiled(sparse_net),
        data=sparse,
        compare=False,
        absent={INPUTS: "sparse tensors are not read"},
    ),
    "ragged_inputs": Case(
        lambda: compiled(ragged),
        data=lambda: tf.data.Dataset.from_tensor_slices(
            (tf.RaggedTensor.from_tensor(TOKENS, padding=0), LABELS)
        ).batch(BATCH),
        compare=False,
        absent={INPUTS: "ragged tensors are not read"},
    ),
    "dict_inputs": Case(lambda: compiled(dictionary, loss=crossentropy()), x={"b": X, "a": X * 2}),
    "scheduler": calling(lambda: kept.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))),
    "plateau": calling(
        lambda: kept.ReduceLROnPlateau(monitor="val_loss", patience=0, min_delta=10.0),
        fit={**VALIDATED, "epochs": 3},
    ),
    "rate_in_mid_epoch": calling(rate(1, 0.1), rate(2, 0.5)),
    "early_stopping": calling(
        lambda: kept.EarlyStopping(monitor="loss", min_delta=10.0, patience=1),
        fit={"epochs": 6},
    ),
    "best_weights": calling(
        lambda: kept.EarlyStopping(
            monitor="loss", min_delta=10.0, patience=1, restore_best_weights=True
        ),
        fit={"epochs": 6},
    ),
    "stopped_in_a_batch": calling(lambda: AtStep(2, stop), sampled=2),
    "terminate_on_nan": calling(
        kept.TerminateOnNaN, x=spoiled(), fit={"epochs": 3}, compare=False, sampled=2
    ),
    "swap_ema": Case(
        lambda: plain(optimizer=lambda: keras.optimizers.Adam(use_ema=True, ema_momentum=0.5)),
        callbacks=lambda: [kept.SwapEMAWeights(swap_on_epoch=True)],
        fit=VALIDATED,
    ),
    "metrics_reset": calling(lambda: AtStep(1, lambda model: model.reset_metrics())),
    "evaluated_in_mid_epoch": calling(
        lambda: AtStep(1, lambda model: model.evaluate(X, LABELS, verbose=0))
    ),
    "predicted_in_mid_epoch": calling(lambda: AtStep(1, lambda model: model.predict(X, verbose=0))),
    "weights_set_in_mid_epoch": calling(
        lambda: AtStep(1, lambda model: model.set_weights([w * 0.5 for w in model.get_weights()]))
    ),
}


def dictionary() -> Any:
    """Inputs by name, in another order than Keras's."""
    given = {name: layers.Input((FEATURES,), name=name) for name in ("b", "a")}
    hidden = layers.Dense(8, activation="tanh")(layers.Concatenate()(list(given.values())))
    return keras.Model(given, layers.Dense(CLASSES)(hidden))


def mirrored(make: Callable[[], Any]) -> Callable[[], Any]:
    """The same model on two devices."""

    def model() -> Any:
        strategy = tf.distribute.MirroredStrategy(
            ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
        )
        with strategy.scope():
            return make()

    return model


def scaled() -> Any:
    inner = keras.optimizers.Adam(0.01)
    return plain(optimizer=lambda: keras.optimizers.LossScaleOptimizer(inner, initial_scale=64.0))


def looked_up() -> Any:
    optimizer = lambda: keras.optimizers.SGD(0.1)  # noqa: E731 - the argument of compiled
    return compiled(nets.lookup, optimizer=optimizer, loss="binary_crossentropy")


MIRRORED: dict[str, Case] = {
    "mirrored": Case(mirrored(plain), twin=plain),
    "mirrored_regularizer": Case(
        mirrored(compiled),
        twin=compiled,
    ),
    "mirrored_loss_scale": Case(mirrored(scaled), twin=scaled, scaled=True),
    "mirrored_embedding": Case(
        mirrored(looked_up), twin=looked_up, x=TOKENS, y=BITS, reads="threshold"
    ),
    "mirrored_several_steps": Case(
        mirrored(lambda: plain(steps_per_execution=2)),
        stepwise=mirrored(plain),
        twin=plain,
        tolerance=2e-5,
        sampled=2,
    ),
    "mirrored_normalised": Case(mirrored(lambda: compiled(nets.normalised)), compare=False),
    "mirrored_partial_batch": Case(mirrored(plain), twin=plain, x=X[:55], y=LABELS[:55]),
}
