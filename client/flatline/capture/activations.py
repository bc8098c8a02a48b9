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

from flatline.capture.edition import keras_of
from flatline.capture.layout import Column
from flatline.capture.patches import replaced
from flatline.capture.statistics import float32
from flatline.rows import Activation, ActivationKind

SAMPLES = 16
"""Samples of a batch that are looked at."""
_ELEMENTS = 2**16
"""Elements of one layer's output that are looked at."""
_LAYERS, _UNITS = 64, 2048
"""Layers and units, of all layers together, that are looked at."""
BOUND = 0.98661
"""A squashed value, scaled to -1..1, beyond which a unit passes on next to no gradient.

It is the sigmoid at +-5 (DeepDiagnosis, section 3.2).
"""
_RECTIFIERS = {"relu", "relu6"}
_SQUASHERS = {"sigmoid": 0.0, "hard_sigmoid": 0.0, "tanh": -1.0, "hard_tanh": -1.0}
"""Squashing functions and their lower bounds; the upper one is 1."""
_CLASSES = (
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
    stride = -(-len(found) // _LAYERS) or 1
    return found[::stride]


def _function_name(layer: Any) -> str | None:
    """Return the name of the function that a layer ends in; None: in none, or it is not known."""
    layers = keras_of(layer).layers
    if isinstance(layer, layers.ReLU):
        return "leaky" if getattr(layer, "negative_slope", 0.0) else "relu"
    for name in ("LeakyReLU", "PReLU", "ELU"):
        if isinstance(layer, getattr(layers, name, ())):
            return name
    if not isinstance(layer, tuple(getattr(layers, name) for name in _CLASSES)):
        return None
    function = getattr(layer, "activation", None)
    return None if function is None else str(getattr(function, "__name__", "unknown"))


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
    sizes: list[Any] = []
    units: dict[str, list[Any]] = {"rectifier": [], "squasher": []}
    for each, output in taken:
        some = _some(output)
        sizes.append(tf.stack([tf.reduce_mean(some), tf.nn.l2_loss(some) / _half(some)]))
        if each.kind in units:
            stopped = tf.sign(some) if each.kind == "rectifier" else _saturated(some, each.low)
            stride = -(-int(output.shape[-1]) // most)
            units[each.kind].append(
                tf.reduce_mean(stopped[:, ::stride] if stride > 1 else stopped, 0)
            )
    columns = [Column("activation", tf.stack(sizes), "mean")]
    columns += [Column(f"{kind}_units", tf.concat(v, 0), "mean") for kind, v in units.items() if v]
    described = [
        Activation(each.name, each.kind, int(output.shape[-1]), -(-int(output.shape[-1]) // most))
        for each, output in taken
    ]
    return described, columns


def _saturated(some: Any, low: float) -> Any:
    scaled = some if low < 0 else 2.0 * some - 1.0
    return float32(tf.abs(scaled) > BOUND)


def _half(some: Any) -> Any:
    return float32(tf.size(some)) / 2.0


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


def _some(output: Any) -> Any:
    """Return some of a layer's outputs, [sample or place, unit]."""
    elements = int(np.prod(output.shape[1:]))
    samples = int(np.clip(_ELEMENTS // max(elements, 1), 1, SAMPLES))
    some = output[:samples]
    if elements > _ELEMENTS and output.shape.rank > 2:  # noqa: PLR2004 - samples and units
        some = some[:, :: -(-elements // _ELEMENTS)]
    if output.shape.rank > 2:  # noqa: PLR2004
        some = tf.reshape(some, [-1, int(output.shape[-1])])
    return float32(some)
