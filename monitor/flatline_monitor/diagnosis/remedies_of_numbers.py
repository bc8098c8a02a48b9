"""What to do about numbers that cannot be, signs and moving means, as Keras 3 code."""

from dataclasses import replace

from flatline_monitor.diagnosis.code import compiled, fitted, retrained
from flatline_monitor.diagnosis.contract import Remedy
from flatline_monitor.diagnosis.facts import Facts

ENOUGH = 32


def find_bad_numbers(facts: Facts) -> Remedy:
    """The first layer whose output is not finite, and where to look in the loss."""
    where = "" if facts.bad_step is None else f", first at step {facts.bad_step}"
    return Remedy(
        f"Look for a logarithm of 0, a root of 0 (its slope is infinite), a quotient by 0 or an "
        f"exponential{where}: add 1e-7 inside, or take from_logits=True. In float16 use "
        "mixed_bfloat16, or leave the loss scale to Keras (auto_scale_loss=True, "
        "optimizer.scale_loss in a train_step of your own).",
        "\n".join(
            (
                "inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]",
                "probe = keras.Model(inputs, [layer.output for layer in model.layers])",
                f"outputs = keras.tree.flatten(probe(x_train[:{facts.batch_size or ENOUGH}]))",
                "for output in map(keras.ops.convert_to_numpy, outputs):",
                '    print(output.dtype, "from", output.min(), "to", output.max())',
                "stop = keras.callbacks.TerminateOnNaN()",
                retrained(facts, ", callbacks=[stop]"),
            )
        ),
    )


def turn_signs(facts: Facts) -> Remedy:
    """A penalty is added to the loss, and is not below zero."""
    terms = facts.regularization
    seen = f" (they are {terms:.3g} now)" if terms is not None and terms < 0 else ""
    return Remedy(
        f"Training makes the loss small: what is to be small is added with a plus, what is to be "
        f"large with a minus. Regularisation terms must not be below zero{seen}.",
        "\n".join(
            (
                "print([float(term) for term in model.losses])  # none of them below zero",
                retrained(facts),
            )
        ),
    )


def mend_normalisation(facts: Facts) -> Remedy:
    """Larger batches, and means that follow."""
    size = max(facts.batch_size or ENOUGH, ENOUGH)
    steps = (
        ""
        if facts.plan_steps is None
        else f": after {facts.plan_steps:,} steps a momentum of 0.99 has followed for 100 of them"
    )
    return Remedy(
        f"Train in batches of {size} or more with a momentum of 0.9, so that the moving means "
        f"follow what the layers see{steps}; or take LayerNormalization, which has none. In a "
        "train_step of your own call the model with training=True.",
        "\n".join(
            (
                "fresh = keras.models.clone_model(model)",
                "for layer in fresh.layers:",
                "    if isinstance(layer, keras.layers.BatchNormalization):",
                "        layer.momentum = 0.9",
                compiled(facts, "fresh"),
                fitted(replace(facts, batch_size=size), "fresh"),
            )
        ),
    )
