"""Faults in what a model is fed with, how, and how far each step goes."""

import math

from flatline_monitor.detectors.contract import Evidence, Side
from flatline_monitor.detectors.faults import Broken, Rule, Setup
from flatline_monitor.runs.model import Array, Feature

_RANGES = {
    "SGD": (1e-5, 1.0),
    "RMSprop": (1e-6, 0.02),
    "Adam": (1e-6, 0.02),
    "AdamW": (1e-6, 0.02),
    "Adamax": (1e-6, 0.05),
    "Nadam": (1e-6, 0.02),
    "Adagrad": (1e-4, 1.0),
    "Adadelta": (0.01, 2.0),
    "Lion": (1e-7, 1e-3),
}
"""Learning rates that are used; Adadelta's default in Keras, .001, is a thousandth of its author's.

Sources: Zeiler (2012) for Adadelta, Chen et al. (2023) for Lion, Bengio (2012), section 3.1.1, and
for the others our gallery.
"""
_WIDE, _UNLIKE = 10.0, 1000.0
"""Spread of a feature that plain descent does not bear; how much wider one is than another."""
_PIXELS, _MOMENTUM = 30, 0.99
_FEW_KINDS, _SHARE_OF_KINDS = 50, 0.1
_MANY, _TENTH, _TINY = 100, 0.1, 2
_FEW_UPDATES = 100


def rate_above_range(setup: Setup) -> Broken | None:
    """The learning rate is higher than this optimizer is used with."""
    rate, usual = _rates(setup)
    if not rate > usual[1] * (1 + 1e-6):
        return None
    return Broken(
        f"a learning rate of {rate:g} is high for {_optimizer(setup)}: {usual[0]:g} to "
        f"{usual[1]:g} is usual",
        Evidence("learning_rate", rate, usual[1]),
    )


def rate_below_range(setup: Setup) -> Broken | None:
    """It is lower than that."""
    rate, usual = _rates(setup)
    if not rate < usual[0] * (1 - 1e-6):
        return None
    return Broken(
        f"a learning rate of {rate:g} is low for {_optimizer(setup)}: {usual[0]:g} to "
        f"{usual[1]:g} is usual",
        Evidence("learning_rate", rate, usual[0], fires=Side.BELOW),
    )


def momentum_high(setup: Setup) -> Broken | None:
    """Each step is a mean over hundreds, and runs on when it should turn.

    Source: Goodfellow et al. (2016), Deep Learning, section 8.3.2: .5, .9 and .99 are common.
    """
    momentum = 0.0 if setup.model.optimizer is None else setup.model.optimizer.momentum or 0.0
    if momentum <= _MOMENTUM * (1 + 1e-6):
        return None
    return Broken(
        f"a momentum of {momentum:g} makes each step {1 / max(1 - momentum, 1e-9):.3g} times as "
        "long as its gradient; 0.9 is usual",
        Evidence("momentum", momentum, _MOMENTUM),
    )


def plain_descent_of_wide_inputs(setup: Setup) -> Broken | None:
    """Gradient descent without momentum of steps on inputs far from unit size.

    Source: LeCun et al. (1998), Efficient BackProp, section 4.3.
    """
    optimizer, spread = setup.model.optimizer, _widest(setup)
    if optimizer is None or optimizer.name != "SGD" or spread <= _WIDE or _normalised(setup):
        return None
    return Broken(
        f"the inputs spread by up to {spread:.3g}, and plain gradient descent takes each as it is",
        Evidence("largest_input_std", spread, _WIDE),
    )


def features_of_unlike_size(setup: Setup) -> Broken | None:
    """One feature is a thousand times as wide as another."""
    spreads = [each.std for each in _features(setup) if math.isfinite(each.std) and each.std > 0]
    if len(spreads) < 2 or _normalised(setup):  # noqa: PLR2004 - one to another
        return None
    ratio = max(spreads) / min(spreads)
    if ratio <= _UNLIKE or max(spreads) < 1:
        return None
    return Broken(
        f"the widest feature spreads {ratio:.3g} times as far as the narrowest",
        Evidence("ratio_of_feature_spreads", ratio, _UNLIKE),
    )


def categories_in_columns(setup: Setup) -> Broken | None:
    """A column holds few different whole numbers, far apart from one, as codes of categories do."""
    if any(layer.layer_class == "Embedding" for layer in setup.model.layers):
        return None
    coded = [
        (array, i)
        for array in setup.model.inputs
        for i, feature in enumerate(array.features)
        if _is_code(array, feature) and not is_picture(array)
    ]
    if not coded:
        return None
    array, place = coded[0]
    kinds = array.features[place].distinct
    return Broken(
        f"column {place} of {array.name} holds {kinds} different whole numbers, 0 or 1 to "
        f"{array.features[place].maximum:g}, as codes of categories do",
        Evidence("columns_of_codes", float(len(coded)), 0.0),
    )


