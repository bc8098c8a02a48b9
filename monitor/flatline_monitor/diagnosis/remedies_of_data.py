"""What to do about the data, with the numbers of the run, as Keras 3 code that runs.

`class_weight` and `sample_weight` are arguments of `fit`, not of `compile`.
"""

from dataclasses import replace

import numpy as np

from flatline_monitor.diagnosis.code import compiled, fitted, retrained, stack
from flatline_monitor.diagnosis.contract import Remedy
from flatline_monitor.diagnosis.facts import Facts
from flatline_monitor.diagnosis.measures_of_data import FAR
from flatline_monitor.runs.records import Task

MOST_WEIGHTS = 20
HIDDEN = ENOUGH = 32
PATIENCE = 5


def scale_inputs(facts: Facts) -> Remedy:
    """Normalization, or a division for pixels."""
    if not facts.inputs:
        return Remedy("Bring every input to mean 0 and standard deviation 1.")
    low, high, mean, std = max(facts.inputs, key=lambda x: max(abs(x[2]), x[3]))
    pixels = facts.whole_inputs and low >= 0 and high == np.iinfo(np.uint8).max
    layer = (
        "scaling = keras.layers.Rescaling(1 / 255)"
        if pixels
        else "scaling = keras.layers.Normalization()\nscaling.adapt(x_train)"
    )
    return Remedy(
        f"Inputs range over {low:.4g}..{high:.4g} (mean {mean:.3g}, standard deviation {std:.3g}); "
        + ("divide them by 255." if pixels else "bring each feature to mean 0 and deviation 1."),
        "\n".join(
            (
                f"{layer}  # inputs were {low:.4g}..{high:.4g}",
                "scaled = keras.Sequential([scaling, keras.models.clone_model(model)])",
                compiled(facts, "scaled"),
                fitted(facts, "scaled"),
            )
        ),
    )


def scale_targets(facts: Facts) -> Remedy:
    """Standardised targets, and the way back for predictions."""
    if facts.task is not Task.REGRESSION:
        return Remedy("Bring the targets to mean 0 and deviation 1, and predictions back.")
    deviation = "" if not facts.null_loss else f" (standard deviation {facts.null_loss**0.5:.3g})"
    return Remedy(
        f"Bring the targets to mean 0 and deviation 1{deviation}, and predictions back.",
        "\n".join(
            (
                "mean, deviation = np.mean(y_train, axis=0), np.std(y_train, axis=0)",
                retrained(facts).replace("y_train", "(y_train - mean) / deviation"),
                "predictions = fresh.predict(x_train, verbose=0) * deviation + mean",
            )
        ),
    )


def overfit_one_batch(facts: Facts) -> Remedy:
    """The test that tells a model that cannot learn from data that cannot be learned."""
    n = facts.batch_size or 32
    return Remedy(
        f"Look at some samples beside their labels, and over-fit one batch of {n}: if its loss "
        "comes near 0, model and optimizer work, and it is the labels or features that carry no "
        "information (shuffled apart, wrongly joined, wrongly encoded); if not, it is the model.",
        "\n".join(
            (
                f"few_x, few_y = x_train[:{n}], y_train[:{n}]",
                "fresh = keras.models.clone_model(model)",
                compiled(facts, "fresh"),
                "fresh.fit(few_x, few_y, epochs=300, verbose=0)",
                "print(fresh.evaluate(few_x, few_y, verbose=0))  # near 0: the model can learn",
                "print(list(zip(few_x[:5], few_y[:5])))  # does each label belong to its sample?",
            )
        ),
    )


