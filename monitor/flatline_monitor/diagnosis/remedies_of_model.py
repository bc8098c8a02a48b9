"""What to do about the model and its optimizer, with the numbers of the run, as Keras 3 code."""

from flatline_monitor.detectors.update_ratio import UpdateRatio
from flatline_monitor.diagnosis.code import (
    afresh,
    clipped,
    compiled,
    fitted,
    planned_epochs,
    relayered,
    rounded,
    stack,
    without,
)
from flatline_monitor.diagnosis.contract import Remedy
from flatline_monitor.diagnosis.facts import Facts
from flatline_monitor.runs.records import Task

LARGE_RATIO = UpdateRatio().ceiling
ORDINARY_RATIO = 1e-3  # update / weight; Karpathy, CS231n notes, part 3
USUAL_RATE = 1e-3  # Adam's default
NO_DECAY = '"weight_decay": 0.0'
HIDDEN = 32


def lower_learning_rate(facts: Facts) -> Remedy:
    """A hundredth where the ratio is above 0.1 (0.3 becomes the usual 0.003), else a tenth."""
    rate, ratio = facts.learning_rate, _largest_ratio(facts)
    seen = "" if ratio is None else f"; the update ratio was {ratio:.2g}, usual is about 0.001"
    if rate is None:
        return Remedy(f"Divide the learning rate by 100{seen}.")
    new = rounded(_lower(rate, ratio))
    return Remedy(
        f"Learning rate {rate:g} -> {new}{seen}. Start from new weights. "
        "If it helps only in part, divide by 10 again, warm up over the first steps, or clip "
        "gradients with clipnorm=1.0.",
        afresh(facts, "learning_rate", new, f"was {rate:g}"),
    )


def raise_learning_rate(facts: Facts) -> Remedy:
    """As much as brings the largest update ratio to the usual 0.001."""
    rate, ratios = facts.learning_rate, facts.update_ratio
    if not rate or ratios is None or ratios[1] <= 0:
        return Remedy("Raise the learning rate; 0.001 is Adam's default, 0.01 SGD's.")
    new = rounded(min(rate * max(10.0, ORDINARY_RATIO / ratios[1]), 0.1))
    return Remedy(
        f"Learning rate {rate:g} -> {new}: the largest update ratio was {ratios[1]:.2g}, usual is "
        "about 0.001.",
        afresh(facts, "learning_rate", new, f"was {rate:g}"),
    )


def add_capacity(facts: Facts) -> Remedy:
    """Two hidden layers, or twice as wide ones."""
    units = facts.hidden_units
    wider = [max(HIDDEN, 2 * n) for n in units] or [HIDDEN, HIDDEN]
    depth = facts.depth
    now = f": it trains {facts.parameters} parameters in {depth} layer{'s' * (depth != 1)} now"
    return Remedy(
        f"Give the model hidden layers with a non-linear activation{now if depth else ''}.",
        stack(facts, wider),
    )


def regularize(facts: Facts) -> Remedy:
    """Weight decay and dropout."""
    return Remedy(
        "Add L2 regularisation (1e-4) and dropout (0.3) to the hidden layers, or augment the data.",
        stack(
            facts,
            facts.hidden_units,
            options='activation="relu", kernel_regularizer=keras.regularizers.L2(1e-4)',
            after="keras.layers.Dropout(0.3)",
        ),
    )


def regularize_less(facts: Facts) -> Remedy:
    """A hundredth of the present factor, which follows from the terms and the norm."""
    share = facts.regularization_share or 0.0
    factor = _l2(facts)
    new = rounded(min(factor / 100, 1e-3)) if factor else "0.0001"
    present = f" (an L2 factor of about {rounded(factor)})" if factor else ""
    return Remedy(
        f"Regularisation was up to {share:.0%} of the loss{present}; lower it to {new}, weight "
        "decay to nothing, and dropout to 0.2 or less.",
        stack(
            facts,
            facts.hidden_units,
            options=f'activation="relu", kernel_regularizer=keras.regularizers.L2({new})',
            setting=NO_DECAY,
        )
        or relayered(
            facts,
            without("regularizer"),
            'if "rate" in settings:  # of dropout',
            '    settings["rate"] = min(settings["rate"], 0.2)',
            setting=NO_DECAY,
        ),
    )


def unsaturate(facts: Facts) -> Remedy:
    """ReLU, He initialisation, batch normalisation; a usual rate where it was lower."""
    gap, rate = facts.gradient_gap, facts.learning_rate
    seen = "" if gap is None else f"; the gradient shrinks by {gap:.1f} decades over the depth"
    is_low = rate is not None and float(rounded(rate)) < USUAL_RATE
    usual = f" Raise the learning rate: {rate:g} -> {USUAL_RATE:g}." if is_low else ""
    return Remedy(
        f"Use ReLU or GELU with He initialisation and batch normalisation in place of sigmoid or "
        f"tanh, or fewer layers than {facts.depth}{seen}.{usual}",
        stack(
            facts,
            facts.hidden_units,
            options='activation="relu", kernel_initializer="he_normal"',
            after="keras.layers.BatchNormalization()",
            setting=f'"learning_rate": {USUAL_RATE:g}' if is_low else "",
        ),
    )


