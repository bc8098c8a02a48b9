"""Pieces of Keras 3 code for remedies, with the numbers of a run.

They go by the names that programs use: model, x_train, y_train. Layers are built anew where a
change needs fresh weights.
"""

from collections.abc import Sequence

from flatline_monitor.diagnosis.facts import Facts
from flatline_monitor.runs.records import Task

MOST_LAYERS = 32
SAME_OPTIMIZER = "model.optimizer.from_config(model.optimizer.get_config())"
"""The run's optimizer again, without what it has learned: a remedy changes what it says, and no
more."""
_CONFIG = "**model.optimizer.get_config()"
OTHER_OPTIMIZER = "model.optimizer.from_config(settings)"


def compiled(
    facts: Facts, name: str, optimizer: str = SAME_OPTIMIZER, loss: str = "model.loss"
) -> str:
    """Return the line that compiles the model `name` with the loss and optimizer that it had."""
    scores = facts.task in {Task.CLASSIFICATION, Task.MULTILABEL}
    metrics = ', metrics=["accuracy"]' if scores else ""
    return f"{name}.compile({optimizer}, loss={loss}{metrics})"


def fitted(facts: Facts, name: str = "model", extra: str = "", epochs: int | None = None) -> str:
    """Return the line that trains the model `name` as the run did."""
    size = f", batch_size={facts.batch_size}" if facts.batch_size else ""
    return f"{name}.fit(x_train, y_train, epochs={epochs or planned_epochs(facts)}{size}{extra})"


def planned_epochs(facts: Facts) -> int:
    """Return the epochs that the run planned, 20 where nobody knows."""
    return facts.plan_epochs or 20


def retrained(facts: Facts, extra: str = "") -> str:
    """Return the lines that train a clone of the model, `fresh`, from new weights."""
    lines = (
        "fresh = keras.models.clone_model(model)",
        compiled(facts, "fresh"),
        fitted(facts, "fresh", extra),
    )
    return "\n".join(lines)


def afresh(facts: Facts, setting: str, value: str, comment: str) -> str:
    """Return code that trains the same layers from new weights, the optimizer's setting changed."""
    return "\n".join(
        (
            f'settings = {{{_CONFIG}, "{setting}": {value}}}  # {comment}',
            "fresh = keras.models.clone_model(model)  # the same layers with new weights",
            compiled(facts, "fresh", OTHER_OPTIMIZER),
            fitted(facts, "fresh"),
        )
    )


def clipped(facts: Facts, setting: str, limit: str) -> str:
    """Return code that trains the same layers from new weights under this clipping alone."""
    return "\n".join(
        (
            "settings = model.optimizer.get_config()",
            'clipping = ["clipnorm", "clipvalue", "global_clipnorm"]',
            f'settings |= {{**dict.fromkeys(clipping), "{setting}": {limit}}}  # one at most',
            "fresh = keras.models.clone_model(model)  # the same layers with new weights",
            compiled(facts, "fresh", OTHER_OPTIMIZER),
            fitted(facts, "fresh"),
        )
    )


def relayered(facts: Facts, *changes: str, setting: str = "") -> str:
    """Return code that trains the same layers with other settings, which `changes` make.

    They are statements about `settings`, what the layer is made by; the one of the optimizer that
    differs is `setting`.
    """
    return "\n".join(
        (
            "def other(layer):",
            "    settings = layer.get_config()",
            *(f"    {change}" for change in changes),
            "    return type(layer).from_config(settings)",
            "fresh = keras.models.clone_model(model, clone_function=other)",
            *([f"settings = {{{_CONFIG}, {setting}}}"] if setting else []),
            compiled(facts, "fresh", OTHER_OPTIMIZER if setting else SAME_OPTIMIZER),
            fitted(facts, "fresh"),
        )
    )


def without(ending: str) -> str:
    """Return the statement that sets what ends so back to what Keras takes by itself."""
    kept = f'not name.endswith("{ending}")'
    return f"settings = {{name: value for name, value in settings.items() if {kept}}}"


def stack(  # noqa: PLR0913 - each is a change that some remedy makes, and has a default
    facts: Facts,
    units: Sequence[int],
    *,
    options: str = 'activation="relu"',
    after: str = "",
    before: Sequence[str] = (),
    last: str = "",
    loss: str = "model.loss",
    setting: str = "",
) -> str:
    """Return code for a stack of dense layers of these widths with the run's own output.

    `options` go into each hidden layer, the layer `after` stands after it, those `before` in
    front of all; `last`, `loss` and `setting` are another output layer, loss and setting of the
    optimizer. Empty for a model that is not dense: its author knows better where to change it.
    """
    if not facts.is_stack or not facts.output_units:
        return ""
    hidden = (
        f"for units in {tuple(units[:MOST_LAYERS])}:",
        f"    better.add(keras.layers.Dense(units, {options}))",
        *([f"    better.add({after})"] if after else []),
    )
    return "\n".join(
        (
            "better = keras.Sequential([keras.Input(x_train.shape[1:])])",
            *(f"better.add({layer})" for layer in before),
            *(hidden if units else ()),
            f"better.add({last or output(facts)})",
            *([f"settings = {{{_CONFIG}, {setting}}}"] if setting else []),
            compiled(facts, "better", OTHER_OPTIMIZER if setting else SAME_OPTIMIZER, loss),
            fitted(facts, "better"),
        )
    )


def output(facts: Facts) -> str:
    """Return the output layer that fits the run's task and loss."""
    units = facts.output_units or 1
    if facts.task not in {Task.CLASSIFICATION, Task.MULTILABEL}:
        return f"keras.layers.Dense({units})"
    single = units == 1 or facts.task is Task.MULTILABEL
    return f'keras.layers.Dense({units}, activation="{"sigmoid" if single else "softmax"}")'


def rounded(value: float) -> str:
    """Return a number with one significant digit, as people write settings."""
    return f"{float(f'{value:.0e}'):g}"
