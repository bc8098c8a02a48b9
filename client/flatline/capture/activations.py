"""What the units of a model's layers put out on a step: dead, saturated, or how large.

Seen by wrapping the `call` of layers while the measuring function is traced. A few samples of the
batch and some of the units are looked at: over many steps that is enough for each unit.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from flatline.capture.anatomy import activation_name
from flatline.capture.edition import keras_of
from flatline.capture.layout import Column
from flatline.capture.patches import replaced
from flatline.capture.statistics import float32, thinned
from flatline.rows import Activation, ActivationKind

SAMPLES = 16
"""Samples of a batch that are looked at."""
_ELEMENTS = 2**16
"""Elements of one layer's output that are looked at."""
_LAYERS, _UNITS = 24, 2048
"""Layers and units, of all layers together, that are looked at."""
_RECTIFIERS = {"relu", "relu6"}
_SQUASHERS = {"sigmoid": 0.0, "hard_sigmoid": 0.0, "tanh": -1.0, "hard_tanh": -1.0}
"""Squashing functions and their lower bounds; the upper one is 1."""
_CLASSES = (
    *("ReLU", "LeakyReLU", "PReLU", "ELU"),
    *("Dense", "EinsumDense", "Activation", "Conv1D", "Conv2D", "Conv3D"),
    *("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
    *("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
)
"""Layers that put out what their `activation` gives; recurrent ones put out a product of two."""
_PLAIN = {"linear", "softmax", "log_softmax", "sparsemax"}


@dataclass(frozen=True)
class Watched:
    """One layer whose outputs are looked at."""

    layer: Callable[[], Any]
    name: str
    kind: ActivationKind
    low: float = 0.0


def find_layers(model: Any) -> list[Watched]:
    """Return the layers that end in a nonlinearity, in the model's order; of many, some."""
    found = []
    for layer in model._flatten_layers(include_self=False, recursive=True):  # noqa: SLF001
        name = _function_name(layer)
        if name is None or name in _PLAIN:
            continue
        kind: ActivationKind = "unspecified"
        if name in _RECTIFIERS:
            kind = "rectifier"
        elif name in _SQUASHERS:
            kind = "squasher"
        low = _SQUASHERS.get(name, 0.0)
        found.append(Watched(weakref.ref(layer), str(layer.name), kind, low))
    return thinned(found, _LAYERS)


def _function_name(layer: Any) -> str | None:
    """Return the name of the function that a layer ends in; None: in none, or it is not known."""
    layers = keras_of(layer).layers
    if isinstance(layer, tuple(getattr(layers, name) for name in _CLASSES)):
        return activation_name(layer) or None
    return None


def watched_calls(watched: Sequence[Watched], seen: Callable[[int, Any], None]) -> ExitStack:
    """Let `seen` know, for a while, of each output of those layers, by their place in the list."""
    stack = ExitStack()
    for place, each in enumerate(watched):
        layer = each.layer()
        if layer is not None:
            stack.enter_context(replaced(layer, "call", _noted(layer.call, place, seen)))
    return stack


def _noted(call: Callable[..., Any], place: int, seen: Callable[[int, Any], None]) -> Any:
    def noted(*args: Any, **kwargs: Any) -> Any:
        output = call(*args, **kwargs)
        seen(place, output)
        return output

    return noted


def activation_columns(
    watched: Sequence[Watched], outputs: Mapping[int, Any], predictions: Any
) -> tuple[list[Activation], list[Column]]:
    """Return the layers that were seen, and the columns over them and over their units."""
    last = {id(tensor) for tensor in tf.nest.flatten(predictions)}
    taken = [
        (each, outputs[place])
        for place, each in enumerate(watched)
        if place in outputs
        and _usable(outputs[place])
        # A squashed prediction is meant to be sure.
        and not (each.kind == "squasher" and id(outputs[place]) in last)
    ]
    if not taken:
        return [], []
    most = max(_UNITS // len(taken), 8)
    described, means, spreads = [], [], []
    for each, output in taken:
        width = int(output.shape[-1])
        stride = -(-width // most)
        stride |= stride > 1  # an even one may go by the period of a layer
        some = _some(output, stride)
        # Few operations a layer: in a deep net they are what costs. The rest is done on the host.
        means.append(tf.reduce_mean(some, 0))
        spreads.append(tf.reduce_mean(tf.math.squared_difference(some, means[-1]), 0))
        described.append(Activation(each.name, each.kind, width, stride, each.low))
    columns = [
        Column("unit_mean", tf.concat(means, 0), "mean"),
        Column("unit_variance", tf.concat(spreads, 0), "variance"),
    ]
    return described, columns


def _usable(output: Any) -> bool:
    """Say whether an output is an array of numbers whose sizes are known, the batch's apart."""
    return (
        tf.is_tensor(output)
        and not isinstance(output, tf.RaggedTensor | tf.SparseTensor)
        and output.dtype.is_floating
        and output.shape.rank is not None
        and output.shape.rank >= 2  # noqa: PLR2004 - samples and units
        and output.shape[-1] is not None
        and output.shape[1:-1].num_elements() is not None
    )


def _some(output: Any, stride: int) -> Any:
    """Return some of a layer's outputs, [sample or place, unit]; every so many-th unit."""
    elements = int(np.prod(output.shape[1:]))
    samples = int(np.clip(_ELEMENTS // max(elements, 1), 1, SAMPLES))
    part: list[Any] = [slice(samples)]
    if output.shape.rank > 2:  # noqa: PLR2004 - samples and units
        part.append(slice(None, None, -(-elements // _ELEMENTS)))
    some = output[(*part, ..., slice(None, None, stride))]
    if output.shape.rank > 2:  # noqa: PLR2004
        some = tf.reshape(some, [-1, -(-int(output.shape[-1]) // stride)])
    return float32(some)