def tokens_out_of_range(setup: Setup) -> Broken | None:
    """There are tokens for which an embedding has no row: an error, and on a GPU a row of zeros."""
    rows = [layer.vocabulary for layer in setup.model.layers if layer.vocabulary]
    codes = [each for each in _features(setup) if each.whole and math.isfinite(each.maximum)]
    # Of several embeddings or inputs it does not show which is fed to which.
    if len(rows) != 1 or len(setup.model.inputs) != 1 or len(codes) != len(_features(setup)):
        return None
    low, high = min(each.minimum for each in codes), max(each.maximum for each in codes)
    if low >= 0 and high < rows[0]:
        return None
    return Broken(
        f"the tokens go from {low:g} to {high:g}, and the embedding has {rows[0]} rows: 0 to "
        f"{rows[0] - 1}",
        Evidence("largest_token", high, rows[0] - 1.0),
    )


def missing_values(setup: Setup) -> Broken | None:
    """There is nan, or infinity, in the data."""
    for array in (*setup.model.inputs, *setup.model.targets):
        share = max((each.nonfinite_share for each in array.features), default=0.0)
        if share > 0:
            return Broken(
                f"{array.name} holds values that are missing or infinite, {share:.2%} of a column",
                Evidence("share_of_missing_values", share, 0.0),
            )
    return None


def batch_large(setup: Setup) -> Broken | None:
    """An epoch is a handful of updates. Source: Keskar et al. (2017)."""
    size, samples = setup.hello.batch_size, _samples(setup)
    if size is None or samples is None or samples < _MANY or size <= _TENTH * samples:
        return None
    return Broken(
        f"a batch is {min(size / samples, 1):.0%} of the {samples:,} samples",
        Evidence("batch_share_of_data", size / samples, _TENTH),
    )


def batch_tiny(setup: Setup) -> Broken | None:
    """Each step goes by one or two samples of many."""
    size, samples = setup.hello.batch_size, _samples(setup)
    if size is None or samples is None or samples < _MANY or size > _TINY:
        return None
    return Broken(
        f"a batch is {size} of {samples:,} samples: steps go by the noise of each",
        Evidence("batch_size", float(size), float(_TINY), fires=Side.BELOW),
    )


def plan_short(setup: Setup) -> Broken | None:
    """All epochs together are fewer updates than any model needs."""
    steps, samples = setup.hello.plan_steps, _samples(setup)
    if steps is None or steps >= _FEW_UPDATES or samples is None or samples < _MANY:
        return None
    return Broken(
        f"the plan has {steps} update{'s' * (steps != 1)} in all",
        Evidence("planned_updates", float(steps), float(_FEW_UPDATES), fires=Side.BELOW),
    )


def given_in_order(setup: Setup) -> Broken | None:
    """The program asked for its samples not to be shuffled."""
    feeding, samples = setup.model.feeding, _samples(setup)
    if feeding.shuffle is not False or samples is None or setup.hello.batch_size is None:
        return None
    if samples <= setup.hello.batch_size or feeding.source in {"PyDataset", "generator"}:
        return None
    return Broken("fit is told not to shuffle")


def _optimizer(setup: Setup) -> str:
    return "" if setup.model.optimizer is None else setup.model.optimizer.name


def _rates(setup: Setup) -> tuple[float, tuple[float, float]]:
    """Return the rate and what is usual; nan of a schedule, and of an optimizer not known."""
    optimizer, known = setup.model.optimizer, _RANGES.get(_optimizer(setup))
    if optimizer is None or known is None or optimizer.schedule:
        return math.nan, (0.0, math.inf)
    rate = optimizer.learning_rate
    return (math.nan if rate is None else rate), known


def _features(setup: Setup) -> list[Feature]:
    return [feature for array in setup.model.inputs for feature in array.features]


def _widest(setup: Setup) -> float:
    return max((each.std for each in _features(setup) if math.isfinite(each.std)), default=0.0)


def _normalised(setup: Setup) -> bool:
    """Say whether a layer of the model scales what comes in."""
    scaling = {"Normalization", "Rescaling", "BatchNormalization", "LayerNormalization"}
    first = [layer.layer_class for layer in setup.model.layers[:4]]
    return not scaling.isdisjoint(first) or "Embedding" in first


def _samples(setup: Setup) -> int | None:
    return setup.model.inputs[0].samples if setup.model.inputs else None


def is_picture(array: Array) -> bool:
    """Say whether the samples look like pictures, or the columns like the pixels of small ones.

    Those are many, and all of whole numbers.
    """
    if len(array.shape) > 1:
        return len(array.shape) > 2  # noqa: PLR2004 - height, width, colours
    return len(array.features) > _PIXELS and all(each.whole for each in array.features)


def _is_code(array: Array, feature: Feature) -> bool:
    """Say whether a column looks like codes 0..n or 1..n, each of them used, in no image."""
    if len(array.shape) != 1 or not feature.whole or len(array.features) != array.shape[0]:
        return False
    if not 3 <= feature.distinct <= min(_FEW_KINDS, _SHARE_OF_KINDS * array.samples):  # noqa: PLR2004 - two are yes and no
        return False
    return feature.minimum in {0.0, 1.0} and feature.distinct == (
        feature.maximum - feature.minimum + 1
    )


RULES: tuple[Rule, ...] = (
    rate_above_range,
    rate_below_range,
    momentum_high,
    plain_descent_of_wide_inputs,
    features_of_unlike_size,
    categories_in_columns,
    tokens_out_of_range,
    missing_values,
    batch_large,
    batch_tiny,
    plan_short,
    given_in_order,
)
