"""What a compiled model is made of, read from its objects: no data, and nothing of a graph."""

from typing import Any

import tensorflow as tf

from flatline.capture.edition import is_schedule, keras_of, rate_of
from flatline.capture.optimizer import inner_optimizer, learning_rate
from flatline.model import LAYERS_MOST, METRICS_MOST, Layer, Optimizer

_UNITS = ("units", "filters", "output_dim")
_INITIALIZERS = ("kernel_initializer", "embeddings_initializer", "depthwise_initializer")
_REGULARIZERS = ("kernel_regularizer", "embeddings_regularizer", "depthwise_regularizer")
_SCALES = ("stddev", "value", "maxval", "gain", "scale")
"""What initializers call the number that they were made with."""
_BY_SIZE = {"GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal"}
"""Initializers whose number is part of their definition."""


def read_layers(model: Any) -> tuple[Layer, ...]:
    """Return the layers that hold no others, in the order in which they were made."""
    last = _last_layer(model)
    leaves = [
        layer
        for layer in _parts(model)
        if not (_parts(layer) or isinstance(layer, keras_of(layer).layers.InputLayer))
    ]
    if len(leaves) > LAYERS_MOST:
        half = LAYERS_MOST // 2
        leaves = leaves[:half] + leaves[-half:]
    return tuple(_layer(each, output=each is last) for each in leaves)


def is_chain(model: Any) -> bool:
    """Say whether each layer's only input is the output of the one before, as far as it shows."""
    keras = keras_of(model)
    if isinstance(model, keras.Sequential):
        return all(not isinstance(each, keras.Model) or is_chain(each) for each in model.layers)
    if not getattr(model, "outputs", None) or len(model.outputs) != 1 or len(model.inputs) != 1:
        return False
    parts = getattr(model, "operations", model.layers)
    return all(
        isinstance(each, keras.layers.InputLayer)
        or (_inputs(each) == 1 and (not isinstance(each, keras.Model) or is_chain(each)))
        for each in parts
    )


def read_optimizer(model: Any) -> Optimizer | None:
    """Return what updates the weights; None: there is not just one."""
    optimizer = inner_optimizer(model)
    if optimizer is None:
        return None
    rate = rate_of(optimizer)
    numbers = {
        name: _number(getattr(optimizer, name, None))
        for name in (
            *("momentum", "epsilon", "weight_decay"),
            *("clipnorm", "clipvalue", "global_clipnorm"),
        )
    }
    return Optimizer(
        name=type(optimizer).__name__,
        learning_rate=learning_rate(model, done=False),
        schedule=type(rate).__name__ if is_schedule(optimizer, rate) else "",
        **numbers,
    )


def read_metrics(model: Any) -> tuple[str, ...]:
    """Return the compiled metrics, by their names where they have one, else by their classes."""
    compiled = getattr(model, "_compile_metrics", None) or getattr(model, "compiled_metrics", None)
    given = tf.nest.flatten(getattr(compiled, "_user_metrics", None) or ())
    names = (
        each if isinstance(each, str) else getattr(each, "__name__", type(each).__name__)
        for each in given
    )
    return tuple(names)[:METRICS_MOST]


def read_policy(model: Any) -> str:
    """Return the name of the policy of the numbers' types."""
    policy = getattr(model, "dtype_policy", None)
    return str(getattr(policy, "name", policy or ""))


def _layer(layer: Any, *, output: bool) -> Layer:
    activation = activation_name(layer)
    scale = _first(layer, _INITIALIZERS)
    penalty = _first(layer, _REGULARIZERS)
    units = next((getattr(layer, name) for name in _UNITS if hasattr(layer, name)), None)
    axis = getattr(layer, "axis", None) if type(layer).__name__ == "Softmax" else None
    return Layer(
        name=str(layer.name),
        layer_class=type(layer).__name__,
        activation=activation,
        units=_whole(units),
        initializer="" if scale is None else type(scale).__name__,
        initializer_scale=_scale(scale),
        l1=_number(getattr(penalty, "l1", None)),
        l2=_number(getattr(penalty, "l2", None)),
        rate=_rate(layer),
        axis=-1 if activation == "softmax" and axis is None else axis,
        trainable=bool(layer.trainable),
        output=output,
        vocabulary=_whole(getattr(layer, "input_dim", None)),
    )


def activation_name(layer: Any) -> str:
    """Return the name of a layer's nonlinearity; empty: it has none."""
    layers = keras_of(layer).layers
    if isinstance(layer, layers.ReLU):
        return "leaky_relu" if getattr(layer, "negative_slope", 0.0) else "relu"
    for name in ("Softmax", "LeakyReLU", "PReLU", "ELU"):
        if isinstance(layer, getattr(layers, name, ())):
            return {"Softmax": "softmax", "LeakyReLU": "leaky_relu"}.get(name, name.lower())
    function = getattr(layer, "activation", None)
    if function is None:
        return ""
    return str(getattr(function, "__name__", type(function).__name__))


def _last_layer(model: Any) -> Any:
    """Return the layer whose output is the model's only one; None: that does not show."""
    keras = keras_of(model)
    if isinstance(model, keras.Sequential):
        last = model.layers[-1] if model.layers else None
    elif getattr(model, "outputs", None) and len(model.outputs) == 1:
        last = model.outputs[0]._keras_history[0]  # noqa: SLF001 - Keras shows it nowhere else
    else:
        return None
    if isinstance(last, keras.Model):
        return _last_layer(last)
    while last is not None and _parts(last):
        last = _parts(last)[-1]
    return last


def _parts(layer: Any) -> list[Any]:
    """Return the layers that a layer or a model holds, and those that they hold."""
    return list(layer._flatten_layers(include_self=False, recursive=True))  # noqa: SLF001


def _inputs(layer: Any) -> int:
    """Return how many tensors a layer is called with, over all its calls."""
    nodes = getattr(layer, "_inbound_nodes", ())
    return sum(len(tf.nest.flatten(node.input_tensors)) for node in nodes)


def _first(layer: Any, names: tuple[str, ...]) -> Any:
    """Return the first of these attributes that a layer has."""
    return next((v for name in names if (v := getattr(layer, name, None)) is not None), None)


def _scale(initializer: Any) -> float | None:
    if type(initializer).__name__ in _BY_SIZE:
        return None
    return _number(_first(initializer, _SCALES))


def _rate(layer: Any) -> float | None:
    """Return the share that a dropout layer, or one within a recurrent cell, leaves out."""
    if "Dropout" in type(layer).__name__:
        return _number(getattr(layer, "rate", None))
    within = _number(getattr(layer, "dropout", None)) if _is_cell(layer) else None
    return within or None


def _is_cell(layer: Any) -> bool:
    return type(layer).__name__.endswith("Cell")


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: Any) -> float | None:
    """Return a number of any make; None: it is none."""
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
