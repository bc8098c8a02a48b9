"""Made-up runs with a known illness, and healthy ones, and the alerts that they lead to."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from flatline_monitor.runs.model import Layer, Model
from flatline_monitor.runs.records import Hello, LossKind, StreamKey, Task
from tests.columns import PATHS, Signals

STREAM = StreamKey("run-1", 0, 0)
STEPS = 400
BATCH = 32
HELLO = Hello(
    run_id="run-1",
    name="example",
    plan_steps=STEPS,
    plan_epochs=STEPS // 20,
    batch_size=BATCH,
    task=Task.CLASSIFICATION,
    loss_kind=LossKind.CROSS_ENTROPY,
    class_count=2,
)


def classes(steps: int, labels: list[int], predicted: list[int], correct: list[int]):
    """Columns of counts that are the same on every step."""
    table = {"label_count": labels, "prediction_count": predicted, "correct_count": correct}
    return {name: np.tile(np.array(row, np.uint32), (steps, 1)) for name, row in table.items()}


def run(  # noqa: PLR0913 - each is one thing that can be ill
    *,
    loss: np.ndarray | None = None,
    gradient: np.ndarray | None = None,
    counts: Mapping[str, np.ndarray] | None = None,
    hello: Hello = HELLO,
    steps: int = STEPS,
    seed: int = 0,
    scale: float = 1.0,
) -> Signals:
    """A healthy run that learns two classes, except for what is given."""
    rng = np.random.default_rng(seed)
    t = np.arange(steps)
    noise = rng.lognormal(sigma=0.1, size=(steps, len(PATHS)))
    usual = 0.7 * np.exp(-t / (steps / 8)) * rng.lognormal(sigma=0.05, size=steps) + 0.01
    loss = (usual if loss is None else loss) * scale
    norms = (np.ones(len(PATHS)) if gradient is None else gradient) * noise * scale
    columns = {
        "data_loss": loss,
        "regularization_loss": np.zeros(steps),
        "global_grad_norm": np.sqrt((norms**2).sum(axis=1)),
        "clip_ratio": np.ones(steps),
        "grad_norm": norms,
        "update_norm": 1e-3 * noise,
        "weight_norm": np.ones((steps, len(PATHS))),
        "input_mean": np.zeros((steps, 1)),
        "input_std": np.ones((steps, 1)),
        "activation_mean": np.full((steps, 3), 0.5),
        "activation_std": np.ones((steps, 3)),
        "dead_unit_share": np.zeros((steps, 1)),
        "saturated_unit_share": np.zeros((steps, 1)),
    }
    usual_counts = classes(steps, [16, 16], [16, 16], [14, 14])
    return Signals(
        hello,
        loss.astype(np.float32),
        {
            **{name: column.astype(np.float32) for name, column in columns.items()},
            "sample_count": np.full(steps, BATCH, np.uint32),
            "input_nonfinite_count": np.zeros((steps, 1), np.uint32),
            **(usual_counts if counts is None else counts),
        },
    )


def flat(level: float, steps: int = STEPS, seed: int = 3) -> np.ndarray:
    """A loss that stays where it is, with noise."""
    return level * np.random.default_rng(seed).lognormal(sigma=0.01, size=steps)


def not_finite() -> Signals:
    """One nan in the input at step 150, and nothing is finite from there on."""
    signals = run()
    loss = signals.loss.copy()
    loss[150:] = np.nan
    columns = {name: column.copy() for name, column in signals.sampled.items()}
    for name in ("data_loss", "global_grad_norm", "grad_norm", "weight_norm", "update_norm"):
        columns[name][150:] = np.nan
    columns["input_nonfinite_count"][150] = 1
    return dataclasses.replace(signals, loss=loss, sampled=columns)


def guessing() -> Signals:
    """Two even classes, a loss at ln 2 and every second answer right."""
    counts = classes(STEPS, [16, 16], [15, 17], [8, 8])
    return run(loss=flat(np.log(2)), counts=counts)


def collapsed() -> Signals:
    """Nine of ten labels are class 0, and so are all predictions."""
    return run(loss=flat(0.32), counts=classes(STEPS, [29, 3], [32, 0], [29, 0]))


def vanishing(decades: float = 6.0) -> Signals:
    """Gradient norms fall from the last layer to the first by so many decades."""
    gradient = np.repeat(np.logspace(-decades, 0, len(PATHS) // 2), 2)
    return run(gradient=gradient, loss=flat(np.log(2)))


def rising(factor: float = 3.0) -> np.ndarray:
    """A loss that falls to its best at half of the run and then grows to so many times that."""
    t = np.arange(STEPS) / STEPS
    return 0.3 + 0.4 * np.exp(-t * 12) + np.maximum(t - 0.5, 0) * 0.6 * (factor - 1)


def resting(level: float = 0.35) -> np.ndarray:
    """A loss that falls to its half within a fifth of the run, and no further."""
    return flat(level) + 0.35 * np.exp(-np.arange(STEPS) / 20)


def spiked(height: float = 3.0, over: int = STEPS) -> np.ndarray:
    """A loss that jumps at step 330, for so many steps."""
    loss = flat(0.3)
    loss[330 : 330 + over] = height
    return loss


def swinging(by: float = 0.3) -> np.ndarray:
    """A loss that is higher by so much in every second epoch of twenty steps."""
    return np.asarray(flat(0.3) + by * (np.arange(STEPS) // 20 % 2))


def badly_begun() -> Signals:
    """A first loss of fifteen nats, and ln 2 ever after."""
    loss = flat(np.log(2))
    loss[:8] = 15.0
    return run(loss=loss, counts=classes(STEPS, [16, 16], [15, 17], [8, 8]))


def unscaled(size: float = 100.0) -> Signals:
    """Inputs of a hundred times the usual size."""
    column = np.full((STEPS, 1), size, np.float32)
    return run().with_columns(
        input_mean=0.5 * column, input_std=0.3 * column, input_min=0 * column, input_max=column
    )


def exploding(factor: float = 1e4) -> Signals:
    """The gradients of the last steps are so many times the usual ones."""
    signals = run()
    growth = np.ones(STEPS, np.float32)
    growth[-15:] = factor
    columns = {name: signals.sampled[name] for name in ("global_grad_norm", "grad_norm")}
    return signals.with_columns(
        global_grad_norm=columns["global_grad_norm"] * growth,
        grad_norm=columns["grad_norm"] * growth[:, None],
    )


def updating(ratio: float) -> Signals:
    """Every step changes each variable by this share of its size, and the loss stays."""
    column = np.full((STEPS, len(PATHS)), ratio, np.float32)
    return run(loss=flat(np.log(2))).with_columns(update_norm=column)


def stuck(column: str, share: float = 1.0) -> Signals:
    """So many units of a layer are dead, or saturated, and the loss stays."""
    return run(loss=flat(np.log(2))).with_columns(**{column: np.full((STEPS, 1), share, "f4")})


def never_updated(*variables: int) -> Signals:
    """No step changes these variables, although they have gradients, and the loss stays."""
    signals = run(loss=flat(np.log(2)))
    updates = signals.sampled["update_norm"].copy()
    updates[:, variables] = 0
    return signals.with_columns(update_norm=updates)


def growing(factor: float = 100.0) -> Signals:
    """The weights grow to so many times of what they began with, and the loss stays."""
    growth = np.geomspace(1, factor, STEPS, dtype=np.float32)[:, None]
    weights = np.full((STEPS, len(PATHS)), 4.0, np.float32) * growth
    return run(loss=flat(np.log(2))).with_columns(weight_norm=weights)


def memorising() -> Signals:
    """The training loss falls to nothing and the validation loss rises from epoch 5 on."""
    return dataclasses.replace(run(), validation=(0.6, 0.5, 0.4, 0.35, 0.3, *np.arange(4, 19) / 10))


def starved() -> Signals:
    """One class of four is never predicted, and the others nearly always rightly."""
    return run(counts=classes(STEPS, [8, 8, 8, 8], [10, 0, 11, 11], [7, 0, 7, 7]))


def softmax_twice(confidence: float = 0.72) -> Signals:
    """Every answer is right, and none is surer than e / (e + 1); the loss stays at its floor."""
    signals = run(loss=flat(0.33), counts=classes(STEPS, [16, 16], [16, 16], [16, 16]))
    return signals.with_columns(confidence=np.full(STEPS, confidence, np.float32))


def in_order(length: int = 10) -> Signals:
    """So many steps of the one class, and so many of the other."""
    first = np.arange(STEPS) // length % 2 == 0
    labels = 32 * np.stack([first, ~first], axis=1).astype(np.uint32)
    counts = {"label_count": labels, "prediction_count": labels, "correct_count": labels // 2}
    return run(loss=flat(0.6), counts=counts)


def too_good() -> Signals:
    """The validation is all right and the training is not."""
    good = tuple(0.5 / n + 0.1 for n in range(1, 21))
    return dataclasses.replace(run(), validation=good, scores=(0.999,) * len(good))


def clipped(left: float = 0.001, share: float = 1.0) -> Signals:
    """Clipping leaves so much of this share of the gradients, and the loss stays."""
    ratios = np.where(np.arange(STEPS) % 100 < 100 * share, left, 1.0).astype(np.float32)
    return run(loss=flat(np.log(2))).with_columns(clip_ratio=ratios)


def weighed_down(terms: float = 2.0) -> Signals:
    """Regularisation adds so much to a loss that stays."""
    column = np.full(STEPS, terms, np.float32)
    signals = run(loss=flat(np.log(2))).with_columns(regularization_loss=column)
    return dataclasses.replace(signals, loss=signals.loss + column)


def jolted(factor: float = 20.0, every: int = 2) -> Signals:
    """Of the last steps each so many-th changes the first layer by so many times the usual."""
    signals = run()
    updates = signals.sampled["update_norm"].copy()
    updates[-1 : -every - 2 : -every, 0] *= factor
    return signals.with_columns(update_norm=updates)


def slowed(seconds: float = 0.5, since: int = 200) -> Signals:
    """From this step on each step takes so long, in place of ten milliseconds."""
    times = np.where(np.arange(STEPS) < since, 0.01, seconds)
    return dataclasses.replace(run(), seconds=times)


def misbuilt(rate: float = 0.9) -> Signals:
    """A dropout that leaves out nearly everything, in a run that learns all the same."""
    return dataclasses.replace(run(), model=Model((Layer("dropout", "Dropout", rate=rate),)))


SICK = {
    "non_finite": not_finite(),
    "init_loss": badly_begun(),
    "input_scale": unscaled(),
    "stagnation": run(loss=flat(np.log(2))),
    "plateau": run(loss=resting()),
    "no_skill": guessing(),
    "class_collapse": collapsed(),
    "starved_class": starved(),
    "loss_accuracy_inconsistency": softmax_twice(),
    "not_shuffled": in_order(),
    "vanishing_gradient": vanishing(),
    "dead_units": stuck("dead_unit_share"),
    "saturated_activations": stuck("saturated_unit_share"),
    "frozen_layer": never_updated(0, 1),
    "weight_growth": growing(),
    "gradient_explosion": exploding(),
    "loss_spike": run(loss=spiked()),
    "divergence": run(loss=rising()),
    "oscillation": run(loss=swinging()),
    "lr_schedule": run(loss=flat(np.log(2))),
    "update_ratio": updating(0.3),
    "update_spike": jolted(),
    "clip_saturation": clipped(),
    "over_regularised": weighed_down(),
    "overfitting": memorising(),
    "suspicious_validation": too_good(),
    "slow_steps": slowed(),
    "preflight": misbuilt(),
}
"""An illness for each detector; its own alert must fire, others may."""

SOUND = Model((Layer("dense", "Dense", "relu", 16),))
HEALTHY = {
    name: dataclasses.replace(signals, model=SOUND)
    for name, signals in {
        "learns": dataclasses.replace(run(), validation=tuple(0.5 / n + 0.1 for n in range(1, 21))),
        "learns from other data": run(seed=7),
        "converged": run(loss=flat(0.01), gradient=np.full(len(PATHS), 1e-9)),
        "imbalanced, predicted in proportion": run(
            counts=classes(STEPS, [29, 3], [29, 3], [28, 2])
        ),
        "learns with uneven gradients": run(gradient=np.repeat(np.logspace(-5, 0, 6), 2)),
        "regression that learns": run(
            hello=dataclasses.replace(
                HELLO, task=Task.REGRESSION, loss_kind=LossKind.SQUARED_ERROR, class_count=None
            ),
            counts={
                "target_mean": np.zeros((STEPS, 1), np.float32),
                "target_variance": np.ones((STEPS, 1), np.float32),
            },
        ),
    }.items()
}
