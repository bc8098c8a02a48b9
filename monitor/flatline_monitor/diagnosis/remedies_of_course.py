"""What to do about the course of a training, with the numbers of the run, as Keras 3 code."""

from flatline_monitor.diagnosis.code import afresh, planned_epochs
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
        f"model.fit(x_train, y_train, epochs={planned_epochs(facts)}, batch_size={ENOUGH})",
    )
