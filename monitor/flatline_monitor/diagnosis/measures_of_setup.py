"""What the set-up of a run tells beside its faults, in numbers."""

from flatline_monitor.detectors.faults_of_feeding import is_picture
from flatline_monitor.detectors.faults_of_layers import SQUASHERS
from flatline_monitor.diagnosis import measures
from flatline_monitor.runs.model import Layer, Model
from flatline_monitor.runs.view import RunView

_UNLIKE = 1.5
"""Times as many samples, and times the weight, from which on a class has more of it."""
_SQUASHING = {*SQUASHERS, "softmax"}


def is_regularized(view: RunView) -> bool | None:
    """Say whether dropout, a penalty or decay holds the weights down; None: not all is known."""
    model = view.model
    if model is None:
        return None
    decay = model.optimizer is not None and bool(model.optimizer.weight_decay)
    seen = decay or any(layer.rate or layer.l1 or layer.l2 for layer in model.layers)
    return seen if seen or model.chain else None


def squashing_layers(view: RunView) -> int | None:
    """Count the hidden layers that end in a sigmoid or the like; None: not all are known."""
    model = view.model
    if model is None or not model.chain or any(_is_opaque(each) for each in model.layers):
        return None
    return sum(each.activation in _SQUASHING for each in model.layers if not each.output)


def are_pictures(view: RunView) -> bool:
    """Say whether the inputs look like pictures."""
    return view.model is not None and any(is_picture(array) for array in view.model.inputs)


def weights_reversed(view: RunView) -> str:
    """Say that the commonest class weighs more than the rarest; empty: it does not."""
    counts = measures.counts(view.coarse, "label_count")
    weights = _class_weight(view.model)
    if len(counts) < 2 or not all(i in weights for i in range(len(counts))) or not min(counts):  # noqa: PLR2004 - classes
        return ""
    most, least = counts.index(max(counts)), counts.index(min(counts))
    if counts[most] < _UNLIKE * counts[least] or weights[most] < _UNLIKE * weights[least]:
        return ""
    return (
        f"class_weight gives {weights[most]:g} to class {most}, the commonest, and "
        f"{weights[least]:g} to class {least}, the rarest"
    )


def _class_weight(model: Model | None) -> dict[int, float]:
    return {} if model is None else dict(model.feeding.class_weight)


def _is_opaque(layer: Layer) -> bool:
    """Say whether a layer may do anything."""
    return layer.layer_class == "Lambda"
