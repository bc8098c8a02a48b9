"""Small models for the tests of the Keras capture, and what a run was given by it."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from flatline.keras import MonitorCallback
from flatline.model import Model
from flatline.rows import Axes, Chunk, Description, Health, Rows, Variable

# Two devices, for strategies; one thread, for equal sums. Only possible before TensorFlow starts.
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

layers = keras.layers
COUNTS = ("label_counts", "prediction_counts", "correct_counts")
SAMPLES, BATCH, FEATURES, CLASSES = 64, 16, 12, 5
STEPS = SAMPLES // BATCH

_draw = np.random.default_rng(0)
X = _draw.normal(size=(SAMPLES, FEATURES)).astype(np.float32)
LABELS = _draw.integers(0, CLASSES, SAMPLES)
BITS = _draw.integers(0, 2, (SAMPLES, 1)).astype(np.float32)
MANY_BITS = _draw.integers(0, 2, (SAMPLES, 6)).astype(np.float32)
NUMBERS = _draw.normal(3, 2, (SAMPLES, 1)).astype(np.float32)
TOKENS = _draw.integers(0, 50, (SAMPLES, 7)).astype(np.int32)


@dataclass
class Recorded:
    """Stands where flatline.Run stands, and keeps what it is given."""

    description: list[Description] = field(default_factory=list)
    variables: list[tuple[tuple[Variable, ...], tuple[str, ...]]] = field(default_factory=list)
    axes: list[Axes] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    evaluations: list[tuple[int, int, int | None, dict[str, float]]] = field(default_factory=list)
    counts: list[dict[str, list[int]]] = field(default_factory=list)
    """What was counted of each evaluation, by the names of message Evaluation."""
    ends: list[tuple[str, str, int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """What the exceptions said that ended it, at each end."""
    models: list[Model] = field(default_factory=list)
    health: list[tuple[float | None, int]] = field(default_factory=list)
    wish: int = 0

    def set_axes(self, axes: Axes) -> int:
        self.axes.append(axes)
        self.variables.append((axes.variables, axes.inputs))
        return len(self.variables)

    def offer(self, chunk: Chunk) -> None:
        self.rows.append(chunk.rows())

    def evaluate(self, step: int, *, epoch: int = 0, n: int | None = None, **results: Any) -> None:
        self.counts.append({name: results.pop(name) for name in COUNTS if name in results})
        self.evaluations.append((step, epoch, n, results))

    def reopen(self, description: Description) -> None:
        self.description.append(description)

    def describe(self, description: Description) -> None:
        self.description[-1] = description

    def set_model(self, model: Model) -> None:
        self.models.append(model)

    def wished(self) -> int:
        wish, self.wish = self.wish, 0
        return wish

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "before_exit"}

    def report_health(self, health: Health) -> None:
        self.health.append((health.overhead_ratio, health.sampled_steps))

    def finish(
        self,
        status: str = "finished",
        *,
        exception_type: str = "",
        exception_text: str = "",
        step: int | None = None,
    ) -> None:
        self.texts.append(exception_text)
        self.ends.append((status, exception_type, step or 0))

    def column(self, name: str) -> np.ndarray:
        """One value for each step."""
        return np.concatenate([getattr(rows, name) for rows in self.rows])

    @property
    def steps(self) -> list[int]:
        """Numbers of the steps."""
        return [rows.first_step + i for rows in self.rows for i in range(len(rows))]

    @property
    def sampled_steps(self) -> list[int]:
        """Numbers of the sampled steps."""
        return [rows.first_step + i for rows in self.rows for i in rows.sampled_row]

    def sampled(self, name: str) -> np.ndarray:
        """One value, or row of values, for each sampled step."""
        return np.concatenate([rows.sampled[name] for rows in self.rows if rows.sampled_row])

    @property
    def names(self) -> set[str]:
        """All sampled columns."""
        return {name for rows in self.rows for name in rows.sampled}

    @property
    def rates(self) -> dict[int, float]:
        """Learning rates by the step from which they hold."""
        return {rows.first_step + i: rate for rows in self.rows for i, rate in rows.learning_rate}


class Recording(MonitorCallback):
    """The callback with a `Recorded` in place of each run."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.runs: list[Recorded] = []

    def _open(self, description: Description) -> Any:
        self.runs.append(Recorded([description]))
        return self.runs[-1]

    @property
    def run(self) -> Recorded:
        """The latest run."""
        return self.runs[-1]


class AtStep(keras.callbacks.Callback):  # type: ignore[misc]
    """Does something after one batch of the first epoch."""

    def __init__(self, batch: int, action: Callable[[Any], Any]) -> None:
        super().__init__()
        self.batch, self.action = batch, action

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == self.batch:
            self.action(self.model)


