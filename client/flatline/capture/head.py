"""What a model learns, as far as its compiled loss says."""

import re
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from flatline.capture.edition import compiled_loss, keras_of
from flatline.model import Loss
from flatline.rows import LossKind, Task

Kind: TypeAlias = Literal["softmax", "sigmoid", "numbers", "unknown"]
"""How predictions are read: the largest of K, each against a threshold, as numbers, not at all."""

_LOSSES: dict[str, tuple[Kind, LossKind]] = {
    "sparse_categorical_crossentropy": ("softmax", "cross_entropy"),
    "categorical_crossentropy": ("softmax", "cross_entropy"),
    "categorical_focal_crossentropy": ("softmax", "unspecified"),
    "binary_crossentropy": ("sigmoid", "binary_cross_entropy"),
    "binary_focal_crossentropy": ("sigmoid", "unspecified"),
    "mean_squared_error": ("numbers", "squared_error"),
    "mean_absolute_error": ("numbers", "absolute_error"),
    "mean_absolute_percentage_error": ("numbers", "unspecified"),
    "mean_squared_logarithmic_error": ("numbers", "unspecified"),
    "huber": ("numbers", "unspecified"),
    "log_cosh": ("numbers", "unspecified"),
    "poisson": ("numbers", "unspecified"),
}
_KINDS: dict[str, Kind] = {
    "classification": "softmax",
    "multilabel": "sigmoid",
    "regression": "numbers",
}


@dataclass(frozen=True)
class Head:
    """How the one output of a model is read and judged."""

    kind: Kind = "unknown"
    from_logits: bool = False
    """For a sigmoid: predictions are logits, compared with 0 and not with 0.5."""
    task: Task = "unspecified"
    loss_kind: LossKind = "unspecified"
    loss_name: str = ""
    class_count: int | None = None
    ignored: int | None = None
    """A label that the loss leaves out; its samples are not counted."""


def read_head(model: Any, task: str) -> Head:
    """Return the head of a compiled model; `task` other than "auto" is taken as given."""
    head = _from_loss(model)
    if task == "auto":
        return head
    kind = _KINDS.get(task, "unknown")
    if task == "classification" and head.kind == "sigmoid":
        kind = "sigmoid"
    classes = head.class_count if task == "classification" else None
    return replace(head, kind=kind, task=_task(task), class_count=classes)


def _task(name: str) -> Task:
    """Return the task of that name, "unspecified" for one that the wire does not know."""
    tasks: tuple[Task, ...] = ("classification", "multilabel", "regression", "gan", "rl", "ssl")
    return next((task for task in tasks if task == name), "unspecified")


def read_loss(model: Any) -> Loss | None:
    """Return the compiled loss, where there is one for one output."""
    loss = _only_loss(model)
    if loss is None or isinstance(loss, dict | list | tuple):
        return None
    keras = keras_of(model)
    name, loss = _resolved(keras, loss)
    logits, smoothing = option(loss, "from_logits"), option(loss, "label_smoothing")
    module = str(getattr(loss, "__module__", "")).partition(".")[0]
    return Loss(
        name=name,
        from_logits=None if logits is None else bool(logits),
        label_smoothing=None if smoothing is None else float(smoothing),
        reduction=str(getattr(loss, "reduction", "") or ""),
        own=loss is not None and module not in {keras.__name__, "tensorflow"},
    )


def _only_loss(model: Any) -> Any:
    loss = getattr(model, "loss", None)
    if isinstance(loss, dict | list | tuple) and len(loss) == 1:
        return next(iter(loss.values() if isinstance(loss, dict) else loss))
    return loss


def _from_loss(model: Any) -> Head:
    """Read the head from the loss, where there is one loss for one output."""
    loss = _only_loss(model)
    if loss is None or isinstance(loss, dict | list | tuple):
        return Head(loss_name="several" if loss else "")
    name, loss = _resolved(keras_of(model), loss)
    kind, loss_kind = _LOSSES.get(name, ("unknown", "unspecified"))
    if not _is_mean(model, loss) or float(option(loss, "label_smoothing") or 0.0) > 0:
        loss_kind = "unspecified"
    head = Head(
        kind=kind,
        from_logits=bool(option(loss, "from_logits")),
        loss_kind=loss_kind,
        loss_name=name,
        ignored=option(loss, "ignore_class"),
    )
    return _with_width(head, _output_width(model))


def _with_width(head: Head, width: int | None) -> Head:
    """Complete a head by the size of the output's last axis; None: not known yet."""
    if head.kind == "numbers":
        return replace(head, task="regression")
    if head.kind == "softmax":
        return replace(head, task="classification", class_count=width)
    if head.kind != "sigmoid" or width is None:
        return replace(head, loss_kind="unspecified") if head.kind == "sigmoid" else head
    if width > 1:
        return replace(head, task="multilabel")
    known = head.loss_kind != "unspecified"
    kind: LossKind = "cross_entropy" if known else "unspecified"
    return replace(head, task="classification", class_count=2, loss_kind=kind)


def option(loss: Any, name: str) -> Any:
    """Return what a loss was made with; None: nothing, or it has no such option."""
    kept = getattr(loss, "_fn_kwargs", None)  # Keras 2 keeps most of them there
    return getattr(loss, name, kept.get(name) if isinstance(kept, dict) else None)


def _resolved(keras: Any, loss: Any) -> tuple[str, Any]:
    """Return Keras's name of a loss, and the loss itself; a loss of the program keeps its own."""
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            return loss, None  # an alias that Keras resolves by shapes
    if isinstance(loss, keras.losses.Loss):
        cls = type(loss).__name__
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls).lower()
        package = type(loss).__module__.partition(".")[0]
        return (snake if package == keras.__name__ else cls), loss
    return str(getattr(loss, "__name__", type(loss).__name__)), loss


def _is_mean(model: Any, loss: Any) -> bool:
    """Say whether the loss is a plain mean over the batch."""
    reduction = getattr(loss, "reduction", "sum_over_batch_size")
    if reduction not in {"auto", "sum_over_batch_size", "mean", "mean_with_sample_weight"}:
        return False
    compiled = compiled_loss(model)
    return getattr(compiled, "_user_loss_weights", None) is None and not _overrides_loss(model)


def _overrides_loss(model: Any) -> bool:
    """Say whether the program computes its loss in a way of its own."""
    return type(model).compute_loss is not keras_of(model).Model.compute_loss


def _output_width(model: Any) -> int | None:
    """Return the size of the single output's last axis; None: not known."""
    try:
        shape = model.output_shape
    except (AttributeError, ValueError):
        return None
    if not isinstance(shape, tuple) or not shape or isinstance(shape[0], tuple):
        return None
    return 1 if len(shape) == 1 else shape[-1]
