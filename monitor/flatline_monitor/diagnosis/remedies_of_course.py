"""What to do about the course of a training, with the numbers of the run, as Keras 3 code."""

from dataclasses import replace

from flatline_monitor.diagnosis.code import (
    afresh,
    clipped,
    compiled,
    fitted,
    planned_epochs,
    retrained,
    rounded,
)
from flatline_monitor.diagnosis.contract import Remedy
from flatline_monitor.diagnosis.facts import Facts

USUAL_RATE, HIGHEST_RATE = 1e-3, 1e-2  # Adam's default; SGD's
ENOUGH = 32


def mend_schedule(facts: Facts) -> Remedy:
    """One cosine over all of the planned steps."""
    rate = min(facts.learning_rate or USUAL_RATE, HIGHEST_RATE)
    steps = facts.plan_steps or facts.step + 1
    return Remedy(
        f"Schedules count batches, not epochs: this run has {steps} of them. Let the rate fall "
        f"from {rate:g} over all of them, with no stage above it.",
        afresh(
            facts,
            "learning_rate",
            f"keras.optimizers.schedules.CosineDecay({rate:g}, {steps})",
            "over the whole plan",
        ),
    )


def enlarge_batches(facts: Facts) -> Remedy:
    """Batches of 32."""
    now = f" instead of {facts.batch_size}" if facts.batch_size else ""
    return Remedy(
        f"Use batches of {ENOUGH}{now}, or lower the learning rate: the noise of an update falls "
        "with either.",
        retrained(replace(facts, batch_size=ENOUGH)),
    )


def take_adam(facts: Facts) -> Remedy:
    """A rate for each weight, by what its gradients are like."""
    rate = "" if facts.learning_rate is None else f" at {facts.learning_rate:g}"
    return Remedy(
        f"The run descends by the plain gradient{rate}; Adam at {USUAL_RATE:g} gives each weight a "
        "step of its own, which matters where layers differ.",
        "\n".join(
            (
                "fresh = keras.models.clone_model(model)  # the same layers with new weights",
                compiled(facts, "fresh", f"keras.optimizers.Adam({USUAL_RATE:g})"),
                fitted(facts, "fresh"),
            )
        ),
    )


def clip_less(facts: Facts) -> Remedy:
    """At twice the usual norm, which leaves most gradients as they are."""
    limit = rounded(2 * facts.gradient_norm) if facts.gradient_norm else "1.0"
    left = facts.clip_ratio
    now = "" if left is None else f" leaves {left:.2g} of their norm, and"
    return Remedy(
        f"Clipping is for single outliers: here it cuts nearly all gradients,{now} sets the size "
        f"of each step. Clip at {limit}, twice the usual norm, or not at all.",
        clipped(facts, "global_clipnorm", limit),
    )


def fetch_ahead(facts: Facts) -> Remedy:
    """Keep what was read, and read the next batches while the model trains."""
    size = facts.batch_size or ENOUGH
    return Remedy(
        "Look whether something else keeps the machine, its disk or its network busy. If not, "
        "cache what is read and decoded, map with num_parallel_calls, and prefetch: then batches "
        "are made while the model trains.",
        "\n".join(
            (
                "import tensorflow as tf",
                "data = tf.data.Dataset.from_tensor_slices((x_train, y_train)).cache()",
                f"data = data.shuffle(len(x_train)).batch({size}).prefetch(tf.data.AUTOTUNE)",
                f"model.fit(data, epochs={planned_epochs(facts)}, shuffle=False)  # data does",
            )
        ),
    )