def initialize(facts: Facts) -> Remedy:
    """Back to the defaults."""
    return Remedy(
        "Use He (ReLU) or Glorot (the default) initialisation; neither zeros nor large numbers.",
        stack(
            facts,
            facts.hidden_units or (HIDDEN,),
            options='activation="relu", kernel_initializer="he_normal"',
        )
        or relayered(facts, without("_initializer")),
    )


def train_longer(facts: Facts) -> Remedy:
    """Five times as long."""
    epochs = 5 * planned_epochs(facts)
    gain = (
        ""
        if not facts.improving
        else f": each epoch still improves the loss by {facts.improving:.1%}"
    )
    return Remedy(
        f"Train longer, for {epochs} epochs instead of {planned_epochs(facts)}{gain}.",
        fitted(facts, epochs=epochs),
    )


def revive_units(facts: Facts) -> Remedy:
    """A negative slope, and a smaller step where it was larger than usual."""
    rate, new = facts.learning_rate, ""
    if rate is not None and float(rounded(rate)) > USUAL_RATE:
        new = rounded(max(_lower(rate, _largest_ratio(facts)), USUAL_RATE))
    return Remedy(
        "Units that are never active get no gradient: use leaky ReLU or GELU, He initialisation "
        f"and a lower learning rate{f' ({rate:g} -> {new})' if new else ''}.",
        relayered(
            facts,
            'if settings.get("activation") == "relu":',
            '    settings["activation"] = "leaky_relu"',
            'if "negative_slope" in settings:  # of a ReLU that is a layer',
            '    settings["negative_slope"] = 0.2',
            'if "kernel_initializer" in settings:',
            '    settings |= {"kernel_initializer": "he_normal", "bias_initializer": "zeros"}',
            setting=f'"learning_rate": {new}' if new else "",
        ),
    )


def fit_last_layer(facts: Facts) -> Remedy:
    """The pairs of last layer and loss that belong together."""
    units = f", {facts.output_units} output(s)" if facts.output_units else ""
    name = f" (now: {facts.loss_name}{units})" if facts.loss_name else ""
    return Remedy(
        "Pair the last layer with the loss: 1 unit with sigmoid and binary_crossentropy; K units "
        "with softmax and sparse_categorical_crossentropy for labels 0..K-1, "
        f"categorical_crossentropy for one-hot ones; no activation with mse{name}. A softmax over "
        "one unit is always 1.",
        _paired(facts),
    )


def _paired(facts: Facts) -> str:
    """Return code for the run's layers with an output and a loss that fit the labels."""
    if facts.labels_outside or "labels_out_of_range" in facts.faults:
        last = 'keras.layers.Dense(len(classes), activation="softmax")'
        code = stack(facts, facts.hidden_units, last=last, loss='"sparse_categorical_crossentropy"')
        numbered = "classes, y_train = np.unique(np.ravel(y_train), return_inverse=True)  # 0..K-1"
        return f"{numbered}\n{code}" if code else ""
    if facts.task not in {Task.CLASSIFICATION, Task.MULTILABEL}:
        loss = '"mse"' if "crossentropy" in facts.loss_name else "model.loss"
    elif facts.task is Task.MULTILABEL or facts.output_units == 1:
        loss = '"binary_crossentropy"'
    else:
        sparse = "sparse_" * ("sparse" in facts.loss_name)
        loss = f'"{sparse}categorical_crossentropy"'
    return stack(facts, facts.hidden_units, loss=loss)


def train_layers(facts: Facts) -> Remedy:
    """Thaw them, and look for what cuts them off."""
    paths = facts.untrained
    cut = f"No gradient reaches {', '.join(paths)}. " if paths else ""
    n = facts.fixed
    layers = f"{n} layers" if n > 1 else "a layer"
    frozen = f"The program has frozen {layers}: right only after a training before. " if n else ""
    return Remedy(
        f"{cut}{frozen}Look for stop_gradient, argmax, round or NumPy between a layer and the "
        "loss; a train_step of your own gives the optimizer all of model.trainable_variables; "
        "after a change of trainable the model is compiled anew.",
        "\n".join(
            (
                "model.trainable = True  # and all of its layers",
                compiled(facts, "model"),
                "print([variable.path for variable in model.trainable_variables])",
                fitted(facts),
            )
        ),
    )


def clip_gradients(facts: Facts) -> Remedy:
    """By the norm of each variable."""
    return Remedy(
        "Clip gradients at a norm of 1, and look for outliers in the batches of those steps.",
        clipped(facts, "clipnorm", "1.0"),
    )


def _lower(rate: float, ratio: float | None) -> float:
    """Return a rate that suits updates of this size, as shares of their weights."""
    return rate / (100 if ratio is None or ratio > LARGE_RATIO else 10)


def _largest_ratio(facts: Facts) -> float | None:
    seen = [facts.first_update_ratio, facts.update_ratio[1] if facts.update_ratio else None]
    return max((ratio for ratio in seen if ratio is not None), default=None)


def _l2(facts: Facts) -> float:
    """Return the factor that all kernels would have if they were under the same L2; 0: unknown."""
    if not (facts.regularization and facts.kernel_norm):
        return 0.0
    return facts.regularization / facts.kernel_norm**2