@dataclass(frozen=True)
class Builders:
    """Small models of one Keras: of Keras 3 here, of Keras 2 in legacy/models.py."""

    keras: Any
    dropout_seed: int | None = None
    """Keras 3 keeps a seed's dice in a variable of the model, Keras 2 in the traced function."""

    def crossentropy(self) -> Any:
        return self.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def mlp(
        self, out: int = CLASSES, activation: str | None = None, policy: str | None = None
    ) -> Any:
        layers = self.keras.layers
        hidden = layers.Dense(16, activation="relu", dtype=policy, kernel_regularizer="l2")
        last = layers.Dense(out, activation=activation, dtype=policy)
        return self.keras.Sequential([layers.Input((FEATURES,)), hidden, last])

    def cnn(self) -> Any:
        layers = self.keras.layers
        return self.keras.Sequential(
            [
                layers.Input((FEATURES,)),
                layers.Reshape((4, 3, 1)),
                layers.Conv2D(4, 2, activation="relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.3, seed=self.dropout_seed),
                layers.Flatten(),
                layers.Dense(CLASSES),
            ]
        )

    def embedding(self) -> Any:
        layers = self.keras.layers
        return self.keras.Sequential(
            [
                layers.Input((7,), dtype="int32"),
                layers.Embedding(50, 8),
                layers.GlobalAveragePooling1D(),
                layers.Dense(1, activation="sigmoid"),
            ]
        )

    def two_outputs(self) -> Any:
        layers = self.keras.layers
        one = layers.Input((FEATURES,), name="one")
        two = layers.Input((FEATURES,), name="two")
        hidden = layers.Dense(8, activation="relu")(layers.Concatenate()([one, two]))
        heads = {name: layers.Dense(n, name=name)(hidden) for name, n in (("c", CLASSES), ("r", 1))}
        return self.keras.Model({"one": one, "two": two}, heads)

    def compiled(
        self,
        make: Callable[[], Any] | None = None,
        optimizer: Callable[[], Any] | None = None,
        **arguments: Any,
    ) -> Any:
        """A new model with the same weights each time."""
        self.keras.utils.set_random_seed(5)
        model = (make or self.mlp)()
        chosen = optimizer() if optimizer else self.keras.optimizers.Adam(0.01)
        model.compile(optimizer=chosen, **{"loss": self.crossentropy(), **arguments})
        return model


_build = Builders(keras, dropout_seed=3)
crossentropy, compiled = _build.crossentropy, _build.compiled
mlp, cnn, embedding, two_outputs = _build.mlp, _build.cnn, _build.embedding, _build.two_outputs


class Custom(keras.Model):  # type: ignore[misc]
    """A train step of its own, and not built before it is fitted."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(16, activation="relu")
        self.out = layers.Dense(CLASSES)

    def call(self, x: Any) -> Any:
        return self.out(self.hidden(x))

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss": loss}


class Gan(keras.Model):  # type: ignore[misc]
    """Two networks, two optimizers, two losses, none of them compiled."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = keras.Sequential([layers.Input((4,)), layers.Dense(FEATURES)])
        self.critic = keras.Sequential([layers.Input((FEATURES,)), layers.Dense(1)])
        self.seed = keras.random.SeedGenerator(7)
        self.entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def compile(self, **arguments: Any) -> None:
        super().compile(**arguments)
        self.generator_optimizer = keras.optimizers.Adam(0.01)
        self.critic_optimizer = keras.optimizers.Adam(0.02)

    def call(self, x: Any) -> Any:
        return self.critic(x)

    def train_step(self, data: Any) -> Any:
        noise = keras.random.normal((BATCH, 4), seed=self.seed)
        ones, zeros = tf.ones((BATCH, 1)), tf.zeros((BATCH, 1))
        with tf.GradientTape() as tape:
            fake = self.entropy(zeros, self.critic(self.generator(noise)))
            loss = fake + self.entropy(ones, self.critic(data))
        weights = self.critic.trainable_weights
        self.critic_optimizer.apply(tape.gradient(loss, weights), weights)
        with tf.GradientTape() as tape:
            fooled = self.entropy(ones, self.critic(self.generator(noise)))
        weights = self.generator.trainable_weights
        self.generator_optimizer.apply(tape.gradient(fooled, weights), weights)
        return {"critic_loss": loss, "generator_loss": fooled}


def fit(model: Any, callbacks: list[Any], x: Any = X, y: Any = LABELS, **arguments: Any) -> Any:
    """Fit, in order and silently; return the history."""
    arguments = {"epochs": 2, "batch_size": BATCH, **arguments}
    history = model.fit(x, y, shuffle=False, verbose=0, callbacks=callbacks, **arguments)
    return history.history


def state(model: Any) -> list[np.ndarray]:
    """All numbers of a model and of its optimizers."""
    held = [v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)]
    variables = [*model.variables, *(v for optimizer in held for v in optimizer.variables)]
    return [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in variables]