def weigh_classes(facts: Facts) -> Remedy:
    """N / (K n_k) for each class, as scikit-learn's "balanced" has it."""
    total, seen = sum(facts.labels), [n for n in facts.labels if n]
    if len(seen) < 2:  # noqa: PLR2004 - one class needs no weights
        return Remedy("Weigh the classes by their rarity: fit(class_weight={...}).")
    weights = {k: f"{total / (len(seen) * n):.2f}" for k, n in enumerate(facts.labels) if n}
    shown = ", ".join(f"{k}: {w}" for k, w in weights.items())
    shares = ", ".join(f"{n / total:.1%}" for n in facts.labels[:5])
    code = f"class_weight = {{{shown}}}"
    if len(weights) > MOST_WEIGHTS:
        code = (
            "counts = np.bincount(np.ravel(y_train))\n"
            "class_weight = {k: counts.sum() / (len(counts) * max(n, 1)) "
            "for k, n in enumerate(counts)}"
        )
        shares += ", ..."
    return Remedy(
        f"Weigh the classes by their rarity (labels: {shares}); class_weight goes to fit. Watch "
        "the recall of each class instead of the accuracy. A bias of log(p / (1 - p)) in the last "
        "layer, or drawing rare samples more often, helps too.",
        "\n".join(
            (
                code,
                retrained(facts, ", class_weight=class_weight"),
            )
        ),
    )


def stop_early(facts: Facts) -> Remedy:
    """Keep the best weights, and wait no longer for better ones than these took; get more data."""
    patience = min(max(facts.best_epoch or PATIENCE, 2), PATIENCE)
    best = (
        "" if facts.best_epoch is None else f"The validation was best at epoch {facts.best_epoch}. "
    )
    size = (
        f" ({facts.parameters:,} parameters for about {facts.samples:,} samples)"
        if facts.samples
        else ""
    )
    return Remedy(
        f"{best}Stop there and keep those weights; more data, augmentation or a smaller model "
        f"gain more{size}.",
        "\n".join(
            (
                "stop = keras.callbacks.EarlyStopping(",
                f'    monitor="val_loss", patience={patience}, restore_best_weights=True',
                ")",
                retrained(facts, ", validation_split=0.2, callbacks=[stop]"),
            )
        ),
    )


def doubt_labels(facts: Facts) -> Remedy:
    """Stop early, and look at what the model gets wrong with confidence."""
    return Remedy(
        "Look at the training samples that the model got wrong longest: their labels may be wrong. "
        "Until they are mended, stop early.",
        stop_early(facts).code,
    )


def clean_data(facts: Facts) -> Remedy:
    """Find the bad samples, and leave them out."""
    where, far = "", ""
    if facts.input_outlier is not None:
        step, usual, _ = facts.input_outlier
        where = f" A batch's largest element is {usual:.3g}, but far more at step {step}."
        far = f"bad |= np.abs(values).max(axis=1) > {FAR * usual:.3g}  # usual is {usual:.3g}"
    if facts.bad_step is not None and facts.batch_size:
        per_epoch = (facts.plan_steps or 0) // (facts.plan_epochs or 1) or facts.bad_step + 1
        begin = facts.bad_step % per_epoch * facts.batch_size
        where += (
            f" It came with step {facts.bad_step}: without shuffling samples {begin} to "
            f"{begin + facts.batch_size - 1}."
        )
    return Remedy(
        f"Find the samples that are not finite{', or far out,' if far else ','} and drop or "
        f"impute them.{where} "
        "tf.debugging.check_numerics in the input pipeline names the next one.",
        "\n".join(
            (
                'values = np.asarray(x_train, "float64").reshape(len(x_train), -1)',
                'targets = np.asarray(y_train, "float64").reshape(len(y_train), -1)',
                "bad = ~(np.isfinite(values).all(axis=1) & np.isfinite(targets).all(axis=1))",
                *([far] if far else []),
                'print(bad.sum(), "bad samples, the first of them:", np.flatnonzero(bad)[:10])',
                "x_train, y_train = x_train[~bad], y_train[~bad]",
                retrained(facts),
            )
        ),
    )


