"""Which Keras an object is of, 2 or 3, and what is called otherwise in Keras 2.

Keras 2 is the package `keras` beside TensorFlow up to 2.15, and `tf_keras` beside later ones. A
program may hold both, so it is the model that decides, and not what can be imported.
"""

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGES = {"keras", "tf_keras"}


def keras_of(thing: Any) -> Any:
    """Return the Keras that the class of a model, layer or optimizer comes from."""
    for cls in type(thing).__mro__:
        package = cls.__module__.partition(".")[0]
        if package in _PACKAGES:
            return importlib.import_module(package)
    return importlib.import_module("keras")


def version_of(thing: Any) -> tuple[int, ...]:
    """Return the major and minor version of that Keras."""
    return tuple(int(part) for part in keras_of(thing).__version__.split(".")[:2])


def is_legacy(thing: Any) -> bool:
    """Say whether a model or an optimizer is of Keras 2."""
    return version_of(thing) < (3, 0)


def stacks_replicas(model: Any) -> bool:
    """Say whether arrays of all replicas come out of a step; before 3.3 one mean over them did."""
    return version_of(model) >= (3, 3)


def counts_samples(model: Any) -> bool:
    """Say whether the running mean of the loss counts samples; from 3.0 to 3.2, batches."""
    return not (3, 0) <= version_of(model) < (3, 3)


def optimizer_classes(keras: Any) -> tuple[Any, ...]:
    """Return the classes that all optimizers of a Keras derive from."""
    legacy = getattr(getattr(keras.optimizers, "legacy", None), "Optimizer", None)
    return (keras.optimizers.Optimizer, *([legacy] if isinstance(legacy, type) else []))


def rate_of(optimizer: Any) -> Any:
    """Return the rate or the schedule that an optimizer was given; None: none can be read."""
    rate = getattr(optimizer, "_learning_rate", None)
    if rate is None and is_legacy(optimizer):
        rate = getattr(optimizer, "learning_rate", None)  # of keras.optimizers.legacy
    return rate


def is_schedule(optimizer: Any, rate: Any) -> bool:
    """Say whether that rate is a schedule."""
    return isinstance(rate, keras_of(optimizer).optimizers.schedules.LearningRateSchedule)


def compiled_loss(model: Any) -> Any:
    """Return what holds the losses of a compiled model; None: there is none."""
    name = "compiled_loss" if is_legacy(model) else "_compile_loss"
    return getattr(model, name, None)


def loss_tracker(model: Any) -> Any:
    """Return the running mean of a model's loss; None: there is none."""
    if is_legacy(model):
        return getattr(compiled_loss(model), "_total_loss_mean", None)
    return getattr(model, "_loss_tracker", None)


def steps_per_call(model: Any) -> int:
    """Return how many steps a call of the train function takes."""
    steps = getattr(model, "steps_per_execution", None)  # Keras 2.13 has only the private one
    steps = getattr(model, "_steps_per_execution", None) if steps is None else steps
    return 1 if steps is None else int(tf.convert_to_tensor(steps))  # in Keras 2 a variable


def unconverted(function: F) -> F:
    """Keep autograph from rewriting a function of ours, as Keras 2 has it do under XLA.

    do_not_convert would hold for all that the function calls; layers of the program may rely on
    being rewritten.
    """
    function.autograph_info__ = {}  # type: ignore[attr-defined]  # as autograph marks its own
    return function