def embed(facts: Facts) -> Remedy:
    """An embedding for names that were fed as numbers."""
    high = f"{facts.inputs[0][1]:.0f}" if facts.inputs else "..."
    code = stack(
        facts,
        facts.hidden_units or (HIDDEN,),
        before=("keras.layers.Embedding(int(np.max(x_train)) + 1, 8)", "keras.layers.Flatten()"),
    )
    return Remedy(
        f"If the numbers 0..{high} are names of things and not amounts, feed them through an "
        "embedding or one-hot.",
        code,
    )


def add_rows(_: Facts) -> Remedy:
    """As many rows as there are tokens."""
    return Remedy(
        "Give the embedding a row for each token: input_dim is the largest token + 1, and the "
        "word index of a Tokenizer begins at 1, so it is one more than there are words. Or let "
        "all rarer tokens be one of their own.",
        'rows = int(np.max(x_train)) + 1\nprint(f"keras.layers.Embedding({rows}, ...)")',
    )


def cut_batches(facts: Facts) -> Remedy:
    """Smaller batches: more updates."""
    now = facts.batch_size
    size = ENOUGH if now is None or now > 2 * ENOUGH else max(now // 4, 1)
    return Remedy(
        f"Use batches of {size}: {now or 'so many'} samples leave only one or two updates an "
        "epoch.",
        retrained(replace(facts, batch_size=size)),
    )


def shuffle(facts: Facts) -> Remedy:
    """Another order each epoch."""
    size = f" of {facts.samples:,} samples" if facts.samples else ""
    return Remedy(
        "Shuffle the training data anew for each epoch: fit(shuffle=True) does so for arrays; of a "
        "tf.data.Dataset, shuffle(buffer_size=...) must come before batch() and hold the whole "
        f"set{size}, or mix the files of the classes. Shuffle before you split.",
        "\n".join(
            (
                "order = np.random.default_rng(0).permutation(len(x_train))",
                "x_train, y_train = x_train[order], y_train[order]",
                retrained(facts, ", shuffle=True"),
            )
        ),
    )


def split_anew(facts: Facts) -> Remedy:
    """A validation set out of the training data, in no order."""
    return Remedy(
        "Prepare the validation set in the same steps as the training data (scaling, encoding of "
        "labels, order of channels), and shuffle before it is split off: validation_split takes "
        "the last samples of the arrays. With a fifth of the training data as the validation set, "
        "validation and training agree at first, or it is the model.",
        _held_out(facts),
    )


def drop_duplicates(facts: Facts) -> Remedy:
    """No sample twice, and then a validation set out of those that are left."""
    return Remedy(
        "Dropout, augmentation and noise in the labels make the training the harder task, and then "
        "all is well. Else look for samples that are in both sets, and for features that tell the "
        "label: drop duplicates before you split.",
        "\n".join(
            (
                "rows = np.asarray(x_train).reshape(len(x_train), -1)",
                "_, first = np.unique(rows, axis=0, return_index=True)",
                'print(len(x_train) - len(first), "samples are in the set more than once")',
                "x_train, y_train = x_train[np.sort(first)], y_train[np.sort(first)]",
                _held_out(facts),
            )
        ),
    )


def _held_out(facts: Facts) -> str:
    """Return code that trains on four fifths of the samples and validates on the others."""
    return "\n".join(
        (
            "order = np.random.default_rng(0).permutation(len(x_train))",
            "held, rest = np.split(order, [len(order) // 5])",
            "validation = (x_train[held], y_train[held])",
            "x_train, y_train = x_train[rest], y_train[rest]",
            retrained(facts, ", validation_data=validation"),
        )
    )


def check_change(facts: Facts) -> Remedy:  # noqa: ARG001 - a remedy like any other
    """Nothing to type: find what changed."""
    return Remedy(
        "Find what changed when the loss began to rise: the learning rate, the data or their "
        "order, the preprocessing, a checkpoint that was loaded without its optimizer state. Go "
        "back to the last good checkpoint and lower the learning rate."
    )
